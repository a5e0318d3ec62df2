"""Rollups of more players than a row group has, old and new in one batch."""

from pathlib import Path
from typing import Any

import pytest

from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import DAY, NOON, batch, new_id

_ROLLUPS = {"players": "player_no", "player_days": "player_day_no"}
_PLAYERS = 14_000


def _rows(first: int, last: int, step: int, day: int) -> list[dict[str, Any]]:
    return [
        {
            "client_event_id": new_id(),
            "event_time": NOON + day * DAY + number,
            "player_id": f"player-{number}",
            "platform": "ios",
            "offset": number,
        }
        for number in range(first, last, step)
    ]


def _ignore(table: str, share: float) -> None:
    pass


@pytest.mark.timeout(240)
def test_players_of_many_row_groups_old_and_new_can_come_in_one_batch(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    last = 0
    for day in (0, 1, 1, 0):
        known = _rows(0, last, 3, day)
        last += _PLAYERS
        store.load(batch(known + _rows(last - _PLAYERS, last, 1, day)), NOON)
    kept = {table: store.query(f"FROM {table} ORDER BY {key}", {}) for table, key in _ROLLUPS.items()}
    store.rebuild(_ignore)
    for table, key in _ROLLUPS.items():
        assert store.query(f"FROM {table} ORDER BY {key}", {}).equals(kept[table]), table
    store.close()
