"""The key indexes beside the database: opened, and completed from the tables."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import structlog

from questlog.store.duckdb.families import stored_keys
from questlog.store.duckdb.staging import Counters, Indexes
from questlog.store.key_index import KeyIndex
from questlog.store.keys import Keys, text_keys

_CHUNK = 1 << 20

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
    SELECT row_no AS number, game_id, coalesce(client_event_id, event_uuid::VARCHAR) AS text,
        (epoch_us(received_at) // 1000000)::BIGINT AS payload
    FROM events WHERE has_client_id
"""


def open_indexes(directory: Path, connection: duckdb.DuckDBPyConnection, last: Counters, is_suspect: bool) -> Indexes:
    """Open the indexes and make them agree with the tables: a cache may lack rows, never have rows of its own.

    With `is_suspect`, players may have been erased while it was not told: theirs and their sessions' are made anew.
    """
    indexes = Indexes(*(KeyIndex(directory / name) for name in Indexes._fields))
    if is_suspect:
        indexes.players.clear()
        indexes.sessions.clear()
    _complete(indexes.players, connection, _PLAYERS, last.player_no)
    complete_sessions(indexes.sessions, connection, last)
    _complete(indexes.event_names, connection, _NAMES, last.event_no)
    _complete(indexes.events, connection, _IDS, last.row_no, fold_case=True)
    return indexes


def complete_sessions(
    index: KeyIndex, connection: duckdb.DuckDBPyConnection, last: Counters, *, is_anew: bool = False
) -> None:
    """Add the sessions that the index has not seen, all of them with `is_anew`."""
    if is_anew or index.covered > last.session_no:
        index.clear()
    while (covered := index.covered) < last.session_no:
        end = min(covered + _CHUNK, last.session_no)
        found = connection.sql(_SESSIONS, params={"covered": covered, "last": end}).to_arrow_table().combine_chunks()
        keys, places = stored_keys(found)
        index.insert(keys, found["family_no"].to_numpy()[places].astype(np.uint32), end)


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


def _complete(
    index: KeyIndex, connection: duckdb.DuckDBPyConnection, rows: str, last: int, fold_case: bool = False
) -> None:
    """Add the table's rows that the index has not seen; start again if it knows of rows that the table never had."""
    if index.covered > last:
        index.clear()
    while (covered := index.covered) < last:
        end = min(covered + _CHUNK, last)
        statement = f"SELECT * FROM ({rows}) WHERE number > $covered AND number <= $last"
        found = connection.sql(statement, params={"covered": covered, "last": end}).to_arrow_table()
        keys, payloads = _entries(found.combine_chunks(), fold_case)
        index.insert(keys, payloads, end)


def _entries(rows: pa.Table, fold_case: bool) -> "tuple[Keys, np.ndarray[tuple[int], np.dtype[np.uint32]]]":
    chunks = rows["text"].chunks
    texts = chunks[0] if chunks else pa.array([], pa.string())
    payloads = rows["payload" if "payload" in rows.column_names else "number"].to_numpy().astype(np.uint32)
    return text_keys(texts, rows["game_id"].to_numpy().astype(np.int32), fold_case=fold_case), payloads
