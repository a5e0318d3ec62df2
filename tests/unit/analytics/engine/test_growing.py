"""What is kept of events is never another answer than a new one: after loads, erasures, rebuilds, other zones."""

from collections.abc import Sequence
from typing import Any

import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.analytics.analyses.explore import Explore, Measure
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.funnel_attempts import Order
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.realtime import Realtime, Span
from questlog.analytics.engine import tables
from questlog.analytics.engine.growing import KeptRows, added_up, newer, set_sizes, union_of
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Period
from questlog.analytics.runner import Analytics, Definitions
from questlog.model.calendar import UTC
from questlog.store.contract import PlayerErasure
from questlog.store.duckdb.store import DuckDBStore
from tests.support.engines import embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import DAY, HOUR, MINUTE, NOON, batch, erase_all

Row = dict[str, Any]
PERIOD = Period(UTC.day_of(NOON - 3 * DAY), UTC.day_of(NOON))
PLAYERS = (Measure.COUNT, Measure.PLAYERS)
QUESTIONS: Sequence[msgspec.Struct] = (
    Realtime(),
    Realtime(Span.DAY),
    Explore(PERIOD, depth=2, measures=PLAYERS),
    Explore(PERIOD, nodes=("a", "b"), measures=PLAYERS, granularity=Granularity.DAY, group_by=("country",)),
    Explore(PERIOD, measures=PLAYERS, filter=Condition("country", values=("DE",))),
    Funnel((EventMatch("design", "a:b"), EventMatch("design", "b", is_prefix=True)), PERIOD, group_by=("country",)),
    Funnel((EventMatch("design", "a:c"), EventMatch("error")), PERIOD, 2 * 86_400, Order.ANY, Unit.SESSIONS),
    Explore(PERIOD, measures=PLAYERS, filter=Condition("payer", values=("yes",))),
)

rows = st.fixed_dictionaries(
    {
        "player_id": st.sampled_from(["one", "two", "three", None]),
        "event_id": st.sampled_from(["a:b", "a:c", "b", "b:b:b"]),
        "country": st.sampled_from(["DE", "FR", None]),
        "ago": st.sampled_from([0, MINUTE, 59 * MINUTE, 61 * MINUTE, 23 * HOUR, DAY, 2 * DAY, 7 * DAY, 8 * DAY]),
    },
    optional={"kind": st.sampled_from(["business", "error"])},
)
steps = st.one_of(
    st.lists(rows, max_size=4),
    st.sampled_from(["one", "two"]).map(lambda player: ("erase", player)),
    st.just(("rebuild", "")),
    st.sampled_from(["UTC", "Asia/Kolkata"]).map(lambda zone: ("zone", zone)),
)


def staged(row: Row) -> Row:
    event = {name: row[name] for name in ("player_id", "country")}
    event |= {"event_time": NOON - row["ago"], "event_id": row["event_id"]}
    if row.get("kind") == "business":
        return event | {"category": "business", "event_id": "pack:gems", "amount": 100, "amount_usd": 1}
    return event | ({"category": "error", "event_id": None} if row.get("kind") == "error" else {})


def carry_out(store: DuckDBStore, step: Any) -> None:
    if isinstance(step, list):
        store.load(batch([staged(row) for row in step]), NOON)
        return
    match step:
        case ("erase", player):
            store.load(batch(erasures=[PlayerErasure(1, player, NOON)]), NOON)
            erase_all(store)
        case ("rebuild", _):
            store.rebuild(lambda _table, _share: None)
        case (_, zone):
            store.set_time_zone(1, zone, lambda _table, _share: None)


def new_analytics(store: DuckDBStore) -> Analytics:
    return Analytics(store, FakeClock(NOON), lambda _: Definitions())


@pytest.mark.timeout(300)
@settings(max_examples=6, deadline=None)
@given(st.lists(steps, min_size=2, max_size=5))
def test_what_is_kept_answers_as_what_is_new(done: Sequence[Any]) -> None:
    with embedded_store() as store:
        keeping = new_analytics(store)
        for step in done:
            carry_out(store, step)
            fresh = new_analytics(store)
            for question in QUESTIONS:
                assert keeping.ask(1, question).table.equals(fresh.ask(1, question).table), question


def test_after_a_load_only_newer_events_are_read() -> None:
    merged: list[list[int]] = []

    def merge(rows: pa.Table) -> pa.Table:
        merged.append(rows["events"].to_pylist())
        return pa.table({"events": [sum(merged[-1])]})

    with embedded_store() as store:
        analytics, found = new_analytics(store), []
        for players in (["one"], ["one", "two"], ["one"]):
            store.load(batch([{"player_id": player} for player in players]), NOON)
            with analytics.context(1) as context:
                found = [context.run_growing(_newer_events, merge=merge)["events"].to_pylist() for _ in range(2)]
    assert merged == [[1, 2], [3, 1]]
    assert found == [[4], [4]]


def _newer_events() -> ir.Table:
    events = newer(tables.events)
    return events.aggregate(events=events.count())


def test_newer_rows_are_added_to_those_of_the_same_key() -> None:
    merge = added_up(("key",), ("n",), ("players",))
    one = pa.table({"key": ["a", "b"], "players": [b"\x01\x00", None], "n": [1, 2]})
    other = pa.table({"key": ["a", None], "players": [b"\x03\x80", b"\x00\x00"], "n": [10, 5]})
    rows = sorted(merge(pa.concat_tables([one, other])).to_pylist(), key=lambda row: -row["n"])
    assert rows == [
        {"key": "a", "players": b"\x03\x80", "n": 11},
        {"key": None, "players": b"\x00\x00", "n": 5},
        {"key": "b", "players": None, "n": 2},
    ]


def test_sets_of_players_are_united_and_counted() -> None:
    assert union_of([b"\x01\xf0", None, b"\x01\x0f"]) == b"\x01\xff"
    assert union_of([None]) is None
    assert set_sizes(pa.chunked_array([[b"\x01\xff", None, b"\x00\x00"]])).to_pylist() == [9, 0, 0]


@pytest.fixture
def kept() -> KeptRows:
    return KeptRows(most_bytes=4_000)


def test_rows_of_a_later_transaction_stay(kept: KeptRows) -> None:
    for version in (3, 2):
        kept.keep("a", version, pa.table({"version": [version]}))
    found = kept.get("a")
    assert found is not None
    assert (found[0], found[1]["version"].to_pylist()) == (3, [3])


def test_what_is_kept_is_bounded(kept: KeptRows) -> None:
    for key in range(100):
        kept.keep(key, 1, pa.table({"n": range(20)}))
    kept.keep("large", 1, pa.table({"n": range(1_000)}))
    assert [kept.get(key) is not None for key in range(100)] == [key >= 100 - 4_000 // 161 for key in range(100)]
    assert kept.get("large") is None
