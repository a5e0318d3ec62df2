"""Everything that is stored about a player, as one JSON file: to hand out, or to keep before erasing."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import pyarrow as pa

from questlog.console.services import ConsoleServices
from questlog.console.table_formats import rows_of
from questlog.control.errors import NotFound
from questlog.store.contract import Cancellation, StoreReading
from questlog.store.named_reads import player_events, player_rows

_EVENTS_AT_ONCE = 5_000
_JSON_COLUMNS = ("attributes", "errors", "properties")
_encoder = msgspec.json.Encoder(decimal_format="number")


class PlayerExport(NamedTuple):
    """The rows of a player without events, read as of one moment; `player_no` is 0 for one without a row."""

    game_id: int
    player_id: str
    player_no: int
    exported_at_us: int
    identity: Mapping[str, object] | None
    parts: Mapping[str, pa.Table]


def begin_export(services: ConsoleServices, game: str, player_id: str, cancellation: Cancellation) -> PlayerExport:
    """Read all but the events. Raises `NotFound`, `QueryAborted`."""
    game_id = services.control.find_game(game).game_id
    found = services.control.identity(game_id, player_id)
    with services.tables.reading(cancellation) as reading:
        parts = player_rows(reading.ask, game_id, player_id)
    if found is None and not any(part.num_rows for part in parts.values()):
        raise NotFound(f"the game has no player {player_id[:100]!r}")
    player = parts["player"]
    player_no = player["player_no"][0].as_py() if player.num_rows else 0
    now_us = services.clock.now_us()
    identity = None if found is None else msgspec.to_builtins(found)
    return PlayerExport(game_id, player_id, player_no, now_us, identity, parts)


def export_of(services: ConsoleServices, export: PlayerExport, cancellation: Cancellation) -> Iterator[bytes]:
    """The file in pieces: `{"player_id", "exported_at", "player", "identity", "sessions", …, "events": […]}`.

    Columns without a value are left out. Events are in the order in which they were stored. Raises `QueryAborted`.
    """
    head = {"player_id": export.player_id, "exported_at": export.exported_at_us, "identity": export.identity}
    yield _encoder.encode(head)[:-1]
    for name, table in export.parts.items():
        rows = list(_rows(table))
        written = b",".join(rows) if name == "player" else b"[" + b",\n".join(rows) + b"]"
        yield f',\n"{name}": '.encode() + (written or b"null")
    yield b',\n"events": ['
    separator, row_no = b"\n", 0
    while export.player_no:
        with services.tables.reading(cancellation) as reading:
            events = _page(reading, export, row_no)
        for row in _rows(events):
            yield separator + row
            separator = b",\n"
        if events.num_rows < _EVENTS_AT_ONCE:
            break
        row_no = events["row_no"][-1].as_py()
    yield b"]}\n"


def _page(reading: StoreReading, export: PlayerExport, row_no: int) -> pa.Table:
    return player_events(reading.ask, export.game_id, export.player_no, row_no, _EVENTS_AT_ONCE)


def _rows(table: pa.Table) -> Iterator[bytes]:
    for row in rows_of(table):
        for name in _JSON_COLUMNS:
            if isinstance(text := row.get(name), str):
                row[name] = msgspec.Raw(text.encode())
        yield _encoder.encode({name: value for name, value in row.items() if value is not None})
