"""Retention and cohorts on both engines, beside what the definitions say of each player (metrics.md §5)."""

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses import cohort_members, cohorts, retention
from questlog.analytics.analyses.cohort_members import MOST_CELLS, CohortBy, CohortStart, Form
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.retention import Retention, Return
from questlog.analytics.engine.context import Context
from questlog.analytics.question.definitions import SegmentDefinition, Who
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Filter, Granularity, Not, Operator, Period
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import (
    DAYS,
    FEW,
    FIRST_DAY,
    GAME,
    IN_UTC,
    MANY,
    NOW,
    Event,
    History,
    histories,
    load,
)
from tests.support.oracle.asked import Value, first_of
from tests.support.oracle.dimensions import first_telling
from tests.support.oracle.game import Game, Stored, game
from tests.support.oracle.money import net_usd
from tests.support.staged import DAY, HOUR

SEGMENTS = {"germans": SegmentDefinition(Who(Condition("country", values=("DE",))))}

_FIRST = IN_UTC.first_day
_ALL_DAYS = Period(_FIRST - dt.timedelta(days=60), _FIRST + dt.timedelta(days=DAYS + 2))
_SOME_DAYS = Period(_FIRST - dt.timedelta(days=1), _FIRST + dt.timedelta(days=5))

_LEVELS = EventMatch("progression", "Start:w1", is_prefix=True)
_IN_GERMANY = EventMatch(filter=Condition("country", values=("DE",)))
_MATCHES: dict[EventMatch, Callable[[Stored], bool]] = {
    _LEVELS: lambda event: event.sent.category == "progression" and event.parts[:2] == ("Start", "w1"),
    _IN_GERMANY: lambda event: event.sent.country == "DE",
    EventMatch("business"): lambda event: event.sent.category == "business",
}


@dataclass(frozen=True)
class Asked:
    """The cohorts of a question."""

    period: Period = _ALL_DAYS
    granularity: Granularity = Granularity.DAY
    by: CohortBy = CohortStart.FIRST_SEEN
    group_by: str | None = None
    filter: Filter | None = None
    ages: int = 6

    @property
    def groups(self) -> tuple[str, ...]:
        return (self.group_by,) if self.group_by else ()


_IOS = Condition("platform", values=("ios",))
_NO_PAYER = Not(Condition("payer", values=("yes",)))
_FILTERS: dict[Filter | None, Callable[[Game, str], bool]] = {
    None: lambda _game, _player: True,
    _IOS: lambda game, player: installed(game, player).sent.platform == "ios",
    _NO_PAYER: lambda game, player: game.first_purchase(player) is None,
}

_ASKED = st.builds(
    Asked,
    st.sampled_from([_ALL_DAYS, _SOME_DAYS]),
    st.sampled_from([Granularity.DAY, Granularity.DAY, Granularity.WEEK, Granularity.MONTH]),
    st.sampled_from([*CohortStart, _LEVELS, _IN_GERMANY]),
    st.sampled_from([None, None, "country", "install_date", "payer"]),
    st.sampled_from(list(_FILTERS)),
    st.integers(0, 8),
)


# --------------------------------------------------------------------------------------------------- the definitions


def installed(game: Game, player: str) -> Stored:
    """The event that says what the player is like at install."""
    return first_telling(game.of(player))


def group_of(game: Game, player: str, name: str | None) -> Value:
    if name == "payer":
        return "no" if game.first_purchase(player) is None else "yes"
    if name == "install_date":
        return game.first_day(player)
    return None if name is None else installed(game, player).sent.country


def begun(game: Game, player: str, by: CohortBy) -> dt.date | None:
    """The day on which a player became one of a cohort."""
    if isinstance(by, EventMatch):
        return min((event.day for event in game.of(player) if _MATCHES[by](event)), default=None)
    if by is CohortStart.FIRST_SEEN:
        return game.first_day(player)
    purchase = game.first_purchase(player)
    return None if purchase is None else purchase.day


