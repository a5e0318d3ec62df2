"""The key indexes beside the database: opened, and completed from the tables."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import structlog

from questlog.store.duckdb.families import stored_keys
from questlog.store.duckdb.staging import Counters, Indexes
from questlog.store.event_keys import RESEND_VERSION, keys_of_players, resend_domain
from questlog.store.key_index import KeyIndex
from questlog.store.keys import text_keys

_CHUNK = 1 << 20

_log = structlog.get_logger(__name__)

_PLAYERS = "SELECT player_no AS number, game_id, player_id AS text FROM players"
_SESSIONS = """
    SELECT family_no, game_id, player_id, session_id, session_num, is_of_token FROM sessions
    WHERE session_no > $covered AND session_no <= $last
"""
_NAMES = """
    SELECT event_no AS number, game_id,
        category || CASE WHEN event_id IS NULL THEN '' ELSE chr(0) || event_id END AS text FROM event_names
"""
_IDS = f"""
    SELECT game_id, player_id, has_client_id, coalesce(client_event_id, event_uuid::VARCHAR) AS text,
        (epoch_us(received_at) // 1000000)::BIGINT AS received_s
    FROM events WHERE row_no > $covered AND row_no <= $last
        AND (has_client_id OR substr(event_uuid::VARCHAR, 15, 1) = '{RESEND_VERSION}')
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
    _complete_ids(indexes.events, connection, last.row_no)
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


def _complete(index: KeyIndex, connection: duckdb.DuckDBPyConnection, rows: str, last: int) -> None:
    """Add the table's rows that the index has not seen; start again if it knows of rows that the table never had."""
    if index.covered > last:
        index.clear()
    while (covered := index.covered) < last:
        end = min(covered + _CHUNK, last)
        statement = f"SELECT * FROM ({rows}) WHERE number > $covered AND number <= $last"
        found = _read(connection, statement, covered, end)
        keys = text_keys(_texts(found, "text"), found["game_id"].to_numpy().astype(np.int32))
        index.insert(keys, found["number"].to_numpy().astype(np.uint32), end)


def _complete_ids(index: KeyIndex, connection: duckdb.DuckDBPyConnection, last: int) -> None:
    """The same for the ids that clients gave their events, and what stands in for them."""
    if index.covered > last:
        index.clear()
    while (covered := index.covered) < last:
        end = min(covered + _CHUNK, last)
        found = _read(connection, _IDS, covered, end)
        games = found["game_id"].to_numpy().astype(np.int32)
        has_id = np.asarray(found["has_client_id"].to_numpy(), np.bool_)
        ids = text_keys(_texts(found, "text"), games, fold_case=True)
        ids = ids._replace(domain=np.where(has_id, ids.domain, resend_domain(games)))
        keys = keys_of_players(ids, _texts(found, "player_id"))
        index.insert(keys, found["received_s"].to_numpy().astype(np.uint32), end)


def _read(connection: duckdb.DuckDBPyConnection, statement: str, covered: int, last: int) -> pa.Table:
    return connection.sql(statement, params={"covered": covered, "last": last}).to_arrow_table().combine_chunks()


def _texts(rows: pa.Table, column: str) -> pa.StringArray:
    chunks = rows[column].chunks
    return chunks[0] if chunks else pa.array([], pa.string())
