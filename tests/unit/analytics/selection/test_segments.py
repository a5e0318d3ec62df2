"""Who is in a segment: the same on both engines, and what somebody with the events at hand would say."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from questlog.analytics.analyses.members import check_cells
from questlog.analytics.engine.context import Context
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
from questlog.analytics.question.paging import mark_of
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Not, Operator, Query, check_size
from questlog.analytics.question.query import AnyOf as OneOf
from questlog.analytics.selection.segment_rules import check_segment
from questlog.analytics.selection.segments import Segment, answer
from questlog.store.contract import PlayerProperties
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.generated_histories import FEW, GAME, MANY, NOW, History, histories, load
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.game import Game, Stored, game
from tests.support.oracle.money import net_usd
from tests.support.staged import DAY, NOON, batch, new_id

ANY_EVENT = EventMatch()
PURCHASE = EventMatch("business")


def event(player: str | None, day: int, **fields: Any) -> dict[str, Any]:
    return {
        "client_event_id": new_id(),
        "player_id": player,
        "event_time": NOON + day * DAY,
        "platform": "ios",
        "country": "DE",
        "event_id": "a:b",
        **fields,
    }


def purchase(player: str, day: int, cents: int, state: str = "unchecked") -> dict[str, Any]:
    bought = {"category": "business", "event_id": "gems:g1", "amount": cents, "currency": "USD", "receipt_state": state}
    return event(player, day, **bought, amount_usd=Decimal(cents) / 100)


ROWS = [
    *(event("daily", day, value=1.5) for day in range(10)),
    event("gone", 0, country="FR", attributes='{"mode": "easy"}'),
    event("gone", 1, country="FR", event_id="a:bc", value=10.0),
    purchase("payer", 2, 115),
    purchase("payer", 9, 85, "invalid"),
    event("payer", 9, platform="android", custom_01="100%"),
    event("late", 9),
    event(None, 9),
    event("elsewhere", 9, game_id=2),
]
TODAY = dt.date(2026, 1, 10)


def context(engine: ExactOnly, saved: Mapping[str, Rule] | None = None) -> Context:
    segments = {name: SegmentDefinition(rule) for name, rule in (saved or {}).items()}
    return Context(1, engine, NOON + 9 * DAY, segments=segments)


def members(engine: ExactOnly, rule: Rule, saved: Mapping[str, Rule] | None = None) -> set[str]:
    listed = answer(Segment(SegmentDefinition(rule), players=100), context(engine, saved))
    return set(listed.table["player_id"].to_pylist())


def did(event: EventMatch = ANY_EVENT, **fields: Any) -> Did:
    return Did(event, **fields)


def named(event_id: str, *, is_prefix: bool = False) -> EventMatch:
    return EventMatch("design", event_id, is_prefix)


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12))


IN_DE = Who(Condition("country", Operator.IS, ("DE",)))
IN_FR = Who(Condition("country", Operator.IS, ("FR",)))
INACTIVE = did(operator=Operator.LESS, value=1, last_days=5)

RULES: Mapping[str, tuple[Rule, set[str]]] = {
    "by country at install": (IN_FR, {"gone"}),
    "by lifetime revenue": (Who(Condition("revenue_usd", Operator.GREATER, (1,))), {"payer"}),
    "by count": (did(named("a:b"), operator=Operator.GREATER_OR_EQUAL, value=10), {"daily"}),
    "by days": (did(measured=Measured.DAYS, operator=Operator.IS, value=2), {"gone", "payer"}),
    "by days of one event": (did(PURCHASE, measured=Measured.DAYS, operator=Operator.IS, value=2), {"payer"}),
    "by sum of values": (did(measured=Measured.VALUE_SUM, operator=Operator.IS, value=15), {"daily"}),
    "by revenue to the cent": (did(PURCHASE, measured=Measured.REVENUE, operator=Operator.IS, value=2), {"payer"}),
    "by revenue of some days": (
        AllRules(
            (
                did(PURCHASE, measured=Measured.REVENUE, operator=Operator.IS, value=0.85, last_days=7),
                did(measured=Measured.REVENUE, operator=Operator.IS, value=0.85, last_days=7),
                did(measured=Measured.REVENUE, operator=Operator.IS, value=2, last_days=8),
            )
        ),
        {"payer"},
    ),
    "no event for five days": (INACTIVE, {"gone"}),
    "active today": (did(last_days=1), {"daily", "payer", "late"}),
    "nothing measured is zero": (did(PURCHASE, operator=Operator.IS, value=0), {"daily", "gone", "late"}),
    "not any event of a kind": (NotRule(did(PURCHASE)), {"daily", "gone", "late"}),
    "by prefix": (did(named("a", is_prefix=True), operator=Operator.IS, value=2), {"gone"}),
    "a prefix ends at a colon": (
        did(named("a:b", is_prefix=True), operator=Operator.IS, value=1),
        {"gone", "payer", "late"},
    ),
    "by an event's attribute": (
        did(EventMatch(filter=Condition("attributes.mode", Operator.IS, ("easy",)))),
        {"gone"},
    ),
    "all of several": (AllRules((IN_DE, did(PURCHASE))), {"payer"}),
    "any of several": (AnyRule((IN_FR, did(PURCHASE))), {"gone", "payer"}),
    "the same rule twice": (AnyRule((did(PURCHASE), did(PURCHASE))), {"payer"}),
    "nobody": (AllRules((IN_FR, IN_DE)), set()),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_takes_exactly_its_players(engine: ExactOnly, name: str) -> None:
    rule, expected = RULES[name]
    assert members(engine, rule) == expected


def test_as_many_things_done_as_are_allowed_are_told_apart(engine: ExactOnly) -> None:
    never = [did(named(f"never:{place}"), last_days=place + 1) for place in range(40)]
    rule = AnyRule((*never, did(PURCHASE), did(measured=Measured.VALUE_SUM, operator=Operator.IS, value=15)))
    assert members(engine, rule) == {"payer", "daily"}


SAVED: Mapping[str, Rule] = {
    "payers": did(PURCHASE),
    "active": NotRule(INACTIVE),
    "active payers": AllRules((InSegment("payers"), InSegment("active"))),
}


def segment_is(name: str, value: str) -> Filter:
    return Condition(f"segment.{name}", Operator.IS, (value,))


def test_segments_are_made_of_segments(engine: ExactOnly) -> None:
    assert members(engine, InSegment("active payers"), SAVED) == {"payer"}
    assert members(engine, NotRule(InSegment("active payers")), SAVED) == {"daily", "gone", "late"}
    assert members(engine, AnyRule((InSegment("active payers"), InSegment("active"))), SAVED) == {
        "daily",
        "payer",
        "late",
    }


def test_membership_is_a_dimension_of_players_and_of_events(engine: ExactOnly) -> None:
    assert members(engine, Who(segment_is("payers", "no")), SAVED) == {"daily", "gone", "late"}
    by_others = did(EventMatch(filter=segment_is("payers", "no")), operator=Operator.GREATER, value=1)
    assert members(engine, by_others, SAVED) == {"daily", "gone"}


def test_the_size_is_told_beside_all_players(engine: ExactOnly) -> None:
    sized = answer(Segment("payers"), context(engine, SAVED))
    assert sized.table.to_pylist() == [{"players": 1, "all_players": 4, "share": 0.25}]
    assert [column.name for column in sized.columns] == sized.table.column_names


def test_a_game_without_players_has_no_share(engine: ExactOnly) -> None:
    nobody = Context(3, engine, NOON)
    assert answer(Segment(SegmentDefinition(did())), nobody).table.to_pylist() == [
        {"players": 0, "all_players": 0, "share": None}
    ]


def test_members_are_listed_with_what_is_known_of_them(engine: ExactOnly) -> None:
    listed = answer(Segment("payers", players=10), context(engine, SAVED))
    [row] = listed.table.to_pylist()
    assert row["player_id"] == "payer"
    assert (row["first_seen"], row["last_seen"]) == (noon(dt.date(2026, 1, 3)), noon(TODAY))
    assert (row["events"], row["transactions"], row["revenue_usd"]) == (3, 2, Decimal(2))
    assert (row["country"], row["platform"]) == ("DE", "ios")
    assert [column.name for column in listed.columns] == listed.table.column_names
    few = answer(Segment(SegmentDefinition(did()), players=2), context(engine))
    assert few.table["player_id"].to_pylist() == ["daily", "gone"]


def test_members_are_listed_page_by_page(engine: ExactOnly) -> None:
    active = SegmentDefinition(did())
    first = answer(Segment(active, 3), context(engine))
    second = answer(Segment(active, 3, first.next), context(engine))
    assert first.table["player_id"].to_pylist() == ["daily", "gone", "payer"]
    assert (second.table["player_id"].to_pylist(), second.next) == (["late"], None)


@pytest.mark.parametrize(("players", "after"), [(10, "nobody"), (0, mark_of(1))])
def test_a_page_begins_after_another_one(engine: ExactOnly, players: int, after: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        answer(Segment("payers", players, after), context(engine, SAVED))
    assert refused.value.field == "after"


def test_a_statement_serves_every_day_unless_days_are_counted_back(engine: ExactOnly) -> None:
    engine.statements.clear()
    for day in (9, 10):
        for rule in (IN_FR, INACTIVE):
            answer(Segment(SegmentDefinition(rule)), Context(1, engine, NOON + day * DAY))
    by_country, inactive, by_country_later, inactive_later = engine.statements
    assert by_country == by_country_later
    assert inactive != inactive_later


# What cannot be asked


def refusal(rule: Rule, saved: Mapping[str, Rule] | None = None) -> InvalidQuery:
    class NoEngine:
        dialect = "duckdb"

        def ask(self, *_: object) -> Any:
            raise AssertionError("asked all the same")

    segments = {name: SegmentDefinition(each) for name, each in (saved or {}).items()}
    surroundings = Context(1, NoEngine(), NOON, segments=segments)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery) as refused:
        answer(Segment(SegmentDefinition(rule)), surroundings)
    return refused.value


def test_a_circle_is_refused_by_its_names() -> None:
    saved: dict[str, Rule] = {
        "a": InSegment("b"),
        "b": AllRules((IN_DE, Who(segment_is("c", "yes")))),
        "c": did(EventMatch(filter=segment_is("b", "no"))),
    }
    assert "b → c → b" in refusal(InSegment("a"), saved).detail


def test_an_unknown_segment_is_refused_with_the_nearest() -> None:
    assert refusal(InSegment("payer"), SAVED).nearest == "payers"
    assert refusal(Who(segment_is("actve", "yes")), SAVED).nearest == "active"
    with pytest.raises(InvalidQuery) as refused:
        answer(Segment("pyers"), Context(1, None, NOON, segments={"payers": SegmentDefinition(IN_DE)}))  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.nearest) == ("segment", "payers")


@pytest.mark.parametrize(
    ("rule", "field", "nearest"),
    [
        (Who(Condition("contry")), "segment.rule.filter.dimension", "country"),
        (
            AnyRule((IN_DE, NotRule(Who(Condition("platfrm"))))),
            "segment.rule.rules[1].rule.filter.dimension",
            "platform",
        ),
        (did(EventMatch(filter=Condition("attribute.x"))), "segment.rule.event.filter.dimension", None),
        (did(operator=Operator.CONTAINS), "segment.rule.operator", None),
        (did(value=float("inf")), "segment.rule.value", None),
        (did(value=1e300, measured=Measured.REVENUE), "segment.rule.value", None),
        (did(EventMatch(is_prefix=True)), "segment.rule.event.is_prefix", None),
        (Who(Condition("revenue_usd", Operator.IS, ("much",))), "segment.rule.filter.values[0]", None),
    ],
)
def test_a_refusal_names_the_field_and_the_nearest_value(rule: Rule, field: str, nearest: str | None) -> None:
    refused = refusal(rule)
    assert refused.field == field
    if nearest is not None:
        assert refused.nearest == nearest


def test_segments_that_multiply_without_end_are_refused() -> None:
    saved: dict[str, Rule] = {"0": IN_DE}
    for level in range(1, 12):
        saved[str(level)] = AnyRule((InSegment(str(level - 1)), NotRule(InSegment(str(level - 1)))))
    assert "rules" in refusal(InSegment("11"), saved).detail


def test_a_segment_that_takes_too_long_to_write_as_a_statement_is_refused() -> None:
    things_done = AnyRule(tuple(did(named(f"done:{place}")) for place in range(50)))
    assert "counts as 10" in refusal(AllRules((things_done, IN_DE))).detail
    countries = Who(OneOf(tuple(Condition("country", Operator.IS, (str(place),)) for place in range(50))))
    assert "conditions" in refusal(AllRules((countries,) * 10)).detail


def test_a_filter_of_too_many_conditions_is_refused() -> None:
    fifty = AllOf((IN_DE.filter,) * 50)
    many = AllOf((fifty, fifty, Not(OneOf((fifty, fifty))), fifty))
    check_size(many)
    with pytest.raises(InvalidQuery, match="more than 250 conditions"):
        check_size(AllOf((many, IN_DE.filter)))


def test_rules_nested_too_deep_are_refused() -> None:
    rule: Rule = IN_DE
    for _ in range(40):
        rule = NotRule(rule)
    assert "deep" in refusal(rule).detail


def test_the_examples_of_the_guide_can_be_asked() -> None:
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "segments.md").read_text()
    definition, of_cell, question = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    check_segment("segment", msgspec.json.decode(definition, type=SegmentDefinition), {})
    check_cells(msgspec.json.decode(of_cell, type=SegmentDefinition), {}, {})
    msgspec.json.decode(question, type=Query).check()
    [asked] = re.findall(r"-d '(.*)'", guide)
    assert msgspec.json.decode(asked, type=Segment).players == 0


# Other histories: they take the place of the rows above


def test_players_without_events_count_by_their_properties() -> None:
    gold = PlayerProperties(1, "silent", NOON, '{"default": {}, "custom": {"league": "gold"}}')
    with embedded_store() as store:
        store.load(batch([event("active", 0)], properties=[gold]), NOON)
        for engine in BothEngines(store):
            assert members(engine, Who(Condition("properties.league", Operator.IS, ("gold",)))) == {"silent"}
            assert members(engine, Who(Condition("properties.league", Operator.IS_NOT_SET))) == {"active"}
            assert members(engine, did(operator=Operator.LESS, value=1)) == {"silent"}
            assert answer(Segment(SegmentDefinition(did())), context(engine)).table["share"].to_pylist() == [0.5]


_OPERATORS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: lambda one, other: one == other,
    Operator.IS_NOT: lambda one, other: one != other,
    Operator.GREATER: lambda one, other: one > other,
    Operator.GREATER_OR_EQUAL: lambda one, other: one >= other,
    Operator.LESS: lambda one, other: one < other,
    Operator.LESS_OR_EQUAL: lambda one, other: one <= other,
}
_CONDITIONS = st.sampled_from(
    [
        Condition("country", Operator.IS, ("DE",)),
        Condition("platform", Operator.IS_NOT, ("ios",)),
        Condition("build", Operator.IS_SET),
        Condition("segment.first", Operator.IS, ("yes",)),
    ]
)
_MATCHES = st.builds(
    EventMatch,
    category=st.sampled_from([None, "design", "business", "custom"]),
    event_id=st.sampled_from(["a:b", "gems:pack1", "a"]),
    is_prefix=st.booleans(),
    filter=st.one_of(st.none(), _CONDITIONS),
) | st.builds(
    EventMatch, category=st.sampled_from([None, "design", "business"]), filter=st.one_of(st.none(), _CONDITIONS)
)
_DIDS = st.builds(
    Did,
    event=_MATCHES,
    measured=st.sampled_from(Measured),
    operator=st.sampled_from(list(_OPERATORS)),
    value=st.sampled_from([0, 1, 2, 0.5, 4.99, -1]),
    last_days=st.sampled_from([None, None, 1, 3, 7]),
)
_PLAIN = _DIDS | st.sampled_from([Who(Condition("revenue_usd", Operator.GREATER, (1,)))])


def _nested(inner: SearchStrategy[Rule]) -> SearchStrategy[Rule]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.builds(NotRule, inner) | st.builds(AllRules, several) | st.builds(AnyRule, several)


_RULES: SearchStrategy[Rule] = st.recursive(_PLAIN | st.just(InSegment("first")), _nested, max_leaves=4)
_FIRST = st.builds(Did, event=st.just(EventMatch("design")), last_days=st.sampled_from([None, 5]))


class QueryService:
    """Says of a player whether a rule predicate, by looking at each event."""

    def __init__(self, known: Game, saved: Mapping[str, Rule]) -> None:
        self._game = known
        self._saved = saved

    def members(self, rule: Rule) -> set[str]:
        return {player for player in self._game.players if self._holds(rule, player)}

    def _holds(self, rule: Rule, player: str) -> bool:
        if isinstance(rule, InSegment):
            return self._holds(self._saved[rule.name], player)
        if isinstance(rule, NotRule):
            return not self._holds(rule.rule, player)
        if isinstance(rule, AllRules):
            return all(self._holds(each, player) for each in rule.rules)
        if isinstance(rule, AnyRule):
            return any(self._holds(each, player) for each in rule.rules)
        if isinstance(rule, Did):
            return _OPERATORS[rule.operator](self._measure(rule, player), Decimal(str(rule.value)))
        return net_usd(self._game.of(player)) > 1

    def _measure(self, did: Did, player: str) -> Decimal:
        events = [each for each in self._game.of(player) if self._is_meant(did, each)]
        if did.measured is Measured.COUNT:
            return Decimal(len(events))
        if did.measured is Measured.DAYS:
            return Decimal(len({each.day for each in events}))
        if did.measured is Measured.VALUE_SUM:
            return Decimal(sum(each.sent.value or 0 for each in events))
        return net_usd(events)

    def _is_meant(self, did: Did, event: Stored) -> bool:
        match = did.event
        is_in_time = did.last_days is None or 0 <= (self._game.today - event.day).days < did.last_days
        is_named = match.event_id is None or event.sent.event_id == match.event_id
        if match.is_prefix and event.sent.event_id is not None:
            is_named = is_named or event.sent.event_id.startswith(f"{match.event_id}:")
        is_of_category = match.category in (None, event.sent.category)
        return is_in_time and is_named and is_of_category and self._passes(match.filter, event)

    def _passes(self, condition: Filter | None, event: Stored) -> bool:
        if condition is None:
            return True
        assert isinstance(condition, Condition)
        if condition.dimension == "segment.first":
            return event.player is not None and self._holds(self._saved["first"], event.player)
        value = of_event(self._game, event)(condition.dimension)
        if condition.operator is Operator.IS_SET:
            return value is not None
        return (value == condition.values[0]) is (condition.operator is Operator.IS)


@FEW
@given(history=histories(), rule=_RULES, first=_FIRST)
def test_members_are_those_for_whom_the_rule_holds(history: History, rule: Rule, first: Rule) -> None:
    _compare(history, rule, first)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(history=histories(), rule=_RULES, first=_FIRST)
def test_members_are_those_for_whom_the_rule_holds_at_length(history: History, rule: Rule, first: Rule) -> None:
    _compare(history, rule, first)


def _compare(history: History, rule: Rule, first: Rule) -> None:
    expected = QueryService(game(history, NOW), {"first": first}).members(rule)
    with embedded_store() as store:
        load(store, history)
        for engine in BothEngines(store):
            asked = Context(GAME, engine, NOW, segments={"first": SegmentDefinition(first)})
            listed = answer(Segment(SegmentDefinition(rule), players=100), asked)
            assert set(listed.table["player_id"].to_pylist()) == expected, engine.dialect