def number(day: dt.date, granularity: Granularity) -> int:
    """Of the bucket of a day."""
    if granularity is Granularity.MONTH:
        return day.year * 12 + day.month
    return (day.toordinal() - 1) // (7 if granularity is Granularity.WEEK else 1)


def joined(game: Game, asked: Asked) -> dict[tuple[dt.date, Value], list[str]]:
    """The players of each cohort and group."""
    found: defaultdict[tuple[dt.date, Value], list[str]] = defaultdict(list)
    for player in game.players:
        day = begun(game, player, asked.by)
        if day is not None and asked.period.start <= day <= asked.period.end and _FILTERS[asked.filter](game, player):
            found[first_of(asked.granularity, day), group_of(game, player, asked.group_by)].append(player)
    return found


def has_passed(start: dt.date, age: int, asked: Asked, today: dt.date) -> bool:
    return number(start, asked.granularity) + age < number(today, asked.granularity)


def came_back(game: Game, asked: Asked, kind: Return, returned: EventMatch | None, today: dt.date) -> list[Any]:
    """Cohort, group, size, age, players: all cells."""
    rows = []
    for (start, group), players in joined(game, asked).items():
        for age in range(asked.ages + 1):
            at = number(start, asked.granularity) + age
            count = sum(is_back(game, player, at, asked, kind, returned) for player in players)
            rows.append((start, group, len(players), age, count if has_passed(start, age, asked, today) else None))
    return rows


def is_back(game: Game, player: str, at: int, asked: Asked, kind: Return, returned: EventMatch | None) -> bool:
    matches = _MATCHES[returned] if returned else lambda _: True
    buckets = [number(event.day, asked.granularity) for event in game.of(player) if matches(event)]
    return any(bucket >= at if kind is Return.ROLLING else bucket == at for bucket in buckets)


def brought(game: Game, asked: Asked, today: dt.date) -> list[Any]:
    """Cohort, group, size, age; revenue, playtime and sessions of that age."""
    rows = []
    for (start, group), players in joined(game, asked).items():
        for age in range(asked.ages + 1):
            at = number(start, asked.granularity) + age
            sums = sums_of(game, players, lambda day, at=at: number(day, asked.granularity) == at)  # type: ignore[misc]
            passed = has_passed(start, age, asked, today)
            rows.append((start, group, len(players), age, *(sums if passed else (None, None, None))))
    return rows


def sums_of(game: Game, players: Sequence[str], is_then: Callable[[dt.date], bool]) -> tuple[Fraction, Fraction, int]:
    events = [event for player in players for event in game.of(player) if is_then(event.day)]
    sessions = [session for session in game.sessions if session.player in players and is_then(session.day)]
    return Fraction(net_usd(events)), sum((session.length_s for session in sessions), Fraction()), len(sessions)


# ------------------------------------------------------------------------------------------------------- the questions


def contexts(engines: BothEngines, now: int) -> Iterator[Context]:
    for engine in engines:
        yield Context(GAME, engine, now, SEGMENTS, last_player_no=100)


def cells(table: pa.Table, *columns: str) -> list[Any]:
    return [
        (row["cohort"], row.get("group"), row["size"], row["age"], *(row[name] for name in columns))
        for row in table.to_pylist()
    ]


def as_multiset(rows: Sequence[Any]) -> Counter[Any]:
    return Counter(rows)


_ARGUMENTS = {
    "history": histories(often=("purchases", "progression", "sessions")),
    "asked": st.lists(_ASKED, min_size=2, max_size=2),
    "now": st.sampled_from([NOW, NOW - 5 * DAY]),
}
_RETURNS = {"kind": st.sampled_from(Return), "returned": st.sampled_from([None, None, *_MATCHES])}


