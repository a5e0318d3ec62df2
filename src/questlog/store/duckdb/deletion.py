"""Deleting a game: first it is noted, so that nothing of it is loaded any more, then its rows go, some at a time."""

from collections.abc import Collection

import msgspec
import numpy as np
import pyarrow as pa

from questlog.store.contract import Batch, Piece
from questlog.store.duckdb.staging import Counters
from questlog.store.duckdb.transaction import Transaction
from questlog.store.schema import TABLES

_STAYS = "deleted_games"
_OF_PLAYERS = ("player_event_totals", "sessionless_events")
"""Tables without the game's number; the players' rows go after them."""

_OF_GAMES = tuple(
    table.name
    for table in TABLES
    if table.name not in (_STAYS, "players", "events") and any(column.name == "game_id" for column in table.columns)
)


def without_games(batch: Batch, deleted: Collection[int]) -> Batch:
    """The batch without what is of these games. What was received for them counts nowhere."""
    return msgspec.structs.replace(
        batch,
        events=_others(batch.events, deleted),
        rejected=_others(batch.rejected, deleted),
        properties=[one for one in batch.properties if one.game_id not in deleted],
        erasures=[one for one in batch.erasures if one.game_id not in deleted],
    )


def _others(rows: pa.Table, deleted: Collection[int]) -> pa.Table:
    is_of_deleted = np.isin(rows["game_id"].to_numpy(), list(deleted))
    return rows.filter(pa.array(~is_of_deleted)) if is_of_deleted.any() else rows


def note(transaction: Transaction, game_id: int) -> None:
    """Nothing of the game is to be loaded from now on."""
    transaction.write("INSERT INTO deleted_games VALUES ($game_id, false)", {"game_id": game_id})


def delete_some(transaction: Transaction, game_id: int, most_rows: int) -> Piece:
    """Delete up to so many events, the first ones; with the last ones, all that is computed from them."""
    game = {"game_id": game_id}
    of_game = "FROM events WHERE game_id = $game_id"
    count = int(transaction.read(f"SELECT count(*) AS n {of_game}", game)["n"][0].as_py())
    if count > most_rows:
        first = f"SELECT max(row_no) FROM (SELECT row_no {of_game} ORDER BY row_no LIMIT $most)"
        transaction.write(f"DELETE {of_game} AND row_no <= ({first})", {**game, "most": most_rows})
        return Piece(most_rows, count - most_rows)
    players = "SELECT player_no FROM players WHERE game_id = $game_id"
    for table in _OF_PLAYERS:
        transaction.write(f"DELETE FROM {table} WHERE player_no IN ({players})", game)
    for table in (*_OF_GAMES, "players", "events"):
        transaction.write(f"DELETE FROM {table} WHERE game_id = $game_id", game)
    return Piece(count, 0)


def finish(transaction: Transaction, game_id: int, last: Counters) -> Counters:
    """All rows of the game are deleted."""
    transaction.write("UPDATE deleted_games SET is_done = true WHERE game_id = $game_id", {"game_id": game_id})
    return last
