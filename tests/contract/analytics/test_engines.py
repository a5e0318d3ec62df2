"""What SQL leaves to the engine, and Ibis does not promise: both engines mean the same, and what is expected here.

Every case is an expression over the store's tables as analytics writes them, with the answer it has to have.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from ibis import _

from questlog.analytics.engine.compile import compiled
from questlog.analytics.engine.functions import attribute, epoch_us
from questlog.analytics.engine.tables import events, players, sessions
from tests.support.engines import BothEngines, ExactOnly, InexactFunction, embedded_store
from tests.support.generated_histories import Event, History, load
from tests.support.staged import DAY, NOON

_OLD = -7 * 3600 * 1_000_000
"""1969-12-31 17:00 UTC."""
_FAR = 7_258_118_400_000_000 - 1
"""The last microsecond of 2199, long after a 16-bit day (2149) and 32-bit seconds (2106) end."""

_ATTRIBUTES = {
    "text": "a \"b\" 'c' \\ ü",
    "empty": "",
    "whole": 10,
    "huge": 12345678901234567890,
    "share": 1.5,
    "round": 2.0,
    "yes": True,
    "nothing": None,
    "list": [1, "x"],
    "object": {"a": {"b": 1}},
    "fields": {"a/b~1.c": 9.0},
    "a.b": "dotted",
    'q"k': "quoted",
    "ключ": "ключ",
    "list[0]": "bracketed",
}


def _event(value: float | None = None, **fields: Any) -> Event:
    return Event(**{"category": "design", "received_at": NOON, "value": value, **fields})


HISTORY = History(
    (
        _event(1.0, event_id="a:b", country="DE", player_id="p", session_id="s", attributes=_ATTRIBUTES),
        _event(2.0, event_id="a:b:c", country="DE", player_id="p", amount=150, currency="USD", attributes={}),
        _event(None, event_id="a", country="DE", player_id="q", amount=-50, currency="USD"),
        _event(4.0, event_id="a::c", country="FR", player_id="q", platform="ios", custom_01="10"),
        _event(None, event_id=None, country="US", custom_01="9", received_at=NOON + 1),
        _event(None, event_id="", country=None, custom_01="1e1", received_at=NOON + DAY),
        _event(8.0, event_id="ä:ö", country=None, custom_01="x", received_at=_OLD),
        _event(0.5, event_id="Z", country="", custom_01="%_\\'", received_at=_FAR, amount=5, currency="XXX"),
    )
)


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        load(store, HISTORY)
        yield BothEngines(store)


Rows = list[tuple[Any, ...]]
_DE, _FR = events.country == "DE", events.country == "FR"
_NONE = events.row_no < 0
_VALUE, _USD = events.value, events.amount_usd
_TIME = events.event_time


def _by_row(**columns: ir.Value) -> ir.Table:
    """The expressions of each event, in order."""
    return events.select(events.row_no, **columns).order_by("row_no").drop("row_no")


def _of(*rows: int) -> ir.Table:
    """Some of the events, by their numbers."""
    return events.filter(events.row_no.isin(rows))


def _ordered(by: ir.Column) -> Any:
    return ibis.window(group_by=events.country, order_by=by)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


_THREE = ["2026-01-01 12:00:00", "1969-12-31 17:00:00", "2199-12-31 23:59:59.999999"]


def _truncated(unit: str) -> ir.Table:
    rows = _of(1, 7, 8)
    return rows.select(rows.row_no, at=rows.event_time.truncate(unit)).order_by("row_no").drop("row_no")


def _truncated_day(unit: str) -> ir.Table:
    rows = _of(1, 7, 8)
    at = rows.event_time.date().truncate(unit).cast("date")
    return rows.select(rows.row_no, at=at).order_by("row_no").drop("row_no")


def _attribute(key: str) -> ir.Table:
    return _of(1).select(found=attribute(events.attributes, key))


def _case_sums_of_nothing() -> ir.Table:
    rows = events.filter(_NONE)
    return rows.agg(
        [
            rows.count(),
            rows.value.sum(),
            rows.value.mean(),
            rows.value.min(),
            rows.value.median(),
            rows.player_no.nunique(),
            rows.value.count(),
            rows.amount_usd.sum(),
        ]
    )


def _case_groups_with_nothing_in_them() -> ir.Table:
    aggregates = {
        "n": events.count(),
        "values": _VALUE.count(),
        "total": _VALUE.sum(),
        "mean": _VALUE.mean(),
        "most": _VALUE.max(),
        "usd": _USD.sum(),
        "players": events.player_no.nunique(),
    }
    return events.group_by("country").agg(**aggregates).order_by(ibis.asc(_.country, nulls_first=True))


def _case_filtered_aggregates() -> ir.Table:
    rows = events.filter(_DE | _FR)
    is_more = rows.value > 1
    aggregates = {
        "n": rows.count(where=is_more),
        "total": rows.value.sum(where=is_more),
        "median": rows.value.median(where=is_more),
        "players": rows.player_no.nunique(where=is_more),
        "usd": rows.amount_usd.sum(where=rows.amount_usd > 0),
    }
    return rows.group_by("country").agg(**aggregates).order_by("country")


def _case_quantiles() -> ir.Table:
    half, most = _VALUE.quantile(0.5), _VALUE.quantile(0.95)
    return events.agg(
        [
            half,
            most,
            _VALUE.median().name("again"),
            _VALUE.median(where=_VALUE < 8),
            _VALUE.quantile(0.95, where=_VALUE == 4),
            events.row_no.median(),
            events.row_no.quantile(0.95),
            _USD.cast("float64").median(),
        ]
    )


def _case_nothing_divided() -> ir.Table:
    rows = events.filter(_NONE)
    return rows.agg(rows.amount_usd.sum().cast("float64") / rows.count().nullif(0).cast("float64"))


def _case_outer_join() -> ir.Table:
    joined = events.left_join(players, events.player_no == players.player_no)
    return joined.select("row_no", who=players.player_id, n=players.events).order_by("row_no").drop("row_no")


def _case_join_on_null() -> ir.Table:
    other = events.select(theirs=events.country).distinct()
    joined = events.join(other, events.country == other.theirs)
    return joined.agg(joined.count())


def _case_anti_join() -> ir.Table:
    rows = events.anti_join(sessions, events.session_no == sessions.session_no)
    return rows.agg(rows.count())


def _case_neighbours() -> ir.Table:
    window = _ordered(events.row_no)
    rows = events.filter(_DE).mutate(
        before=_VALUE.lag().over(window),
        after=events.row_no.lead().over(window),
        place=ibis.row_number().over(window),
        so_far=_VALUE.sum().over(ibis.cumulative_window(group_by=events.country, order_by=events.row_no)),
    )
    return rows.order_by("row_no").select("before", "after", "place", "so_far")


def _case_last_of_each() -> ir.Table:
    last = events.event_id.argmax(events.row_no)
    return events.group_by("country").agg(last=last).order_by(ibis.asc(_.country, nulls_first=True)).select("last")


def _case_names_taken_again() -> ir.Table:
    rows = events.group_by(country=events.country.fill_null("-")).agg(value=_VALUE.sum(), count=_VALUE.count())
    return rows.filter(rows["count"] > 1).order_by(ibis.desc("value")).select("country", "value")


def _case_union() -> ir.Table:
    one, other = (_of(row).select("country") for row in (1, 2))
    both = ibis.union(one, other, distinct=True)
    all_of_them = ibis.union(one, other)
    return both.agg(n=both.count()).cross_join(all_of_them.agg(m=all_of_them.count()))


def _numbers(text: ir.StringColumn) -> ir.Value:
    return text.try_cast("float64")


CASES: dict[str, tuple[Callable[[], ir.Table], Rows]] = {
    "times beside a time that 32 bits cannot say": (
        lambda: events.filter(ibis.timestamp("2200-01-01 00:00:00") > _TIME).aggregate(rows=_.count()),
        [(8,)],
    ),
    "sums of nothing are null, counts are 0": (_case_sums_of_nothing, [(0, None, None, None, None, 0, 0, None)]),
    "groups with nothing in them, and the group of no value": (
        _case_groups_with_nothing_in_them,
        [
            (None, 2, 1, 8.0, 8.0, 8.0, None, 0),
            ("", 1, 1, 0.5, 0.5, 0.5, None, 0),
            ("DE", 3, 2, 3.0, 1.5, 2.0, Decimal(1), 2),
            ("FR", 1, 1, 4.0, 4.0, 4.0, None, 1),
            ("US", 1, 0, None, None, None, None, 0),
        ],
    ),
    "aggregates of a part of a group": (
        _case_filtered_aggregates,
        [("DE", 1, 2.0, 2.0, 1, Decimal("1.5")), ("FR", 1, 4.0, 4.0, 1, None)],
    ),
    "a median is the mean of the middle two, p95 lies between two": (
        _case_quantiles,
        [(2.0, 7.2, 2.0, 1.5, 4.0, 4.5, 7.65, 0.5)],
    ),
    "decimals add up exactly": (lambda: events.agg([_USD.sum(), _USD.sum().cast("float64")]), [(Decimal(1), 1.0)]),
    "a quotient of decimals is a float": (
        lambda: events.agg(_USD.sum().cast("float64") / events.count().cast("float64")),
        [(0.125,)],
    ),
    "nothing divided by nothing": (_case_nothing_divided, [(None,)]),
    "an outer join finds nothing": (
        _case_outer_join,
        [("p", 2), ("p", 2), ("q", 2), ("q", 2), (None, None), (None, None), (None, None), (None, None)],
    ),
    "null joins nothing": (_case_join_on_null, [(6,)]),
    "an anti join keeps null": (_case_anti_join, [(7,)]),
    "neighbours": (_case_neighbours, [(None, 2, 0, 1.0), (1.0, 3, 1, 3.0), (2.0, None, 2, 3.0)]),
    "the last of each": (_case_last_of_each, [("ä:ö",), ("Z",), ("a",), ("a::c",), (None,)]),
    "an aggregate named like a column": (_case_names_taken_again, [("DE", 3.0)]),
    "unions": (_case_union, [(1, 2)]),
    "minutes": (lambda: _truncated("m"), [(_time(_THREE[0]),), (_time(_THREE[1]),), (_time("2199-12-31 23:59"),)]),
    "hours": (lambda: _truncated("h"), [(_time(_THREE[0]),), (_time(_THREE[1]),), (_time("2199-12-31 23:00"),)]),
    "days as times": (
        lambda: _truncated("D"),
        [(_time("2026-01-01"),), (_time("1969-12-31"),), (_time("2199-12-31"),)],
    ),
    "days": (
        lambda: _by_row(day=_TIME.date()),
        [*[(_day("2026-01-01"),)] * 5, (_day("2026-01-02"),), (_day("1969-12-31"),), (_day("2199-12-31"),)],
    ),
    "weeks begin on Monday": (
        lambda: _truncated_day("W"),
        [(_day("2025-12-29"),), (_day("1969-12-29"),), (_day("2199-12-30"),)],
    ),
    "months": (lambda: _truncated_day("M"), [(_day("2026-01-01"),), (_day("1969-12-01"),), (_day("2199-12-01"),)]),
    "days are counted": (
        lambda: _of(1, 7).select(n=_TIME.date().delta(ibis.date("2025-12-30"), unit="day")).order_by("n"),
        [(-20453,), (2,)],
    ),
    "days are added": (
        lambda: _of(1).select((_TIME.date() + ibis.interval(days=3)).cast("date")),
        [(_day("2026-01-04"),)],
    ),
    "microseconds": (lambda: _of(1, 7, 8).select(us=epoch_us(_TIME)).order_by("us"), [(_OLD,), (NOON,), (_FAR,)]),
    "a time is compared to the microsecond": (
        lambda: events.agg(events.count(where=ibis.timestamp("2026-01-01 12:00:00.000001") <= _TIME)),
        [(3,)],
    ),
    "parts of an id": (
        lambda: _by_row(part=events.event_id.fill_null("").split(":")[1].nullif("")),
        [("b",), ("b",), (None,), (None,), (None,), (None,), ("ö",), (None,)],
    ),
    "text is ordered by its bytes": (
        lambda: _of(1, 7, 8).select("event_id").order_by("event_id"),
        [("Z",), ("a:b",), ("ä:ö",)],
    ),
    "nulls come last": (lambda: events.select("event_id").order_by("event_id").limit(9, offset=7), [(None,)]),
    "text is taken as it is": (
        lambda: events.agg(
            [
                events.count(where=events.custom_01 == "%_\\'"),
                events.count(where=events.custom_01.contains("_\\")),
                events.count(where=events.custom_01.contains("%")),
                events.count(where=events.event_id.startswith("a:")),
                events.count(where=events.event_id.re_search("^[a-ä]+:.$")),
                events.count(where=events.event_id.re_search("(?i)z")),
                events.count(where=events.country.isin(["de", "DE\n", "DE\0"])),
            ]
        ),
        [(1, 1, 1, 3, 2, 1, 0)],
    ),
    "null is in nothing, and not in nothing": (
        lambda: events.agg(
            [
                events.count(where=events.country.isin(["DE"])),
                events.count(where=~events.country.isin(["DE"])),
                events.count(where=events.country != "DE"),
                events.count(where=~events.country.isin(["DE"]).fill_null(False)),
                events.count(where=(events.country == "DE").isnull()),
            ]
        ),
        [(3, 3, 3, 5, 2)],
    ),
    "three-valued logic": (
        lambda: events.agg(
            [
                events.count(where=_DE | (_VALUE > 1)),
                events.count(where=_DE & (_VALUE > 1)),
                events.count(where=~(_DE & (_VALUE > 1))),
            ]
        ),
        [(5, 1, 4)],
    ),
    "cases": (
        lambda: _by_row(case=ibis.cases((_VALUE > 1, "many"), (_VALUE.isnull(), None), else_="one")),
        [("one",), ("many",), (None,), ("many",), (None,), (None,), ("many",), ("one",)],
    ),
    "the least of two does not look at null": (
        lambda: _of(3).select(ibis.least(_VALUE, 3.0), ibis.greatest(_VALUE, 3.0), ibis.coalesce(_VALUE, 7.0)),
        [(3.0, 3.0, 7.0)],
    ),
    "text as numbers": (
        lambda: _by_row(number=_numbers(events.custom_01)),
        [(None,), (None,), (None,), (10.0,), (9.0,), (10.0,), (None,), (None,)],
    ),
    "truths are truths": (
        lambda: _of(3, 4).select("row_no", is_it=(_VALUE > 3).cast("boolean")).order_by("row_no").select("is_it"),
        [(None,), (True,)],
    ),
    "many different ones are counted exactly": (
        lambda: ibis.range(0, 300_000).unnest().name("n").as_table().agg(n=_.n.nunique()),
        [(300_000,)],
    ),
    **{
        f"attribute {key}": (lambda key=key: _attribute(key), [(text,)])  # type: ignore[misc]
        for key, text in {
            "text": _ATTRIBUTES["text"],
            "empty": "",
            "whole": "10",
            "huge": "12345678901234567890",
            "share": "1.5",
            "round": "2.0",
            "yes": "true",
            "nothing": None,
            "missing": None,
            "list": '[1,"x"]',
            "object": '{"a":{"b":1}}',
            "a.b": "dotted",
            'q"k': "quoted",
            "ключ": "ключ",
            "list[0]": "bracketed",
            "$": None,
            "*": None,
            "": None,
            "o'neil": None,
        }.items()
    },
    "attributes in objects": (
        lambda: _of(1).select(
            one=attribute(events.attributes, "object", "a"),
            other=attribute(events.attributes, "object", "b"),
            odd=attribute(events.attributes, "fields", "a/b~1.c"),
            text=attribute(events.attributes, "text", "a"),
        ),
        [('{"b":1}', None, "9.0", None)],
    ),
    "an attribute of nothing": (lambda: _of(2, 3).select(found=attribute(events.attributes, "text")), [(None,)] * 2),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse"])
def test_it_means_what_is_expected(engines: BothEngines, case: str, dialect: str) -> None:
    build, expected = CASES[case]
    engine: ExactOnly = getattr(engines, dialect)
    rows = _answer(engine, build())
    assert len(rows) == len(expected)
    for row, expected_row in zip(rows, expected, strict=True):
        assert [_is_same(*pair) for pair in zip(row, expected_row, strict=True)] == [True] * len(row), rows


_ARROW = {"boolean": pa.bool_(), "date": pa.date32()}


def _answer(engine: ExactOnly, expression: ir.Table) -> Rows:
    """The rows, where Ibis says truth or day as such: engines answer 0 and 1, and midnights."""
    table = engine.ask(compiled(expression, engine.dialect))
    kinds = [_ARROW.get(str(kind)) for kind in expression.schema().types]
    columns = [column.cast(kind or column.type) for column, kind in zip(table.columns, kinds, strict=True)]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    is_truth = isinstance(one, bool) == isinstance(other, bool)
    return one == other and is_truth and (one is None) == (other is None)


def test_an_approximate_function_is_not_taken(engines: BothEngines) -> None:
    for statement in ("SELECT uniq(player_no) FROM events", "SELECT quantileIf(0.5)(value, value > 1) FROM events"):
        with pytest.raises(InexactFunction):
            engines.clickhouse.ask(statement)
    assert engines.clickhouse.ask("SELECT 'uniq(' AS text").to_pylist() == [{"text": "uniq("}]


def test_both_answer_in_the_same_types(engines: BothEngines) -> None:
    expression = _of(1).select("row_no", "event_time", "value", "amount_usd", "country", "has_client_id", _TIME.date())
    one, other = (engine.ask(compiled(expression, engine.dialect)) for engine in engines)
    assert [field.type for field in one.schema] == [field.type for field in other.schema]