@FEW
@given(**_ARGUMENTS, **_RETURNS)
def test_retention_is_what_it_is_defined_to_be(
    history: History, asked: list[Asked], kind: Return, returned: EventMatch | None, now: int
) -> None:
    compare_returns(history, asked, kind, returned, now)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(**_ARGUMENTS, **_RETURNS)
def test_retention_is_what_it_is_defined_to_be_at_length(
    history: History, asked: list[Asked], kind: Return, returned: EventMatch | None, now: int
) -> None:
    compare_returns(history, asked, kind, returned, now)


def compare_returns(history: History, asked: list[Asked], kind: Return, returned: EventMatch | None, now: int) -> None:
    with embedded_store() as store:
        load(store, history)
        known = game(history, now)
        for context in contexts(BothEngines(store), now):
            for each in asked:
                question = Retention(
                    each.period,
                    each.granularity,
                    each.by,
                    each.ages,
                    each.groups,
                    each.filter,
                    returned=returned,
                    kind=kind,
                )
                found = retention.answer(question, context)
                wanted = came_back(known, each, kind, returned, known.today)
                assert as_multiset(cells(found.table, "players")) == as_multiset(wanted), (context.engine.dialect, each)
                for row in found.table.to_pylist():
                    assert row["share"] == (None if row["players"] is None else row["players"] / row["size"])
                assert curve(found.totals) == added_up(wanted)


def curve(table: pa.Table | None) -> dict[int, tuple[int, int]]:
    assert table is not None
    return {row["age"]: (row["size"], row["players"]) for row in table.to_pylist() if row["size"]}


