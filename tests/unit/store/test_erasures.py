"""Erasing players: what goes, what stays, and what happens when it fails or the process is killed."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from questlog.store.contract import PlayerErasure, PlayerProperties, StoreFailed
from questlog.store.duckdb import erasures
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.keys import text_keys
from tests.support.histories import ADDED_UP, history, load_all
from tests.support.staged import DAY, HOUR, MINUTE, NOON, batch, erase_all

_ROOT = Path(__file__).parents[3]
_SMALL = EngineSettings(memory_limit_mb=256, threads=1)
_ROLLUPS = {
    "sessions": "session_no",
    "players": "player_no",
    "player_days": "player_day_no",
    "player_day_values": "player_day_no, values_key",
    "purchases": "row_no",
    "event_days": "event_day_no",
    "value_bins": "value_bin_no",
    "field_values": "game_id, day, field, value",
    "player_event_totals": "player_event_no",
    "sessionless_events": "row_no",
    "events": "row_no",
}
PLAYERS = tuple(f"player-{number}" for number in range(6))


def _tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    tables = {name: store.query(f"FROM {name} ORDER BY {key}", {}).to_pylist() for name, key in _ROLLUPS.items()}
    return tables | {"value_counts": store.query(f"{ADDED_UP} ORDER BY ALL", {}).to_pylist()}


def _assert_as_rebuilt(store: DuckDBStore) -> None:
    kept = _tables(store)
    store.rebuild(lambda _table, _share: None)
    rebuilt = _tables(store)
    for table, rows in kept.items():
        assert rows == rebuilt[table], table


def _shared_history(seed: int) -> list[dict[str, Any]]:
    """Players who share session ids: a constant one, tokens that go over to others, servers that name both."""
    pick = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(120):
        source = pick.choice(["gameanalytics", "satori_client", "satori_server", "satori_server"])
        is_satori = source != "gameanalytics"
        rows.append(
            {
                "client_event_id": f"event-{number}",
                "source": source,
                "category": "custom" if is_satori else pick.choice(["design", "user"]),
                "event_id": pick.choice(["a:b", "c"]),
                "player_id": pick.choice(PLAYERS),
                "session_id": pick.choice(["constant", "constant", "one", "two", None if is_satori else "three"]),
                "session_num": None if is_satori else pick.choice([None, None, 1]),
                "session_issued_at": NOON - MINUTE if source == "satori_client" else None,
                "event_time": NOON + pick.randrange(4 * DAY),
                "received_at": NOON + number,
                "value": pick.choice([None, 1.0, 2.5]),
                "platform": pick.choice(["ios", "android", None]),
            }
        )
    return rows


def _facts(store: DuckDBStore) -> dict[str, list[str]]:
    """What does not depend on numbers given out."""
    statements = {
        "sessions": "SELECT list_sort(list(client_event_id)) AS ids, any_value(sessions.player_id) AS player,"
        " any_value(start_time) AS start, any_value(end_time) AS finish, any_value(sessions.is_of_token) AS t"
        " FROM events JOIN sessions USING (session_no) GROUP BY session_no",
        "events": "SELECT client_event_id, session_is_matched FROM events",
        "players": "SELECT * EXCLUDE (player_no, first_rank) FROM players",
        "event_days": "SELECT * EXCLUDE (event_day_no, event_no) FROM event_days",
        "values": "SELECT game_id, day, field, value FROM field_values",
        "counts": ADDED_UP,
        "days": "SELECT players.player_id, player_days.* EXCLUDE (player_day_no, player_no)"
        " FROM player_days JOIN players USING (player_no)",
    }
    return {name: sorted(map(str, store.query(sql, {}).to_pylist())) for name, sql in statements.items()}


@pytest.mark.parametrize("seed", range(3))
def test_others_with_the_same_session_ids_are_as_if_the_erased_had_never_played(tmp_path: Path, seed: int) -> None:
    rows, gone = _shared_history(seed), set(random.Random(seed).sample(PLAYERS, 2))
    store = DuckDBStore(tmp_path / "erased", _SMALL)
    load_all(store, rows, seed)
    store.load(batch(erasures=[PlayerErasure(1, player, NOON + DAY) for player in gone]), NOON)
    erase_all(store)
    without = DuckDBStore(tmp_path / "without", _SMALL)
    load_all(without, [row for row in rows if row["player_id"] not in gone], seed)
    found, expected = _facts(store), _facts(without)
    for name, facts in expected.items():
        assert found[name] == facts, name
    _assert_as_rebuilt(store)
    later = [row | {"client_event_id": f"late-{n}", "received_at": NOON + 2 * DAY} for n, row in enumerate(rows[:40])]
    for each in (store, without):
        load_all(each, later, seed)
    found, expected = _facts(store), _facts(without)
    for name, facts in expected.items():
        assert found[name] == facts, name
    _assert_as_rebuilt(store)
    store.close()
    without.close()


def test_an_erasure_computes_nothing_again_of_players_who_only_share_a_session_id(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    constant = {"session_id": "constant", "event_id": "x"}
    token = {"source": "satori_client", "player_id": "p", **constant, "category": "custom"}
    others = [{"player_id": f"q{number}", **constant} for number in range(50)]
    store.load(batch([token, *others]), NOON)
    before = store.query("SELECT rowid AS place, * FROM players WHERE player_id <> 'p' ORDER BY place", {})
    store.load(batch(erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(store)
    assert store.query("SELECT rowid AS place, * FROM players ORDER BY place", {}).equals(before)
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_many_erasures_in_a_group_are_as_one_after_another(tmp_path: Path, seed: int) -> None:
    rows = history(seed, 150)
    gone = [PlayerErasure(1 + number % 2, f"player-{number % 7}", NOON + (number % 3) * DAY) for number in range(9)]
    stores = []
    for name, most in (("one", 1), ("all", 1000)):
        store = DuckDBStore(tmp_path / name, _SMALL)
        load_all(store, rows, seed)
        store.load(batch(erasures=gone), NOON)
        while store.erase(most).left:
            pass
        assert sum(store.erasures_left) == 0
        stores.append(store)
    one, other = (_facts(store) for store in stores)
    assert one == other
    for store in stores:
        _assert_as_rebuilt(store)
        store.close()


def _fails(*arguments: object) -> None:
    raise duckdb.InternalException("power went")


def test_an_erasure_that_fails_stops_neither_loading_nor_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path)
    store.load(batch([{"player_id": "p"}, {"player_id": "q"}]), NOON)
    monkeypatch.setattr(erasures, "carry_out", _fails)
    store.load(batch(erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    with pytest.raises(StoreFailed):
        store.erase(10)
    assert sum(store.erasures_left) == 1
    assert store.positions() == {}
    assert store.load(batch([{"player_id": "q"}]), NOON).stored == 1
    store.close()
    store = DuckDBStore(tmp_path)
    assert store.load(batch([{"player_id": "q"}, {"player_id": "p"}]), NOON).stored == 1
    assert sum(store.erasures_left) == 1
    monkeypatch.undo()
    erase_all(store)
    assert store.query("SELECT DISTINCT player_id FROM events", {}).to_pylist() == [{"player_id": "q"}]
    store.close()


def test_one_player_who_cannot_be_erased_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDBStore(tmp_path)
    players = [f"p{number}" for number in range(4)]
    store.load(batch([{"player_id": player} for player in players]), NOON)
    store.load(batch(erasures=[PlayerErasure(1, player, NOON) for player in players]), NOON)
    carry_out = erasures.carry_out

    def fails_for_one(rollups: Any, noted: Any, last: int) -> Any:
        if any(one.player_no == 1 for one in noted):
            raise duckdb.IOException("no")
        return carry_out(rollups, noted, last)

    monkeypatch.setattr(erasures, "carry_out", fails_for_one)
    with pytest.raises(StoreFailed):
        store.erase(4)
    assert store.erasures_left == (4, 0)
    with pytest.raises(StoreFailed):
        store.erase(1)
    assert store.erasures_left == (3, 1)
    assert store.erase(10) == (3, 1)
    with pytest.raises(StoreFailed):
        store.erase(10)
    monkeypatch.undo()
    erase_all(store)
    assert store.query("FROM events", {}).num_rows == 0
    store.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from questlog.store.contract import PlayerErasure
from questlog.store.duckdb import store as module
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch
store = DuckDBStore(Path(sys.argv[1]))
token = {"source": "satori_client", "category": "custom", "session_id": "s"}
server = {"source": "satori_server", "category": "custom", "session_id": "s", "player_id": "q"}
store.load(batch([token | {"player_id": "p"}, server]), NOON)
store.load(batch(erasures=[PlayerErasure(1, "p", NOON)]), NOON)
def killed(*_):
    for index in store._indexes:
        index.close()
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before":
    module.erasures.carry_out = killed
else:
    store._forget_erased = killed
store.erase(10)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_player_is_gone_although_the_process_is_killed(tmp_path: Path, when: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])}
    ran = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path), when], env=environment, check=False)
    assert ran.returncode == -9
    store = DuckDBStore(tmp_path)
    assert sum(store.erasures_left) == (1 if when == "before" else 0)
    assert store.load(batch([{"player_id": "p"}]), NOON).rejected == 1
    erase_all(store)
    for table in ("events", "players", "sessions"):
        assert set(store.query(f"FROM {table}", {})["player_id"].to_pylist()) == {"q"}, table
    server = {"source": "satori_server", "category": "custom", "session_id": "s", "player_id": "q"}
    store.load(batch([server | {"event_time": NOON + MINUTE, "received_at": NOON + HOUR}]), NOON)
    assert store.query("SELECT events, is_of_token FROM sessions", {}).to_pylist() == [
        {"events": 2, "is_of_token": False}
    ]
    _assert_as_rebuilt(store)
    texts, games = pa.array(["p"]), np.array([1], np.int32)
    assert not store._indexes.players.lookup(text_keys(texts, games))[1].any()
    store.close()


def test_properties_received_after_the_erasure_stay(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    later = PlayerProperties(1, "p", NOON + 2, '{"custom":{}}')
    store.load(
        batch([{"player_id": "p"}], properties=[PlayerProperties(1, "q", NOON, "{}"), later]),
        NOON,
    )
    store.load(batch(erasures=[PlayerErasure(1, player, NOON + 1) for player in "pq"]), NOON)
    erase_all(store)
    rows = store.query("SELECT player_id, events, properties FROM players", {}).to_pylist()
    assert rows == [{"player_id": "p", "events": 0, "properties": later.properties}]
    store.close()
