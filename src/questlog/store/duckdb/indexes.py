"""The key indexes beside the database: opened, and completed from the tables."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import structlog

from questlog.store.duckdb.event_ids import resend_keys, with_players
from questlog.store.duckdb.families import stored_keys
from questlog.store.duckdb.staging import Counters, Indexes
from questlog.store.key_index import KeyIndex
from questlog.store.keys import joined_keys, text_keys

_CHUNK = 1 << 20
_SUSPECT = "suspect"

_log = structlog.get_logger(__name__)

_PLAYERS = "SELECT player_no AS number, game_id, player_id AS text FROM players"
_SESSIONS = """
    SELECT family_no, game_id, player_no, session_id, session_num, is_of_token FROM sessions
    WHERE session_no > $covered AND session_no <= $last
"""
_NAMES = """
    SELECT event_no AS number, game_id,
        category || CASE WHEN event_id IS NULL THEN '' ELSE chr(0) || event_id END AS text FROM event_names
"""
_IDS = """
    SELECT game_id, coalesce(client_event_id, event_uuid::VARCHAR) AS text, player_id,
        (epoch_us(received_at) // 1000000)::BIGINT AS payload
    FROM events WHERE has_client_id AND row_no > $covered AND row_no <= $last
"""
_RESENDS = """
    SELECT game_id, resend_key AS text, received_s AS payload
    FROM resend_keys WHERE row_no > $covered AND row_no <= $last
"""


class Suspicion:
    """Whether the indexes are to be made anew when they are opened the next time."""

    def __init__(self) -> None:
        self.is_confirmed = False


@contextlib.contextmanager
def suspicion(directory: Path) -> Iterator[Suspicion]:
    """Until the end of this, and after it if it is confirmed, the file `suspect` says that keys may have gone."""
    mark = directory / _SUSPECT
    mark.touch()
    suspect = Suspicion()
    try:
        yield suspect
    finally:
        if not suspect.is_confirmed:
            mark.unlink(missing_ok=True)


def open_indexes(directory: Path, connection: duckdb.DuckDBPyConnection, last: Counters) -> Indexes:
    """Open the indexes and make them agree with the tables: a cache may lack rows, never have rows of its own.

    Where players may have gone while it was not told, theirs and their sessions' are made anew.
    """
    indexes = Indexes(*(KeyIndex(directory / name) for name in Indexes._fields))
    mark = directory / _SUSPECT
    if mark.exists():
        indexes.players.clear()
        indexes.sessions.clear()
    _complete(indexes.players, connection, _PLAYERS, last.player_no)
    complete_sessions(indexes.sessions, connection, last)
    _complete(indexes.event_names, connection, _NAMES, last.event_no)
    _complete_events(indexes.events, connection, last.row_no)
    mark.unlink(missing_ok=True)
    return indexes


def complete_sessions(
    index: KeyIndex, connection: duckdb.DuckDBPyConnection, last: Counters, *, is_anew: bool = False
) -> None:
    """Add the sessions that the index has not seen, all of them with `is_anew`."""
    if is_anew:
        index.clear()
    for span in _missing(index, last.session_no):
        found = _read(connection, _SESSIONS, span)
        keys, places = stored_keys(found)
        index.insert(keys, found["family_no"].to_numpy()[places].astype(np.uint32), span["last"])


def close_indexes(indexes: Indexes) -> None:
    """Write what is in memory; what the disk does not take is found in the tables again."""
    for index in indexes:
        try:
            index.close()
        except OSError as error:
            _log.warning("key index not written", error=error.strerror)


def abandon_indexes(indexes: Indexes) -> None:
    """Leave the files to whoever opens them next."""
    for index in indexes:
        index.abandon()


def _complete_events(index: KeyIndex, connection: duckdb.DuckDBPyConnection, last: int) -> None:
    for span in _missing(index, last):
        ids, resends = (_read(connection, statement, span) for statement in (_IDS, _RESENDS))
        keys = text_keys(_texts(ids, "text"), _games(ids), fold_case=True)
        own = with_players(keys, _texts(ids, "player_id"))
        both = joined_keys([own, resend_keys(_texts(resends, "text"), _games(resends).astype(np.int64))])
        payloads = np.concatenate([rows["payload"].to_numpy() for rows in (ids, resends)])
        index.insert(both, payloads.astype(np.uint32), span["last"])


def _complete(index: KeyIndex, connection: duckdb.DuckDBPyConnection, rows: str, last: int) -> None:
    for span in _missing(index, last):
        found = _read(connection, f"SELECT * FROM ({rows}) WHERE number > $covered AND number <= $last", span)
        keys = text_keys(_texts(found, "text"), _games(found))
        index.insert(keys, found["number"].to_numpy().astype(np.uint32), span["last"])


def _missing(index: KeyIndex, last: int) -> Iterator[dict[str, int]]:
    """The rows that the index has not seen, some at a time; all if it knows of rows that the table never had."""
    if index.covered > last:
        index.clear()
    while (covered := index.covered) < last:
        yield {"covered": covered, "last": min(covered + _CHUNK, last)}


def _read(connection: duckdb.DuckDBPyConnection, statement: str, span: dict[str, int]) -> pa.Table:
    return connection.sql(statement, params=span).to_arrow_table().combine_chunks()


def _texts(rows: pa.Table, column: str) -> pa.StringArray:
    chunks = rows[column].chunks
    return chunks[0] if chunks else pa.array([], pa.string())


def _games(rows: pa.Table) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.asarray(rows["game_id"].to_numpy(), np.int32)