def added_up(rows: Sequence[Any]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for _, _, size, age, players in rows:
        if players is not None:
            before = found.get(age, (0, 0))
            found[age] = (before[0] + size, before[1] + players)
    return found


@FEW
@given(**_ARGUMENTS)
def test_cohorts_bring_what_they_are_defined_to_bring(history: History, asked: list[Asked], now: int) -> None:
    compare_sums(history, asked, now)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(**_ARGUMENTS)
def test_cohorts_bring_what_they_are_defined_to_bring_at_length(history: History, asked: list[Asked], now: int) -> None:
    compare_sums(history, asked, now)


def compare_sums(history: History, asked: list[Asked], now: int) -> None:
    with embedded_store() as store:
        load(store, history)
        known = game(history, now)
        for context in contexts(BothEngines(store), now):
            for each in asked:
                question = Cohort(each.period, each.granularity, each.by, each.ages, each.groups, each.filter)
                found = cohorts.answer(question, context)
                wanted = brought(known, each, known.today)
                given_rows = cells(found.table, "revenue", "playtime", "sessions")
                assert as_multiset(given_rows) == as_multiset(wanted), (context.engine.dialect, each)
                check_totals(found.table)


def check_totals(table: pa.Table) -> None:
    """The sums through an age, and what is of each player, follow from what is at every age."""
    through: dict[Any, Fraction] = defaultdict(Fraction)
    for row in table.to_pylist():
        for name, per_player in (("revenue", "ltv"), ("playtime", "playtime_total_per_player")):
            if row[name] is None:
                assert row[f"{name}_total"] is row[per_player] is row[f"{name}_per_player"] is None
                continue
            key = (row["cohort"], row.get("group"), name)
            through[key] += Fraction(row[name])
            assert Fraction(row[f"{name}_total"]) == through[key]
            assert row[per_player] == pytest.approx(float(through[key] / row["size"]), rel=1e-9)
            assert row[f"{name}_per_player"] == pytest.approx(float(row[name]) / row["size"], rel=1e-9)


# ------------------------------------------------------------------------------------------------------------ examples


def at(day: int, player: str | None, **fields: Any) -> Event:
    time = FIRST_DAY + day * DAY + HOUR
    return Event(
        **{"category": "design", "event_id": "a", **fields}, received_at=time, client_time=time, player_id=player
    )


_EXAMPLE = History(
    (
        at(0, "one", country="DE", platform="ios"),
        at(1, "one"),
        at(9, "one"),
        at(10, "one"),
        at(0, "two", country="FR", platform="ios"),
        at(3, "two", category="business", event_id="gems:pack", amount=1_000, currency="USD"),
        at(9, "three", platform="ios"),
        at(10, "three"),
        at(2, None),
    )
)


@pytest.fixture(scope="module")
def example() -> Iterator[list[Context]]:
    with embedded_store() as store:
        load(store, _EXAMPLE)
        yield list(contexts(BothEngines(store), NOW))


def test_what_a_cohort_brings_is_net_of_refunds() -> None:
    bought = at(0, "one", category="business", event_id="gems:pack", amount=1_000, currency="USD")
    given_back = at(1, "one", category="business", event_id="gems:pack", amount=-400, currency="USD")
    with embedded_store() as store:
        load(store, History((bought, given_back)))
        for context in contexts(BothEngines(store), NOW):
            table = cohorts.answer(Cohort(days_since(0, 0), ages=2), context).table
            assert table["revenue"].to_pylist() == [10, -4, 0]
            assert table["ltv"].to_pylist() == [10, 6, 6]


def days_since(first: int, last: int) -> Period:
    return Period(_FIRST + dt.timedelta(days=first), _FIRST + dt.timedelta(days=last))


def test_a_day_that_has_not_passed_is_null(example: list[Context]) -> None:
    for context in example:
        table = retention.answer(Retention(days_since(9, 9), ages=2), context).table
        assert table.select(["size", "age", "players", "share"]).to_pylist() == [
            {"size": 1, "age": 0, "players": 1, "share": 1.0},
            {"size": 1, "age": 1, "players": None, "share": None},
            {"size": 1, "age": 2, "players": None, "share": None},
        ]


def test_the_curve_weighs_cohorts_by_their_players(example: list[Context]) -> None:
    question = Retention(days_since(0, 9), ages=1, form=Form.CURVE)
    for context in example:
        assert retention.answer(question, context).table.to_pylist() == [
            {"size": 3, "age": 0, "players": 3, "share": 1.0},
            {"size": 2, "age": 1, "players": 1, "share": 0.5},
        ]


def test_groups_are_in_order_and_those_without_a_value_are_the_last(example: list[Context]) -> None:
    question = Retention(days_since(0, 9), ages=0, group_by=("country",), form=Form.CURVE)
    for context in example:
        groups = retention.answer(question, context).table["group"].to_pylist()
        assert groups == ["DE", "FR", None]


def test_by_segment(example: list[Context]) -> None:
    is_member = Condition("segment.germans", values=("yes",))
    for context in example:
        curves = retention.answer(
            Retention(days_since(0, 9), ages=0, group_by=("segment.germans",), form=Form.CURVE), context
        )
        assert curves.table.select(["group", "players"]).to_pylist() == [
            {"group": "no", "players": 2},
            {"group": "yes", "players": 1},
        ]
        for question in (
            Retention(days_since(0, 9), ages=0, filter=is_member),
            Retention(days_since(0, 9), ages=0, cohort=EventMatch(filter=is_member)),
            Retention(days_since(0, 0), ages=0, returned=EventMatch(filter=is_member)),
        ):
            assert sum(retention.answer(question, context).table["players"].to_pylist()) == 1


def test_who_comes_back_later_has_not_churned(example: list[Context]) -> None:
    question = Retention(days_since(0, 0), kind=Return.ROLLING, ages=9)
    for context in example:
        assert retention.answer(question, context).table["players"].to_pylist() == [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]


def test_what_a_cohort_spent(example: list[Context]) -> None:
    for context in example:
        found = cohorts.answer(Cohort(days_since(0, 0), ages=3), context)
        assert found.table["ltv"].to_pylist() == [0, 0, 0, 5]
        assert [column.name for column in found.columns] == found.table.column_names


def test_nobody_at_all(example: list[Context]) -> None:
    never = Period(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    for context in example:
        for group_by in ((), ("country",)):
            found = retention.answer(Retention(never, ages=1, group_by=group_by), context)
            assert found.table.num_rows == 0
            assert found.totals is not None
            assert found.totals["share"].to_pylist() == [None, None]
            assert cohorts.answer(Cohort(never, group_by=group_by), context).table.num_rows == 0
        curves = retention.answer(Retention(never, ages=0, group_by=("country",), form=Form.CURVE), context)
        assert curves.table.num_rows == 0


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Retention(Period(_FIRST, _FIRST - dt.timedelta(days=1))), "period.end"),
        (Retention(_SOME_DAYS, Granularity.HOUR), "granularity"),
        (Retention(_SOME_DAYS, group_by=("contry",)), "group_by[0]"),
        (Retention(_SOME_DAYS, group_by=("segment.whales",)), "group_by[0]"),
        (Retention(_SOME_DAYS, filter=Condition("colour")), "filter.dimension"),
        (Retention(_SOME_DAYS, filter=Condition("country", Operator.IS)), "filter.values"),
        (Retention(_SOME_DAYS, cohort=EventMatch(is_prefix=True)), "cohort.is_prefix"),
        (Retention(_SOME_DAYS, returned=EventMatch(filter=Condition("colour"))), "returned.filter.dimension"),
        (Cohort(_SOME_DAYS, Granularity.ALL), "granularity"),
    ],
)
def test_what_cannot_be_asked(example: list[Context], question: Retention | Cohort, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        (retention.answer if isinstance(question, Retention) else cohorts.answer)(question, example[0])  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize("granularity", [Granularity.DAY, Granularity.WEEK, Granularity.MONTH])
def test_long_periods_look_at_no_more_days_than_ages(example: list[Context], granularity: Granularity) -> None:
    short, long = Period(_FIRST, _FIRST), Period(_FIRST - dt.timedelta(days=500), _FIRST)
    returns = [
        Retention(short, granularity, ages=2),
        Retention(short, granularity, ages=2, filter=_IOS),
        Retention(short, granularity, ages=2, returned=_IN_GERMANY, kind=Return.ROLLING),
    ]
    for context in example:
        for one in returns:
            other = msgspec.structs.replace(one, period=long)
            assert retention.answer(one, context).table.equals(retention.answer(other, context).table)
        values = [cohorts.answer(Cohort(period, granularity, ages=2), context).table for period in (short, long)]
        assert values[0].equals(values[1])


def test_more_rows_than_can_be_looked_at(example: list[Context], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_members, "_MOST_ROWS", 2)
    for context in example:
        with pytest.raises(InvalidQuery, match="too many cohorts"):
            retention.answer(Retention(days_since(0, 8), ages=1), context)


def test_an_answer_of_too_many_rows_is_refused(example: list[Context], monkeypatch: pytest.MonkeyPatch) -> None:
    question = Retention(_ALL_DAYS, ages=3)
    monkeypatch.setitem(MOST_CELLS, Form.TRIANGLE, 7)
    with pytest.raises(InvalidQuery, match="more than 7 cells"):
        retention.answer(question, example[0])
    curve = msgspec.structs.replace(question, form=Form.CURVE)
    assert retention.answer(curve, example[0]).table.num_rows == 4
    monkeypatch.setitem(MOST_CELLS, Form.CURVE, 7)
    with pytest.raises(InvalidQuery, match="more than 7 cells"):
        retention.answer(curve, example[0])


def test_the_examples_of_the_reference_are_questions() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/analyses/retention.md").read_text("utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    types = [Retention, Cohort, Retention]
    for kind, example in zip(types, examples, strict=True):
        msgspec.json.decode(example, type=kind).check({})
    for kind in types:
        for name in kind.__struct_fields__:
            assert f"`{name}`" in page
