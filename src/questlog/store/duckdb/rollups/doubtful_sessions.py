"""Sessions that a batch joined or moved: put together again from the stored events. Few batches need it.

A late event can lie between two sessions of a family and make them one; a token can come after events of game servers
that named its session.
"""

import pyarrow as pa

from questlog.store.duckdb import rebuild
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.regroup import regroup
from questlog.store.duckdb.rollups import matching, players, sessions

_OF_IDS = "(game_id, session_id) IN (SELECT game_id, session_id FROM doubtful_ids)"
_TOUCHED = f"CREATE OR REPLACE TEMP TABLE touched_sessions AS SELECT session_no FROM sessions WHERE {_OF_IDS}"
_NUMBERS = "SELECT session_no FROM touched_sessions"
_BOUNDS = f"SELECT min(first_event_time) AS low, max(end_time) AS high FROM sessions WHERE {_OF_IDS}"


def put_together(rollups: Rollups, ids: pa.Table, batch: pa.Table, last_no: int) -> int:
    """Put the sessions of these ids (`game_id`, `session_id`) together again; `batch` is stored.

    Returns the last number of a session given out.
    """
    transaction = rollups.transaction
    transaction.register("doubtful_ids", ids)
    transaction.write(_TOUCHED)
    before = sessions.stored(transaction, _NUMBERS)
    unmatched = matching.unmatch(transaction, _NUMBERS)
    bounds = transaction.read(_BOUNDS).to_pylist()[0]
    condition = f"{_OF_IDS} AND event_time BETWEEN $low AND $high"
    last_no = regroup(transaction, rollups.sessions.gap_us, last_no, condition, bounds)
    transaction.write(f"DELETE FROM sessions WHERE session_no IN ({_NUMBERS})")
    rebuild.insert_sessions(rollups, condition, bounds)
    after = sessions.stored(transaction, "SELECT session_no FROM runs")
    sessions.Changes(before, after).register(transaction)
    grace_s = rollups.sessions.grace_s
    matching.move(transaction, matching.matches(transaction, unmatched, grace_s))
    matching.match_changed(transaction, grace_s, batch["row_no"][-1].as_py() + 1)
    players.update_sessions(transaction, batch)
    for table in ("touched_sessions", "runs"):
        transaction.write(f"DROP TABLE {table}")
    return last_no
