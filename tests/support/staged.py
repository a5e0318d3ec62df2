"""Batches for the store, made from plain dictionaries."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from questlog.model.record import Position
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch, Loading, PlayerErasure, PlayerProperties

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_767_268_800 * SECOND
"""2026-01-01 12:00 UTC, in microseconds."""

_REQUIRED: dict[str, Any] = {
    "game_id": 1,
    "source": "gameanalytics",
    "received_at": NOON,
    "event_time": NOON,
    "writer": 1,
    "segment": 1,
    "offset": 0,
    "index": 0,
    "category": "design",
}


def new_id() -> str:
    """An event id as clients make it."""
    return str(uuid.uuid4())


def events(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of `STAGED_EVENTS`; what a row leaves out is a design event of game 1 at noon."""
    filled = [
        {"offset": place, **{k: v for k, v in _REQUIRED.items() if k != "offset"}, **row}
        for place, row in enumerate(rows)
    ]
    columns = [pa.array([row.get(field.name) for row in filled], field.type) for field in STAGED_EVENTS]
    return pa.table(columns, schema=STAGED_EVENTS)


def rejected(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of `STAGED_REJECTED`."""
    required = {
        "game_id": 1,
        "received_at": NOON,
        "source": "gameanalytics",
        "is_whole_request": False,
        "reason": "failed_validation",
        "detail": "no good",
        "raw": "{}",
    }
    filled = [{**required, **row} for row in rows]
    columns = [pa.array([row.get(field.name) for row in filled], field.type) for field in STAGED_REJECTED]
    return pa.table(columns, schema=STAGED_REJECTED)


def erase_all(store: Loading) -> None:
    """Carry out the erasures that batches brought, as the loader's maintenance does."""
    while store.erase(100).left:
        pass


def batch(
    rows: Sequence[Mapping[str, Any]] = (),
    rejects: Sequence[Mapping[str, Any]] = (),
    properties: Sequence[PlayerProperties] = (),
    erasures: Sequence[PlayerErasure] = (),
    positions: Mapping[int, Position] | None = None,
) -> Batch:
    """A batch of these rows."""
    return Batch(events(rows), rejected(rejects), properties, erasures, positions or {})
