"""Who is in a cell, on both engines: as many as the cell says, in every cell of small histories."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.analytics.analyses import economy, error_groups, explore, funnel, members, progression, retention
from questlog.analytics.analyses.economy import Balances
from questlog.analytics.analyses.error_groups import ErrorGroups
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.analyses.member_cells import (
    BalanceCell,
    BinCell,
    Cell,
    ErrorCell,
    FunnelCell,
    LevelCell,
    MetricCell,
    RetentionCell,
)
from questlog.analytics.analyses.members import Members
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.retention import Retention, Return
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.definitions import (
    AllRules,
    CustomMetric,
    CustomMetricKind,
    InCell,
    InSegment,
    NotRule,
    SegmentDefinition,
    Who,
)
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Operator, Period, Query
from questlog.analytics.selection import segments
from questlog.analytics.selection.segment_rules import check_segment
from questlog.analytics.selection.segments import Segment
from questlog.model.calendar import Zone
from tests.support.asked import context_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, IN_UTC, Event, History, histories, load

_FIRST = IN_UTC.first_day
_PERIOD = Period(_FIRST + dt.timedelta(days=1), _FIRST + dt.timedelta(days=5))
_METRICS = (
    "dau",
    "wau",
    "mau",
    "new_players",
    "returning_players",
    "paying_players",
    "paying_players_unchecked",
    "converting_players",
    "design_players",
    "starters",
)
_STARTERS = CustomMetric(CustomMetricKind.BINOMIAL, EventMatch("progression", "Start", is_prefix=True))
_STEPS = (EventMatch("progression", "Start", is_prefix=True), EventMatch("progression"), EventMatch("design"))


_HISTORIES = histories(often=("progression", "design", "purchases"), max_events=40)


@pytest.mark.timeout(600)
@FEW
@given(history=_HISTORIES, random=st.randoms(use_true_random=False))
def test_as_many_as_the_cell_says(history: History, random: Random) -> None:
    compare(history, lambda found: random.sample(found, min(len(found), 3)))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(FEW, max_examples=10)
@given(history=_HISTORIES)
def test_as_many_as_every_cell_says(history: History) -> None:
    compare(history, lambda found: found)


def compare(history: History, chosen: Callable[[list[tuple[Cell, int]]], list[tuple[Cell, int]]]) -> None:
    with embedded_store() as store:
        load(store, history)
        contexts = [
            msgspec.structs.replace(context_of(engine), custom_metrics={"starters": _STARTERS})
            for engine in BothEngines(store)
        ]
        for cell, count in chosen(list(cells(contexts[0]))):
            for context in contexts:
                found = members.answer(Members(cell, limit=1_000), context)
                assert found.totals is not None
                [total] = found.totals.to_pylist()
                assert total.get("sessions", total["players"]) == count, cell
                assert found.table.num_rows == total["players"], cell
                is_in_it = SegmentDefinition(InCell(msgspec.to_builtins(cell)))
                knowing = msgspec.structs.replace(context, players_of_cell=members.players_of_cell)
                size = segments.answer(Segment(is_in_it), knowing).table["players"].to_pylist()
                assert size == [total["players"]], cell


def cells(context: Context) -> Iterator[tuple[Cell, int]]:
    """Cells of answers, with the number that each has."""
    yield from cells_of_metrics(context)
    yield from cells_of_retention(context)
    yield from cells_of_funnels(context)
    levels = Progression(_PERIOD, depth=2, group_by=("platform",))
    for row in progression.answer(levels, context).table.to_pylist():
        for status in ("Start", "Fail", "Complete"):
            yield LevelCell(levels, row["level"], status, (row["platform"],)), row[f"{status.lower()}_players"]
    balances = Balances(_PERIOD.end, "gems", Histogram(bins=3))
    for row in economy.balances(balances, context).table.to_pylist():
        yield BalanceCell(balances, row["low"], row["high"]), row["players"]
    errors = ErrorGroups(_PERIOD, filter=Condition("severity", Operator.IS_NOT, ("debug",)))
    for row in error_groups.answer(errors, context).table.to_pylist():
        yield ErrorCell(errors, row["fingerprint"]), row["players"]


def cells_of_metrics(context: Context) -> Iterator[tuple[Cell, int]]:
    for granularity, groups in (
        (Granularity.ALL, ("country", "payer")),
        (Granularity.WEEK, ()),
        (Granularity.DAY, ("build",)),
    ):
        question = Query(_METRICS, _PERIOD, granularity, groups)
        for row in metric_query.answer(question, context).table.to_pylist():
            for metric in _METRICS:
                group = tuple(row[name] for name in groups)
                yield MetricCell(question, metric, row.get("bucket") and str(row["bucket"]), group), row[metric]
    hours = Query(("dau", "new_players"), Period(_PERIOD.start, _PERIOD.start), Granularity.HOUR)
    for row in metric_query.answer(hours, context).table.to_pylist():
        if row["dau"]:
            yield MetricCell(hours, "dau", f"{row['bucket'].isoformat()}Z"), row["dau"]
            yield MetricCell(hours, "new_players", f"{row['bucket'].isoformat()}Z"), row["new_players"]


def cells_of_retention(context: Context) -> Iterator[tuple[Cell, int]]:
    for question in (
        Retention(_PERIOD, ages=3),
        Retention(_PERIOD, Granularity.WEEK, ages=1, group_by=("country",)),
        Retention(_PERIOD, ages=2, kind=Return.ROLLING),
        Retention(_PERIOD, ages=2, cohort=EventMatch("design"), returned=EventMatch("progression")),
        Retention(_PERIOD, ages=2, returned=EventMatch("progression"), kind=Return.ROLLING),
    ):
        for row in retention.answer(question, context).table.to_pylist():
            group = (row["group"],) if question.group_by else ()
            yield RetentionCell(question, row["cohort"], None, group), row["size"]
            if row["players"] is not None:
                yield RetentionCell(question, row["cohort"], row["age"], group), row["players"]


def cells_of_funnels(context: Context) -> Iterator[tuple[Cell, int]]:
    for question in (
        Funnel(_STEPS, _PERIOD),
        Funnel(_STEPS, _PERIOD, granularity=Granularity.WEEK, group_by=("country", "birth_year")),
        Funnel(_STEPS, _PERIOD, count=Unit.SESSIONS),
    ):
        answer = funnel.answer(question, context)
        rows = answer.table.to_pylist()
        for place, row in enumerate(rows):
            group = tuple(row[name] for name in question.group_by)
            yield FunnelCell(question, row["step"], bucket=row.get("bucket"), group=group), row["count"]
            after = rows[place + 1]["count"] if row["step"] < len(_STEPS) else 0
            yield FunnelCell(question, row["step"], True, row.get("bucket"), group), row["count"] - after
        for row in [] if answer.totals is None or question.group_by else answer.totals.to_pylist():
            yield FunnelCell(question, row["step"]), row["count"]


# ------------------------------------------------------------------------------------------------------------ examples


def at(hour: int, player: str, value: float, **fields: Any) -> Event:
    time = IN_UTC.start + hour * 3_600_000_000
    return Event("design", time, time, event_id="x", player_id=player, value=value, **fields)


def gold(hour: int, player: str, event_id: str, value: float) -> Event:
    time = IN_UTC.start + hour * 3_600_000_000
    return Event("resource", time, time, event_id=event_id, player_id=player, value=value)


_EXAMPLE = History(
    (
        at(0, "a", 0.0, country="DE"),
        at(1, "b", 5.0, country="FR"),
        at(2, "c", 10.0),
        at(3, "a", 10.0, country="FR"),
        at(30, "d", 4.0, country="DE"),
        gold(4, "a", "Source:gold:shop:x", 10.0),
        gold(4, "b", "Source:gold:shop:x", 5.0),
        gold(5, "b", "Sink:gold:shop:x", 3.0),
        gold(31, "d", "Source:gold:shop:x", 6.0),
    )
)
_DAYS = Period(_FIRST, _FIRST + dt.timedelta(days=1))
_DAU = Query(("dau", "events_per_session"), _DAYS, group_by=("country",))


def test_a_value_above_its_limit_on_a_day_is_not_in_its_cell() -> None:
    builds = [at(0, "a", 1.0, build="1"), at(1, "b", 1.0, build="2"), at(24, "c", 1.0, build="2")]
    story = History((*builds, dataclasses.replace(gold(2, "d", "Start:w", 1.0), category="progression", build="2")))
    is_two, steps = ("2",), (EventMatch("design"), EventMatch("design"))
    bins = Explore(_DAYS, histogram=Histogram(bins=2), group_by=("build",))
    metrics = ("dau", "wau", "new_players", "returning_players", "paying_players", "design_players")
    with embedded_store() as store:
        load(store, story)
        for engine in BothEngines(store):
            context = msgspec.structs.replace(context_of(engine), limits={"build": 1}, data_version=1)
            cells: list[Cell] = [RetentionCell(Retention(_DAYS, group_by=("build",)), _FIRST, None, is_two)]
            cells += [BinCell(bins, low, high, is_two) for low, high in [_only_bin(bins, context)]]
            cells += [FunnelCell(Funnel(steps, _DAYS, group_by=("build",)), 1, group=is_two)]
            cells += [LevelCell(Progression(_DAYS, group_by=("build",)), "w", group=is_two)]
            question = Query(metrics, _DAYS, Granularity.ALL, ("build",))
            [told] = [row for row in metric_query.answer(question, context).table.to_pylist() if row["build"] == "2"]
            for metric in metrics:
                cells.append(MetricCell(question, metric, None, is_two))
            found = [members.answer(Members(cell), context).table["player_id"].to_pylist() for cell in cells]
            assert [len(players) for players in found[4:]] == [told[metric] for metric in metrics]
            assert found == [[], ["c"], ["c"], [], ["c"], ["c"], ["c"], [], [], ["c"]]


def _only_bin(question: Explore, context: Context) -> tuple[float, float]:
    [row, *_] = explore.answer(question, context).table.to_pylist()
    return row["low"], row["high"]


@pytest.fixture(scope="module")
def example() -> Iterator[list[Context]]:
    with embedded_store() as store:
        load(store, _EXAMPLE)
        yield [context_of(engine) for engine in BothEngines(store)]


def ask(example: list[Context], question: Members) -> list[str]:
    one, other = (members.answer(question, context) for context in example)
    assert one.table.equals(other.table)
    assert [column.name for column in one.columns] == one.table.column_names
    found: list[str] = one.table["player_id"].to_pylist()
    return found


def pages(example: list[Context], question: Members) -> list[list[str]]:
    found: list[list[str]] = []
    after = None
    while not found or after is not None:
        question = msgspec.structs.replace(question, after=after)
        found.append(ask(example, question))
        after = members.answer(question, example[0]).next
    return found


def test_players_of_a_bin_of_a_histogram(example: list[Context]) -> None:
    even = Explore(_DAYS, histogram=Histogram(bins=2))
    assert ask(example, Members(BinCell(even, 0.0, 5.0))) == ["a", "d"]
    assert ask(example, Members(BinCell(even, 5.0, 10.0))) == ["a", "b", "c"]
    given_edges = Explore(_DAYS, histogram=Histogram(edges=(4.0, 5.0)), group_by=("country",))
    assert ask(example, Members(BinCell(given_edges, None, 4.0, ("DE",)))) == ["a"]
    assert ask(example, Members(BinCell(given_edges, 4.0, 5.0, ("DE",)))) == ["d"]
    assert ask(example, Members(BinCell(given_edges, 5.0, None, ("FR",)))) == ["a"]
    assert ask(example, Members(BinCell(given_edges, 5.0, None, (None,)))) == ["c"]


def test_players_of_a_bin_of_balances(example: list[Context]) -> None:
    gold = Balances(_DAYS.end, "gold", Histogram(bins=2))
    assert ask(example, Members(BalanceCell(gold, 2.0, 6.0))) == ["b"]
    assert ask(example, Members(BalanceCell(gold, 6.0, 10.0))) == ["a", "d"]


def test_page_by_page(example: list[Context]) -> None:
    cell = MetricCell(Query(("dau",), _DAYS), "dau", str(_FIRST))
    assert ask(example, Members(cell, limit=2)) == ["a", "b"]
    assert pages(example, Members(cell, limit=2)) == [["a", "b"], ["c"]]
    step = FunnelCell(Funnel((EventMatch("design"), EventMatch("design")), _DAYS), 1)
    assert pages(example, Members(step, limit=2)) == [["a", "b"], ["c", "d"]]
    assert members.answer(Members(step, limit=0), example[0]).next is None
    assert ask(example, Members(msgspec.structs.replace(step, dropped=True), limit=2)) == ["b", "c"]


def test_days_are_of_the_zone_that_is_asked_for(example: list[Context]) -> None:
    newfoundland = [msgspec.structs.replace(context, zone=Zone("America/St_Johns")) for context in example]
    for question, players in (
        (Query(("dau",), _DAYS), ["a", "b"]),
        (Query(("dau",), _DAYS, time_zone="UTC"), ["a", "b", "c"]),
    ):
        for context in newfoundland:
            found = members.answer(Members(MetricCell(question, "dau", str(_FIRST))), context)
            assert found.table["player_id"].to_pylist() == players


def test_the_question_comes_as_json(example: list[Context]) -> None:
    body = {
        "of": {
            "type": "metric",
            "question": {
                "metrics": ["dau"],
                "period": {"start": str(_FIRST), "end": str(_FIRST)},
                "group_by": ["country"],
            },
            "metric": "dau",
            "bucket": str(_FIRST),
            "group": ["FR"],
        }
    }
    assert ask(example, msgspec.convert(body, Members)) == ["a", "b"]


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        (MetricCell(_DAU, "wau", str(_FIRST), ("DE",)), "of.metric"),
        (MetricCell(_DAU, "events_per_session", str(_FIRST), ("DE",)), "of.metric"),
        (MetricCell(_DAU, "dau", str(_FIRST - dt.timedelta(days=1)), ("DE",)), "of.bucket"),
        (MetricCell(_DAU, "dau", str(_FIRST)), "of.group"),
        (MetricCell(_DAU, "dau", str(_FIRST), ("(other)",)), "of.group[0]"),
        (MetricCell(Query(("duu",), _DAYS), "dau", str(_FIRST)), "of.question.metrics[0]"),
        (RetentionCell(Retention(_DAYS, ages=2), _FIRST, 3), "of.age"),
        (FunnelCell(Funnel((EventMatch(), EventMatch()), _DAYS), 3), "of.step"),
        (FunnelCell(Funnel((EventMatch(), EventMatch()), _DAYS), 1, bucket=_FIRST), "of.bucket"),
        (FunnelCell(Funnel((EventMatch(), EventMatch(is_prefix=True)), _DAYS), 1), "of.question.steps[1].is_prefix"),
        (LevelCell(Progression(_DAYS), "w1", "Begin"), "of.status"),
        (BinCell(Explore(_DAYS), 0.0, 1.0), "of.question.histogram"),
        (BinCell(Explore(_DAYS, histogram=Histogram()), 0.0, 1.0), "of.low"),
    ],
)
def test_what_cannot_be_asked(example: list[Context], cell: Cell, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        members.answer(Members(cell), example[0])
    assert refused.value.field == field


def test_after_nobody(example: list[Context]) -> None:
    with pytest.raises(InvalidQuery) as refused:
        members.answer(Members(MetricCell(Query(("dau",), _DAYS), "dau", str(_FIRST)), after="nobody"), example[0])
    assert refused.value.field == "after"
    assert explore.answer(Explore(_DAYS, histogram=Histogram(bins=2)), example[0]).table["low"].to_pylist() == [
        0.0,
        5.0,
    ]


# --------------------------------------------------------------------------------------------------- cells as segments


def in_cell(cell: Cell) -> InCell:
    return InCell(msgspec.to_builtins(cell))


_DROPPED = FunnelCell(Funnel((EventMatch("design"), EventMatch("design")), _DAYS), 1, dropped=True)
_OF_GERMANY = Who(Condition("country", Operator.IS, ("DE",)))


@pytest.fixture
def with_segments(example: list[Context]) -> list[Context]:
    saved = {
        "dropped": SegmentDefinition(in_cell(_DROPPED)),
        "both": SegmentDefinition(AllRules((InSegment("dropped"), NotRule(_OF_GERMANY)))),
    }
    return [msgspec.structs.replace(each, segments=saved, players_of_cell=members.players_of_cell) for each in example]


def players_in(contexts: list[Context], definition: SegmentDefinition | str) -> list[str]:
    one, other = (segments.answer(Segment(definition, players=100), each).table for each in contexts)
    assert one.equals(other)
    found: list[str] = one["player_id"].to_pylist()
    return found


def test_a_cell_is_a_rule_of_a_segment_with_other_rules(with_segments: list[Context]) -> None:
    assert players_in(with_segments, "dropped") == ["b", "c", "d"]
    assert players_in(with_segments, "both") == ["b", "c"]
    paid = in_cell(MetricCell(_DAU, "dau", str(_FIRST), ("FR",)))
    assert players_in(with_segments, SegmentDefinition(AllRules((paid, InSegment("dropped"))))) == ["b"]
    assert players_in(with_segments, SegmentDefinition(NotRule(paid))) == ["c", "d"]


def test_a_segment_of_a_cell_is_a_filter_and_a_group(with_segments: list[Context]) -> None:
    question = Query(("dau",), _DAYS, Granularity.ALL, ("segment.dropped",))
    for context in with_segments:
        rows = metric_query.answer(question, context).table.to_pylist()
        assert {row["segment.dropped"]: row["dau"] for row in rows} == {"yes": 3, "no": 1}
        filtered = Query(("dau",), _DAYS, Granularity.ALL, filter=Condition("segment.both", Operator.IS, ("yes",)))
        assert metric_query.answer(filtered, context).table["dau"].to_pylist() == [2]


def test_a_cell_of_a_question_about_a_segment(with_segments: list[Context]) -> None:
    question = Query(("dau",), _DAYS, filter=Condition("segment.dropped", Operator.IS, ("yes",)))
    cell = MetricCell(question, "dau", str(_FIRST))
    assert players_in(with_segments, SegmentDefinition(in_cell(cell))) == ["b", "c"]


def test_a_segment_cannot_be_made_of_a_cell_of_itself() -> None:
    question = Query(("dau",), _DAYS, group_by=("segment.me",))
    me = SegmentDefinition(in_cell(MetricCell(question, "dau", str(_FIRST), ("yes",))))
    with pytest.raises(InvalidQuery, match="in a circle: me → me"):
        check_segment("segment", me, {"me": me})


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        ({"type": "pie"}, "rule.of"),
        ({"type": "metric", "question": {"metrics": ["duu"], "period": {"start": "2026-01-01", "end": "2026-01-01"}},
          "metric": "duu"}, "rule.of.question.metrics[0]"),
    ],
)  # fmt: skip
def test_a_segment_of_a_cell_that_cannot_be(cell: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        members.check_cells(SegmentDefinition(InCell(cell)), {}, {})
    assert refused.value.field == field


def test_a_segment_of_more_players_than_a_statement_can_name(
    with_segments: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_OF_FUNNEL", 2)
    with pytest.raises(InvalidQuery, match="more than 2 players"):
        players_in(with_segments, "dropped")


def test_cells_of_equal_json_are_one_rule() -> None:
    one, other = InCell({"a": 1, "b": [True]}), InCell({"b": [True], "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one != InCell({"a": True, "b": [True]})
    assert msgspec.json.decode(msgspec.json.encode(one), type=InCell) == one
