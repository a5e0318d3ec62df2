"""Sessions (metrics.md §2): whose events are of one, whatever the order and the batches in which they arrive."""

import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.store.contract import PlayerErasure
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import DAY, HOUR, MINUTE, NOON, SECOND, batch, erase_all

_GAP = 12 * HOUR
_SMALL = EngineSettings(memory_limit_mb=256, threads=1)
_TABLES = {"sessions": "session_no", "players": "player_no", "player_days": "player_day_no", "purchases": "row_no"}


def _event(source: str, player: str | None, session: str | None, time: int, **more: Any) -> dict[str, Any]:
    category = {"category": "custom", "event_id": "jump"} if source.startswith("satori") else {}
    return {"source": source, "player_id": player, "session_id": session, "event_time": time, **category, **more}


def _rule(rows: Sequence[dict[str, Any]]) -> set[tuple[frozenset[str], int, int]]:
    """In plain Python: the sessions as their events' ids, start and end."""
    named = [row for row in rows if row["player_id"] is not None and row["session_id"] is not None]
    of_tokens = ("satori_client", "satori_system")
    tokens = {(row["game_id"], row["session_id"]) for row in named if row["source"] in of_tokens}
    families = defaultdict(list)
    for row in named:
        name = (row["game_id"], row["session_id"])
        is_of_token = row["source"] != "gameanalytics" and name in tokens
        families[name if is_of_token else (*name, row["player_id"], row.get("session_num"))].append(row)
    found = set()
    for family in families.values():
        family.sort(key=lambda row: row["event_time"])
        runs = [[family[0]]]
        for row in family[1:]:
            if row["event_time"] - runs[-1][-1]["event_time"] > _GAP:
                runs.append([])
            runs[-1].append(row)
        before = None
        for run in runs:
            created = [row["session_issued_at"] for row in run if row.get("session_issued_at") is not None]
            counted = [time for time in created if before is None or time > before]
            before = run[-1]["event_time"]
            ids = frozenset(row["client_event_id"] for row in run)
            found.add((ids, min([run[0]["event_time"], *counted]), before))
    return found


def _stored(store: DuckDBStore) -> set[tuple[frozenset[str], int, int]]:
    rows = store.query(
        "SELECT list(client_event_id) AS ids, any_value(epoch_us(start_time)) AS start,"
        " any_value(epoch_us(end_time)) AS finish FROM events JOIN sessions USING (session_no)"
        " WHERE NOT session_is_matched GROUP BY session_no",
        {},
    ).to_pylist()
    return {(frozenset(row["ids"]), row["start"], row["finish"]) for row in rows}


def _tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    return {table: store.query(f"FROM {table} ORDER BY {key}", {}).to_pylist() for table, key in _TABLES.items()}


def _matched(store: DuckDBStore) -> set[tuple[str, int | None]]:
    rows = store.query(
        "SELECT client_event_id AS id, epoch_us(start_time) AS start FROM events LEFT JOIN sessions USING (session_no)"
        " WHERE events.source <> 'gameanalytics' AND (session_is_matched OR events.session_id IS NULL)",
        {},
    ).to_pylist()
    return {(row["id"], row["start"]) for row in rows}


_times = st.integers(0, 9).map(lambda place: NOON + place * (_GAP // 2) + place % 2)
_rows = st.builds(
    lambda source, player, session, time, num, ago, game: _event(
        source,
        player,
        session if source != "satori_client" else session or "a",
        time,
        session_num=num if source == "gameanalytics" else None,
        session_issued_at=time - ago if ago is not None and source != "gameanalytics" else None,
        game_id=game,
    ),
    st.sampled_from(["gameanalytics", "satori_client", "satori_server", "satori_server"]),
    st.sampled_from(["p", "q", "p", None]),
    st.sampled_from(["a", "b", "a", None]),
    _times,
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, None, MINUTE, _GAP, 3 * _GAP]),
    st.sampled_from([1, 1, 1, 2]),
)


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(_rows, min_size=1, max_size=14), seed=st.integers(0, 2**16))
def test_any_order_and_any_batches_give_the_same_sessions(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], seed: int
) -> None:
    pick = random.Random(seed)
    rows = [row | {"client_event_id": f"event-{place}"} for place, row in enumerate(rows)]
    expected, matched = _rule(rows), []
    for _ in range(2):
        pick.shuffle(rows)
        store = DuckDBStore(tmp_path_factory.mktemp("store"), _SMALL)
        start = 0
        while start < len(rows):
            end = start + pick.randrange(1, 6)
            store.load(batch(rows[start:end]), NOON)
            start = end
        assert _stored(store) == expected
        matched.append(_matched(store))
        kept = _tables(store)
        store.rebuild(lambda _table, _share: None)
        assert _tables(store) == kept
        store.close()
    assert matched[0] == matched[1]


