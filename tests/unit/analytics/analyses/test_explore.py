"""Explore: the tree of event ids, the same on both engines, and what somebody with the events at hand would count."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses import explore_rows
from questlog.analytics.analyses.explore import Explore, Measure, Numbers, answer
from questlog.analytics.analyses.explore_rows import Tree
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Granularity, Operator, Period
from questlog.analytics.selection.selection import select
from tests.support.asked import column, context_of, rows_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle.game import Stored, game
from tests.support.staged import DAY, HOUR, NOON, new_id

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 1, 3)
PERIOD = Period(FIRST, LAST)
ALL = tuple(Measure)


def event(player: str | None, event_id: str | None, value: float | None, at: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "client_event_id": new_id(),
        "player_id": player,
        "event_id": event_id,
        "value": value,
        "event_time": NOON + at,
        "platform": "ios",
        "country": "DE",
        "custom_01": fields.get("country", "DE"),
        **fields,
    }


ROWS = [
    event("ann", "fight:hit:sword", 1.0),
    event("ann", "fight:hit:sword", 2.0, at=HOUR),
    event("bob", "fight:hit:axe", 3.5, at=DAY, country="FR"),
    event("bob", "fight:hit", None, at=DAY, country=None),
    event("cid", "fight", -4.0, at=2 * DAY, country="US"),
    event("cid", "fighting", 10.0, at=2 * DAY, country="US"),
    event(None, "fight:flee", 0.0, at=2 * DAY, country="FR"),
    event("ann", "walk", 5.0, at=-DAY),  # the day before
    event("ann", None, 7.0, category="error"),
    event("ann", "jump", 8.0, category="custom", source="satori_client"),
    event("ann", "Source:gold:quest:q1", 8.0, category="resource"),
    event("bob", "Source:gold:quest:q2", 4.0, at=1, category="resource"),
    event("bob", "Sink:gems:shop:q1", -2.0, at=2, category="resource"),
    event("bob", "Sink:gems:shop:q2", -1.0, at=DAY, category="resource"),
    event("ann", "fight:hit:sword", 1.0, game_id=2),
]


def ask(context: Context, **asked: Any) -> list[dict[str, Any]]:
    return rows_of(answer(Explore(**{"period": PERIOD, **asked}), context))


def test_a_node_has_the_numbers_of_all_that_is_below_it(context: Context) -> None:
    root, fight, fighting = ask(context, measures=ALL)
    assert root == {
        "node": "", "parent": None, "level": 0, "count": 7, "sum": 12.5, "mean": 12.5 / 6, "min": -4.0, "max": 10.0,
        "median": 1.5, "p95": pytest.approx(8.375), "players": 3, "share": None,
    }  # fmt: skip
    assert fight == {
        "node": "fight", "parent": "", "level": 1, "count": 6, "sum": 2.5, "mean": 0.5, "min": -4.0, "max": 3.5,
        "median": 1.0, "p95": pytest.approx(3.2), "players": 3, "share": 6 / 7,
    }  # fmt: skip
    assert (fighting["node"], fighting["count"], fighting["share"]) == ("fighting", 1, 1 / 7)


def test_children_come_down_to_the_depth_asked_for(context: Context) -> None:
    rows = ask(context, nodes=("fight",), depth=2, measures=(Measure.COUNT, Measure.PLAYERS))
    assert column(rows, "node", "parent", "level", "count", "players") == [
        ("fight", None, 1, 6, 3),
        ("fight:hit", "fight", 2, 4, 2),
        ("fight:flee", "fight", 2, 1, 0),
        ("fight:hit:sword", "fight:hit", 3, 2, 1),
        ("fight:hit:axe", "fight:hit", 3, 1, 1),
    ]
    assert column(rows, "share") == [None, 4 / 6, 1 / 6, 2 / 4, 1 / 4]


def test_depth_0_is_the_node_alone(context: Context) -> None:
    assert column(ask(context, nodes=("fight:hit",), depth=0), "node", "count", "sum") == [("fight:hit", 4, 6.5)]


def test_several_nodes_are_added_up_and_count_an_event_below_two_of_them_once(context: Context) -> None:
    rows = ask(context, nodes=("fight:hit", "fight", "fighting"), depth=0, measures=ALL)
    assert column(rows, "node", "level", "count", "players") == [
        (None, None, 7, 3),
        ("fight", 1, 6, 3),
        ("fighting", 1, 1, 1),
        ("fight:hit", 2, 4, 2),
    ]
    assert rows[0]["median"] == 1.5
    assert column(rows, "share") == [None, 6 / 7, 1 / 7, 4 / 6]


def test_the_root_may_be_one_of_several_nodes(context: Context) -> None:
    rows = ask(context, nodes=("", "fight"), depth=0)
    assert column(rows, "node", "level", "count", "share") == [
        (None, None, 7, None),
        ("", 0, 7, 1.0),
        ("fight", 1, 6, 6 / 7),
    ]


def test_a_node_that_nothing_is_at_is_told_of_with_nothing(context: Context) -> None:
    [row] = ask(context, nodes=("walk",), measures=ALL)
    assert row == {
        "node": "walk", "parent": None, "level": 1, "count": 0, "sum": 0.0, "mean": None, "min": None, "max": None,
        "median": None, "p95": None, "players": 0, "share": None,
    }  # fmt: skip


def test_ids_that_are_null_are_at_the_root_alone(context: Context) -> None:
    assert column(ask(context, category="error"), "node", "count", "sum") == [("", 1, 7.0)]


def test_names_of_satori_are_nodes_of_the_first_level(context: Context) -> None:
    assert column(ask(context, category="custom"), "node", "count") == [("", 1), ("jump", 1)]


def test_a_series_has_every_bucket_of_what_was_asked_for(context: Context) -> None:
    rows = ask(context, nodes=("fight:hit",), depth=1, granularity=Granularity.DAY, measures=ALL)
    days = [FIRST + dt.timedelta(days=place) for place in range(3)]
    assert column(rows, "bucket", "node", "count", "players", "median") == [
        (days[0], "fight:hit", 2, 1, 1.5),
        (days[0], "fight:hit:sword", 2, 1, 1.5),
        (days[1], "fight:hit", 2, 1, 3.5),
        (days[1], "fight:hit:axe", 1, 1, 3.5),
        (days[2], "fight:hit", 0, 0, None),
    ]


def test_hours_come_from_the_events(context: Context) -> None:
    rows = ask(context, period=Period(FIRST, FIRST), depth=0, granularity=Granularity.HOUR)
    assert column(rows, "count") == [0] * 12 + [1, 1] + [0] * 10


def test_groups_beyond_the_top_are_one_with_its_own_distinct_players(context: Context) -> None:
    rows = ask(
        context, nodes=("fight",), depth=0, group_by=("country",), top=1, measures=(Measure.COUNT, Measure.PLAYERS)
    )
    assert column(rows, "country", "count", "players") == [("DE", 2, 1), ("(other)", 4, 2)]


def test_of_equally_frequent_groups_the_first_in_order_stay_and_null_is_the_last(context: Context) -> None:
    rows = ask(context, nodes=("fight",), depth=0, group_by=("country",), top=4)
    assert column(rows, "country", "count") == [("DE", 2), ("FR", 2), ("US", 1), (None, 1)]


def test_null_may_be_the_only_group(context: Context) -> None:
    rows = ask(context, category="error", depth=0, group_by=("gender",))
    assert column(rows, "gender", "count") == [(None, 1)]


def test_a_filter_sees_every_dimension(context: Context) -> None:
    of_france = Condition("country", Operator.IS, ("FR",))
    rows = ask(context, filter=of_france, measures=ALL)
    assert column(rows, "node", "count", "sum", "players") == [("", 2, 3.5, 1), ("fight", 2, 3.5, 1)]


def test_values_above_the_limit_of_a_day_are_other(context: Context) -> None:
    limited = msgspec.structs.replace(context, limits={"custom_01": 1}, data_version=1)
    found = answer(Explore(PERIOD, nodes=("fight",), depth=0, group_by=("custom_01",)), limited)
    assert column(found.table.to_pylist(), "custom_01", "count") == [
        ("DE", 2),
        ("FR", 1),
        ("US", 1),
        (None, 1),
        ("(other)", 1),
    ]
    assert [warned.field for warned in found.warnings] == ["custom_01"]


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_an_id_above_the_limit_of_a_day_is_other_beside_its_siblings(
    context: Context, condition: Condition | None
) -> None:
    limited = msgspec.structs.replace(context, limits={"design_event_id": 1}, data_version=1)
    question = Explore(PERIOD, nodes=("fight",), depth=2, measures=ALL, filter=condition)
    found = answer(question, limited)
    assert column(found.table.to_pylist(), "node", "count", "players", "max") == [
        ("fight", 6, 3, 3.5),
        ("fight:hit", 3, 2, 3.5),
        ("fight:(other)", 2, 1, 0.0),
        ("fight:hit:sword", 2, 1, 2.0),
        ("fight:hit:axe", 1, 1, 3.5),
    ]
    assert [warned.field for warned in found.warnings] == ["event_id"]


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_a_part_of_an_id_above_the_limit_of_a_day_is_other_with_all_below_it(
    context: Context, condition: Condition | None
) -> None:
    limited = msgspec.structs.replace(context, limits={"resource_currency": 1, "resource_item_id": 1}, data_version=1)
    found = answer(Explore(PERIOD, category="resource", depth=4, filter=condition), limited)
    assert column(found.table.to_pylist(), "node", "count", "sum") == [
        ("", 4, 9.0),
        ("Sink", 2, -3.0),
        ("Source", 2, 12.0),
        ("Source:gold", 2, 12.0),
        ("Sink:(other)", 1, -2.0),
        ("Sink:gems", 1, -1.0),
        ("Source:gold:quest", 2, 12.0),
        ("Sink:(other):shop", 1, -2.0),
        ("Sink:gems:shop", 1, -1.0),
        ("Sink:(other):shop:q1", 1, -2.0),
        ("Sink:gems:shop:q2", 1, -1.0),
        ("Source:gold:quest:(other)", 1, 4.0),
        ("Source:gold:quest:q1", 1, 8.0),
    ]
    assert [warned.field for warned in found.warnings] == ["resource_currency", "item_id"]


def test_numbers_as_groups_are_plain(context: Context) -> None:
    rows = ask(context, depth=0, group_by=("value",), top=2)
    assert column(rows, "value", "count") == [("-4", 1), ("0", 1), ("(other)", 5)]


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_bins_of_equal_width_reach_from_the_least_to_the_greatest(
    context: Context, condition: Condition | None
) -> None:
    rows = ask(context, histogram=Histogram(bins=4), filter=condition)
    assert column(rows, "low", "high", "count", "share") == [
        (-4.0, -0.5, 1, 1 / 6),
        (-0.5, 3.0, 3, 3 / 6),
        (3.0, 6.5, 1, 1 / 6),
        (6.5, 10.0, 1, 1 / 6),
    ]


def test_given_edges_have_bins_below_and_above(context: Context) -> None:
    rows = ask(context, histogram=Histogram(edges=(0.0, 2.0, 3.5)))
    assert column(rows, "low", "high", "count") == [(None, 0.0, 1), (0.0, 2.0, 2), (2.0, 3.5, 2), (3.5, None, 1)]


def test_one_value_is_one_bin_and_no_value_none(context: Context) -> None:
    [row] = ask(context, nodes=("fighting",), histogram=Histogram(bins=7))
    assert (row["low"], row["high"], row["count"]) == (10.0, 10.0, 1)
    assert ask(context, nodes=("walk",), histogram=Histogram()) == []


def test_a_histogram_is_split_by_a_dimension(context: Context) -> None:
    rows = ask(context, histogram=Histogram(bins=2), group_by=("country",), top=1)
    assert column(rows, "country", "low", "count", "share") == [
        ("DE", -4.0, 2, 1.0),
        ("DE", 3.0, 0, 0.0),
        ("(other)", -4.0, 2, 0.5),
        ("(other)", 3.0, 2, 0.5),
    ]


def test_players_are_the_same_with_bitmaps_and_without(context: Context) -> None:
    tree = Tree("design", ("",), 2, selection=select(context, PERIOD, group_by=("country",)))
    few, many = (context.run(explore_rows.players, tree, Granularity.DAY, has_few) for has_few in (True, False))
    assert few.num_rows > 5
    assert Counter(map(repr, few.to_pylist())) == Counter(map(repr, many.select(few.column_names).to_pylist()))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"nodes": ("a", "a")}, "nodes[1]"),
        ({"measures": (Measure.SUM, Measure.SUM)}, "measures[1]"),
        ({"period": Period(LAST, FIRST)}, "period.end"),
        ({"group_by": ("contry",)}, "group_by[0]"),
        ({"group_by": ("segment.whales",)}, "group_by[0]"),
        ({"filter": Condition("contry", Operator.IS, ("DE",))}, "filter.dimension"),
        ({"filter": Condition("value", Operator.IS, ("much",))}, "filter.values[0]"),
        ({"granularity": Granularity.DAY, "histogram": Histogram()}, "granularity"),
        ({"histogram": Histogram(edges=(1.0,))}, "histogram.edges"),
        ({"histogram": Histogram(edges=(1.0, 1.0))}, "histogram.edges[1]"),
        ({"histogram": Histogram(edges=(1.0, float("inf")))}, "histogram.edges[1]"),
        ({"granularity": Granularity.MINUTE}, "period"),
        ({"histogram_of": Numbers.FPS, "category": "health"}, "histogram"),
        ({"histogram_of": Numbers.FPS, "histogram": Histogram()}, "category"),
        ({"histogram_of": Numbers.BOOT_TIME, "category": "health", "histogram": Histogram()}, "category"),
        ({"histogram_of": Numbers.FPS, "category": "health", "nodes": ("a",), "histogram": Histogram()}, "nodes"),
    ],
)
def test_what_cannot_be_asked_is_named(asked: dict[str, Any], field: str, engines: BothEngines) -> None:
    with pytest.raises(InvalidQuery) as refused:
        ask(context_of(engines.duckdb), **asked)
    assert refused.value.field == field


def test_a_question_is_json() -> None:
    question = msgspec.json.decode(
        b'{"period": {"start": "2026-01-01", "end": "2026-01-03"}, "nodes": ["fight"], "measures": ["players"]}',
        type=Explore,
    )
    assert question == Explore(PERIOD, nodes=("fight",), measures=(Measure.PLAYERS,))


def test_counts_of_whole_days_do_not_touch_the_events(engines: BothEngines) -> None:
    engines.duckdb.statements.clear()
    ask(context_of(engines.duckdb), granularity=Granularity.WEEK)
    assert not any(re.search(r'(FROM|JOIN) "events"', statement) for statement in engines.duckdb.statements)


# ------------------------------------------------------------------------------------------------------------ property

TREES = st.sampled_from([("",), ("a",), ("a:b",), ("a:b", "a"), ("a:b:c", "b"), ("a:b", "a:bb", "")])


@FEW
@given(
    history=histories(("design", "design")), nodes=TREES, depth=st.integers(0, 3), by=st.sampled_from([None, "country"])
)
def test_a_tree_is_what_counting_gives(history: History, nodes: tuple[str, ...], depth: int, by: str | None) -> None:
    _compare(history, nodes, depth, by)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(
    history=histories(("design", "design")), nodes=TREES, depth=st.integers(0, 3), by=st.sampled_from([None, "country"])
)
def test_a_tree_is_what_counting_gives_at_length(
    history: History, nodes: tuple[str, ...], depth: int, by: str | None
) -> None:
    _compare(history, nodes, depth, by)


def _compare(history: History, nodes: tuple[str, ...], depth: int, by: str | None) -> None:
    period = Period(dt.date(2025, 12, 28), dt.date(2026, 1, 3))
    question = Explore(period, nodes=nodes, depth=depth, measures=ALL, group_by=(by,) if by else ())
    events = [
        event
        for event in game(history, NOW).events
        if event.sent.category == "design" and period.start <= event.day <= period.end
    ]
    expected = _counted(events, nodes, depth, by)
    with embedded_store() as store:
        load(store, history)
        for engine in BothEngines(store):
            rows = answer(question, context_of(engine)).table.to_pylist()
            found = {(row.get("country"), row["node"]): [row[name] for name in ALL] for row in rows if row["count"]}
            assert found == expected


def _counted(events: Sequence[Stored], nodes: Sequence[str], depth: int, by: str | None) -> dict[Any, Any]:
    """The measures by group and node, where there are events."""
    groups = {event.sent.country for event in events} if by else {None}
    found: dict[Any, Any] = {}
    for group in groups:
        of_group = [event for event in events if by is None or event.sent.country == group]
        top = nodes[0] if len(nodes) == 1 else None
        asked_for = [node.split(":") if node else [] for node in nodes]
        below = {top: [event for event in of_group if any(_is_below(event, node) for node in asked_for)]}
        paths = {event.parts[:length] for event in below[top] for length in range(len(event.parts) + 1)}
        for path in paths:
            if any(0 <= len(path) - len(node) <= depth and list(path[: len(node)]) == node for node in asked_for):
                below[":".join(path)] = [event for event in of_group if _is_below(event, path)]
        found |= {(group, node): _measured(of_node) for node, of_node in below.items() if of_node}
    return found


def _is_below(event: Stored, node: Sequence[str]) -> bool:
    return list(event.parts[: len(node)]) == list(node)


def _measured(events: Sequence[Stored]) -> list[Any]:
    values = sorted(event.sent.value for event in events if event.sent.value is not None)
    players = {event.player for event in events} - {None}
    if not values:
        return [len(events), 0.0, None, None, None, None, None, len(players)]
    place = 0.95 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    p95 = pytest.approx(values[low] + (values[high] - values[low]) * (place - low))
    total = sum(values)
    return [len(events), total, total / len(values), values[0], values[-1], median(values), p95, len(players)]
