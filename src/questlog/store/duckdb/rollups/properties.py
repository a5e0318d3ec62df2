"""Players' default and custom properties: the latest state of each player."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.contract import PlayerProperties
from questlog.store.duckdb.transaction import Transaction


def update(transaction: Transaction, properties: Sequence[PlayerProperties], player_no: npt.NDArray[np.int64]) -> None:
    """Store each player's properties, unless newer ones are there. `player_no` has one number for each."""
    if not properties:
        return
    columns = {
        "player_no": pa.array(player_no),
        "game_id": pa.array([one.game_id for one in properties], pa.int32()),
        "player_id": pa.array([one.player_id for one in properties], pa.string()),
        "properties": pa.array([one.properties for one in properties], pa.string()),
        "properties_at": pa.array([one.received_at for one in properties], pa.timestamp("us")),
        "place": pa.array(range(len(properties))),
    }
    transaction.register("batch_properties", pa.table(columns))
    transaction.write(
        "INSERT INTO players (player_no, game_id, player_id, events, sessions, playtime_s, transactions, revenue_usd,"
        " refunds, properties, properties_at)"
        " SELECT player_no, any_value(game_id), any_value(player_id), 0, 0, 0, 0, 0, 0,"
        " arg_max(properties, epoch_us(properties_at)::HUGEINT * 4294967296 + place), max(properties_at)"
        " FROM batch_properties GROUP BY player_no"
        " ON CONFLICT (player_no) DO UPDATE SET properties = excluded.properties,"
        " properties_at = excluded.properties_at"
        " WHERE players.properties_at IS NULL OR players.properties_at <= excluded.properties_at"
    )