@pytest.fixture
def opened(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path, _SMALL)


def _lengths(store: DuckDBStore) -> list[tuple[str, int, int]]:
    rows = store.query("SELECT player_id, events, length_s::BIGINT AS s FROM sessions ORDER BY start_time, 1", {})
    return [(row["player_id"], row["events"], row["s"]) for row in rows.to_pylist()]


def test_one_session_id_for_all_players_is_a_session_for_each(opened: DuckDBStore) -> None:
    rows = [
        _event("gameanalytics", player, "constant", NOON + minutes * MINUTE, session_num=1)
        for minutes, player in enumerate("pqpq")
    ]
    opened.load(batch(rows), NOON)
    assert _lengths(opened) == [("p", 2, 120), ("q", 2, 120)]
    opened.close()


def test_the_number_of_a_session_tells_sessions_apart(opened: DuckDBStore) -> None:
    rows = [_event("gameanalytics", "p", "s", NOON + place * MINUTE, session_num=place // 2) for place in range(4)]
    opened.load(batch(rows), NOON)
    assert _lengths(opened) == [("p", 2, 60), ("p", 2, 60)]
    opened.close()


@pytest.mark.parametrize(("gap", "sessions"), [(_GAP, 1), (_GAP + 1, 2)])
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_session_used_again_after_the_gap_is_a_new_one(
    opened: DuckDBStore, gap: int, sessions: int, is_one_batch: bool
) -> None:
    rows = [_event("gameanalytics", "p", "s", NOON + offset) for offset in (0, gap)]
    for part in [rows] if is_one_batch else [[row] for row in rows]:
        opened.load(batch(part), NOON)
    assert len(_lengths(opened)) == sessions
    assert opened.query("SELECT DISTINCT family_no FROM sessions", {}).num_rows == 1
    [player] = opened.query("SELECT sessions FROM players", {}).to_pylist()
    assert player == {"sessions": sessions}
    opened.close()


def test_a_late_event_joins_two_sessions_and_all_that_was_counted_of_them(opened: DuckDBStore) -> None:
    bought = {"category": "business", "amount": 5, "amount_usd": Decimal("0.050000")}
    for offset in (0, 20 * HOUR, 10 * HOUR):
        opened.load(batch([_event("gameanalytics", "p", "s", NOON + offset) | bought]), NOON)
    assert _lengths(opened) == [("p", 3, 20 * 3600)]
    assert opened.query("SELECT sessions, playtime_s::BIGINT AS s FROM players", {}).to_pylist() == [
        {"sessions": 1, "s": 20 * 3600}
    ]
    days = opened.query("SELECT day::VARCHAR AS day, sessions FROM player_days ORDER BY day", {}).to_pylist()
    assert [row["sessions"] for row in days] == [1, 0]
    assert opened.query("SELECT DISTINCT session_no FROM purchases", {}).to_pylist() == [{"session_no": 1}]
    opened.close()


@pytest.mark.parametrize("is_token_first", [True, False])
@pytest.mark.parametrize("is_reopened", [True, False])
def test_events_of_servers_are_of_the_tokens_session_they_name(
    tmp_path: Path, is_token_first: bool, is_reopened: bool
) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    server = [_event("satori_server", player, "s", NOON + MINUTE) for player in "pq"]
    token = [_event("satori_client", "p", "s", NOON, session_issued_at=NOON - MINUTE)]
    for part in (token, server) if is_token_first else (server, token):
        store.load(batch(part), NOON)
        if is_reopened:
            store.close()
            store = DuckDBStore(tmp_path, _SMALL)
    assert store.query("SELECT events, is_of_token, length_s::BIGINT AS s FROM sessions", {}).to_pylist() == [
        {"events": 3, "is_of_token": True, "s": 120}
    ]
    kept = _tables(store)
    store.rebuild(lambda _table, _share: None)
    assert _tables(store) == kept
    store.load(batch([_event("satori_server", "p", "s", NOON + 2 * MINUTE)]), NOON)
    assert store.query("SELECT events FROM sessions", {}).to_pylist() == [{"events": 4}]
    store.close()


def test_a_session_of_servers_goes_on_where_its_token_was_erased(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    token = _event("satori_client", "p", "s", NOON)
    server = _event("satori_server", "q", "s", NOON + MINUTE)
    store.load(batch([token, server], erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(store)
    store.load(batch([_event("satori_server", "q", "s", NOON + 3 * MINUTE)]), NOON)
    rows = store.query("SELECT player_id, events, is_of_token FROM sessions", {}).to_pylist()
    assert rows == [{"player_id": "q", "events": 2, "is_of_token": False}]
    kept = _tables(store)
    store.rebuild(lambda _table, _share: None)
    assert _tables(store) == kept
    store.close()


def test_erasing_a_player_leaves_the_sessions_of_others_with_the_same_id(opened: DuckDBStore) -> None:
    rows = [_event("gameanalytics", player, "constant", NOON, session_num=1) for player in "pq"]
    opened.load(batch(rows), NOON)
    before = opened.query("FROM sessions WHERE player_id = 'q'", {})
    opened.load(batch(erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(opened)
    assert opened.query("FROM sessions", {}).equals(before)
    opened.close()


def test_a_creation_counts_for_the_session_that_follows_it(opened: DuckDBStore) -> None:
    created = {"session_issued_at": NOON - HOUR}
    for offset in (0, 20 * HOUR):
        opened.load(batch([_event("satori_client", "p", "s", NOON + offset, **created)]), NOON)
    assert _lengths(opened) == [("p", 1, 3600), ("p", 1, 0)]
    opened.close()


def test_no_session_is_longer_than_31_days(opened: DuckDBStore) -> None:
    long_ago = {"session_issued_at": NOON - 400 * DAY}
    ended = {"category": "session_end", "length_s": 1e8}
    opened.load(batch([_event("satori_client", "p", "s", NOON, **long_ago)]), NOON)
    opened.load(batch([_event("gameanalytics", "p", "t", NOON + SECOND) | ended]), NOON)
    assert [length for _, _, length in _lengths(opened)] == [31 * 86_400] * 2
    opened.close()


def test_another_gap_holds_after_a_rebuild(tmp_path: Path) -> None:
    rows = [_event("gameanalytics", "p", "s", NOON + place * HOUR) for place in (0, 1, 3)]
    store = DuckDBStore(tmp_path, _SMALL)
    store.load(batch(rows), NOON)
    store.close()
    for gap_s, lengths in ((3600, [3600, 0]), (43_200, [3 * 3600]), (60, [0, 0, 0])):
        store = DuckDBStore(tmp_path, _SMALL, reuse_gap_s=gap_s)
        store.rebuild(lambda _table, _share: None)
        assert [length for _, _, length in _lengths(store)] == lengths
        store.close()


def test_events_of_servers_leave_a_session_of_gameanalytics_for_the_tokens(opened: DuckDBStore) -> None:
    own = _event("gameanalytics", "p", "s", NOON)
    for row in (own, _event("satori_server", "p", "s", NOON + MINUTE), _event("satori_client", "p", "s", NOON + HOUR)):
        opened.load(batch([row]), NOON)
    rows = opened.query("SELECT events, is_of_token FROM sessions ORDER BY is_of_token", {}).to_pylist()
    assert rows == [{"events": 1, "is_of_token": False}, {"events": 2, "is_of_token": True}]
    opened.close()
