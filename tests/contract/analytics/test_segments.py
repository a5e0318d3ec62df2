"""Segments, by themselves and as dimension and filter: both engines say what the oracle says."""

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given

from questlog.analytics.question.definitions import (
    AllRules,
    AnyRule,
    Did,
    InSegment,
    Measured,
    NotRule,
    Rule,
    SegmentDefinition,
    Who,
)
from questlog.analytics.question.query import AllOf, AnyOf, Condition, EventMatch, Operator, Period, Query
from questlog.analytics.runner import Definitions
from questlog.analytics.selection.segments import Segment
from tests.support.answers import answers, is_same, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import filters, players, segments
from tests.support.oracle.asked import Asked, Value
from tests.support.oracle.events import of_category, of_node
from tests.support.oracle.game import Game, Stored, game

_OFTEN = ("purchases", "resources")


def _any_event(_: Stored) -> bool:
    return True


def _of_any_platform(event: Stored) -> bool:
    return event.sent.platform is not None


def _ios_jump(event: Stored) -> bool:
    return event.sent.event_id == "jump" and event.sent.platform == "ios"


_SEGMENTS: Mapping[str, tuple[Rule, segments.Rule]] = {
    "installed in Germany or France": (
        Who(Condition("country", Operator.IN, ("DE", "FR"))),
        segments.who(filters.condition("country", "in", "DE", "FR")),
    ),
    "many events, or no purchase yet": (
        Who(AnyOf((Condition("events", Operator.GREATER, (5,)), Condition("first_purchase", Operator.IS_NOT_SET)))),
        segments.who(
            filters.any_of(filters.condition("events", "greater", 5), filters.condition("first_purchase", "is_not_set"))
        ),
    ),
    "since a day, and worth something": (
        Who(
            AllOf(
                (
                    Condition("first_seen", Operator.GREATER_OR_EQUAL, ("2025-03-05",)),
                    Condition("revenue_usd", Operator.GREATER, (0.99,)),
                )
            )
        ),
        segments.who(
            filters.all_of(
                filters.condition("first_seen", "greater_or_equal", dt.date(2025, 3, 5)),
                filters.condition("revenue_usd", "greater", 0.99),
            )
        ),
    ),
    "a purchase in 6 days": (
        Did(EventMatch("business"), Measured.COUNT, Operator.GREATER_OR_EQUAL, 1, 6),
        segments.did(of_category("business"), "count", "greater_or_equal", 1, 6),
    ),
    **{
        f"an event with a platform in {days} days": (
            Did(EventMatch(filter=Condition("platform", Operator.IS_SET)), last_days=days),
            segments.did(_of_any_platform, "count", "greater_or_equal", 1, days),
        )
        for days in (3, 5, 7)
    },
    "gone for 5 days": (
        Did(EventMatch(), Measured.COUNT, Operator.LESS, 1, 5),
        segments.did(_any_event, "count", "less", 1, 5),
    ),
    "here on 2 days or more": (
        Did(EventMatch(), Measured.DAYS, Operator.GREATER, 1),
        segments.did(_any_event, "days", "greater", 1),
    ),
    "got 5 or less": (
        Did(EventMatch("resource", "Source", is_prefix=True), Measured.VALUE_SUM, Operator.LESS_OR_EQUAL, 5),
        segments.did(of_node("resource", "Source"), "value_sum", "less_or_equal", 5),
    ),
    "spent a dollar": (
        Did(EventMatch("business"), Measured.REVENUE, Operator.GREATER_OR_EQUAL, 1, 8),
        segments.did(of_category("business"), "revenue", "greater_or_equal", 1, 8),
    ),
    "jumped on ios": (
        Did(EventMatch(None, "jump", filter=Condition("platform", Operator.IS, ("ios",)))),
        segments.did(_ios_jump, "count", "greater_or_equal", 1),
    ),
}
_GONE, _BUYERS = _SEGMENTS["gone for 5 days"], _SEGMENTS["a purchase in 6 days"]
_JUMPERS = _SEGMENTS["jumped on ios"]
_ALL = dict(_SEGMENTS) | {
    "neither gone nor buyers, or jumpers": (
        AnyRule((AllRules((NotRule(InSegment("gone for 5 days")), NotRule(_BUYERS[0]))), InSegment("jumped on ios"))),
        segments.any_of(
            segments.all_of(segments.none_of(_GONE[1]), segments.none_of(_BUYERS[1])),
            _JUMPERS[1],
        ),
    )
}
_SAVED = Definitions(segments={name: SegmentDefinition(rule) for name, (rule, _) in _ALL.items()})


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["spring"],)))
def test_segments(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_segments_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        for name, (_, rule) in _ALL.items():
            _compare_members(engines, known, name, segments.members(known, rule))
        period = Period(history.frame.day(1), history.frame.day(8))
        for name in ("spent a dollar", "neither gone nor buyers, or jumpers"):
            _compare_dau(engines, known, name, period)


def _compare_members(engines: BothEngines, known: Game, name: str, members: list[str]) -> None:
    everybody = len(known.players)
    for engine, answer in answers(engines, Segment(name, players=100), _SAVED, known.now):
        assert sorted(row["player_id"] for row in rows(answer)) == sorted(members), (engine, name)
    if name not in ("gone for 5 days", "spent a dollar"):
        return
    for engine, answer in answers(engines, Segment(name), _SAVED, known.now):
        [size] = rows(answer)
        assert (size["players"], size["all_players"]) == (len(members), everybody), (engine, name)
        assert is_same(size["share"], len(members) / everybody if everybody else None)


def _compare_dau(engines: BothEngines, known: Game, name: str, period: Period) -> None:
    """A segment is a dimension, `yes` or `no`, and can be filtered by."""
    inside = set(segments.members(known, _ALL[name][1]))

    def is_inside(player: str) -> Value:
        return "yes" if player in inside else "no"

    wanted: dict[tuple[dt.date, Value], int] = {}
    for player in known.players:
        for key in players.dau(_only(known, player), Asked(period.start, period.end, zone=known.zone)):
            assert isinstance(key[0], dt.datetime)
            of_day = (key[0].date(), is_inside(player))
            wanted[of_day] = wanted.get(of_day, 0) + 1
    for engine, answer in answers(engines, Query(("dau",), period, group_by=(f"segment.{name}",)), _SAVED, known.now):
        found = {(row["bucket"], row[f"segment.{name}"]): row["dau"] for row in rows(answer)}
        assert found == wanted, (engine, name)
    condition = Condition(f"segment.{name}", Operator.IS, ("yes",))
    for engine, answer in answers(engines, Query(("dau",), period, filter=condition), _SAVED, known.now):
        found_of = {row["bucket"]: row["dau"] for row in rows(answer) if row["dau"]}
        assert found_of == {day: count for (day, value), count in wanted.items() if value == "yes"}, (engine, name)


def _only(known: Game, player: str) -> Game:
    return Game(tuple(event for event in known.events if event.player == player), (), known.now, known.zone)
