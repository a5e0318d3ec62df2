"""Erasing players everywhere: first noted with the batch, then carried out in transactions of their own.

Several players are erased at once, because each statement reads a column of all events, for one player as for many.
What was noted and not carried out is known when the store is opened again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from questlog.store.contract import PlayerErasure
from questlog.store.duckdb import rebuild
from questlog.store.duckdb.facts import numbered_day
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.regroup import regroup
from questlog.store.duckdb.rollups import field_values, value_counts
from questlog.store.duckdb.transaction import Transaction
from questlog.store.keys import hashed_text


class NotedErasure(NamedTuple):
    """A player who is to be erased: what was received until then (UTC microseconds) goes."""

    player_no: int
    until_us: int


class Erased(NamedTuple):
    """What carrying out erasures came to: the last number of a session given out, and what the indexes must forget.

    `tokens` are the ids (`game_id`, `session_id`) that are no token's any more, with `is_named` where servers still
    name them; `players` those (`game_id`, `player_id`) of whom nothing is left.
    """

    session_no: int
    tokens: pa.Table
    players: pa.Table


def player_hash(player_id: str) -> str:
    """The hash that an erasure is remembered under, as a UUID's hexadecimal digits."""
    high, low = hashed_text(player_id)
    return f"{high:016x}{low:016x}"


def note(transaction: Transaction, erasures: Sequence[PlayerErasure]) -> Sequence[NotedErasure]:
    """Note that these players are to be erased, and drop what was rejected of them at once.

    Returns those of whom there may be more to erase.
    """
    if not erasures:
        return []
    columns = {
        "game_id": pa.array([one.game_id for one in erasures], pa.int32()),
        "player_id": pa.array([one.player_id for one in erasures], pa.string()),
        "player_hash": pa.array([player_hash(one.player_id) for one in erasures], pa.string()),
        "erased_at": pa.array([one.received_at for one in erasures], pa.timestamp("us")),
    }
    transaction.register("batch_erasures", pa.table(columns))
    transaction.write(_REJECTED)
    noted = transaction.read(_NUMBERED)
    transaction.register("noted_erasures", noted)
    transaction.write(_NOTE)
    rows = noted.select(["player_no", "until_us"]).to_pylist()
    return [NotedErasure(**row) for row in rows if row["player_no"] is not None]


_REJECTED = """
    DELETE FROM rejected_events USING batch_erasures AS erasure
    WHERE rejected_events.game_id = erasure.game_id AND rejected_events.player_id = erasure.player_id
        AND rejected_events.received_at <= erasure.erased_at
"""

_NUMBERED = """
    SELECT erasure.game_id, player_hash, player_no, erased_at, epoch_us(erased_at) AS until_us
    FROM batch_erasures AS erasure LEFT JOIN players
        ON players.game_id = erasure.game_id AND players.player_id = erasure.player_id
"""

_NOTE = """
    INSERT INTO erasures (game_id, player_hash, player_no, erased_at, is_done)
    SELECT game_id, player_hash::UUID, player_no, erased_at, player_no IS NULL FROM noted_erasures
"""

NOTED = "SELECT player_no, epoch_us(erased_at) AS until_us FROM erasures WHERE NOT is_done ORDER BY erased_at"
"""SQL: what is noted and not carried out."""


def carry_out(rollups: Rollups, noted: Sequence[NotedErasure], last_session_no: int) -> Erased:
    """Erase these players within a transaction, and compute again what they were part of."""
    transaction = rollups.transaction
    until: dict[int, int] = {}
    for one in noted:
        until[one.player_no] = max(until.get(one.player_no, one.until_us), one.until_us)
    columns = {"player_no": pa.array(list(until)), "until": pa.array(list(until.values()), pa.timestamp("us"))}
    transaction.register("erasure_marks", pa.table(columns))
    for statement in (_GONE_ROWS.format(events=rollups.events(_OF_MARKS)), _GONE_IDS, _GONE_PLAYERS, _GONE_SESSIONS):
        transaction.write(statement)
    _collect(transaction)
    transaction.write(_TOKENS)
    days = _GoneDays.found(transaction)
    if days is not None:
        _take_from_days(rollups, days)
    transaction.write(_KEPT_PROPERTIES)
    for table, condition in _ROWS.items():
        transaction.write(f"DELETE FROM {table} WHERE {condition}")
    last_session_no = _put_back_players(rollups, last_session_no)
    if days is not None:
        _put_back_days(rollups, days)
    transaction.write(_DONE)
    found = Erased(last_session_no, transaction.read(_STILL_NAMED), transaction.read(_NOTHING_LEFT))
    for table in _TEMPORARY:
        transaction.write(f"DROP TABLE IF EXISTS {table}")
    return found


def _put_back_players(rollups: Rollups, last_session_no: int) -> int:
    """Compute again what is left of the players concerned and of their sessions."""
    transaction = rollups.transaction
    has_left = transaction.read(_HAS_LEFT).num_rows > 0
    if has_left:
        last_session_no = regroup(transaction, rollups.sessions.gap_us, last_session_no, _OF_GONE_SESSIONS)
    else:
        transaction.write(_NO_RUNS)
    transaction.write(_LOST)
    transaction.write(f"DELETE FROM sessions WHERE {_OF_GONE_SESSIONS}")
    for table in _OF_PLAYERS:
        transaction.write(f"DELETE FROM {table} WHERE {_OF_GONE_PLAYERS}")
    if has_left:
        rebuild.insert_sessions(rollups, "session_no IN (SELECT session_no FROM runs)")
        rebuild.match_again(rollups, _OF_GONE_PLAYERS)
        rebuild.insert_players(rollups, _OF_GONE_PLAYERS)
        rebuild.insert_purchases(rollups, _OF_GONE_PLAYERS)
    else:
        rebuild.restore_properties(rollups, _OF_GONE_PLAYERS)
    return last_session_no


_OF_MARKS = "player_no IN (SELECT player_no FROM erasure_marks)"
_EVENT_DAY = numbered_day("event_no", "day")
_OF_GONE_ROWS = "row_no IN (SELECT row_no FROM gone_rows)"
_OF_GONE_SESSIONS = "session_no IN (SELECT session_no FROM gone_sessions)"
_OF_GONE_PLAYERS = "player_no IN (SELECT player_no FROM gone_players)"
_ROWS = {
    "events": _OF_GONE_ROWS,
    "resend_keys": _OF_GONE_ROWS,
    "expired_players": _OF_MARKS,
    "expired_totals": _OF_MARKS,
}
_OF_PLAYERS = (
    "players",
    "player_days",
    "player_day_values",
    "purchases",
    "player_event_totals",
    "sessionless_events",
)

_GONE_ROWS = """
    CREATE OR REPLACE TEMP TABLE gone_rows AS
    SELECT event.row_no, event.game_id, event.event_no, event.day
    FROM {events} AS event JOIN erasure_marks AS mark USING (player_no) WHERE event.received_at <= mark.until
"""

_GONE_IDS = f"""
    CREATE OR REPLACE TEMP TABLE gone_ids AS SELECT player_no, game_id, player_id FROM players WHERE {_OF_MARKS}
"""

_GONE_PLAYERS = "CREATE OR REPLACE TEMP TABLE gone_players AS SELECT player_no FROM erasure_marks"
_GONE_SESSIONS = "CREATE OR REPLACE TEMP TABLE gone_sessions (session_no BIGINT)"

# Where no token names an id any more, what servers told is of their own sessions, also of those that are there: of the
# players that they told of, for only a token's session has several.
_MORE_SESSIONS = """
    CREATE OR REPLACE TEMP TABLE gone_sessions AS
    WITH found AS (
        SELECT session_no FROM gone_sessions
        UNION SELECT session_no FROM events
        WHERE session_no IS NOT NULL AND player_no IN (SELECT player_no FROM gone_players)
        UNION SELECT session_no FROM sessions WHERE player_no IN (SELECT player_no FROM gone_players)
    ), families AS (
        SELECT family_no, game_id, CASE WHEN is_of_token THEN session_id END AS token
        FROM sessions WHERE session_no IN (SELECT session_no FROM found)
    )
    SELECT session_no FROM sessions WHERE family_no IN (SELECT family_no FROM families)
"""

_MORE_PLAYERS = """
    CREATE OR REPLACE TEMP TABLE gone_players AS
    SELECT player_no FROM gone_players
    UNION SELECT player_no FROM events
    WHERE player_no IS NOT NULL AND session_no IN (SELECT session_no FROM gone_sessions)
"""


def _collect(transaction: Transaction) -> None:
    """Complete `gone_players` and `gone_sessions`: the players' sessions, their other players, those players' sessions.

    Only a token's session has several players. All of them are computed again: a session may go over to another player,
    whose events may then match it.
    """
    count = 0
    while (now := transaction.read("SELECT count(*) FROM gone_players").column(0)[0].as_py()) > count:
        count = now
        transaction.write(_MORE_SESSIONS)
        transaction.write(_MORE_PLAYERS)


_TOKENS = f"""
    CREATE OR REPLACE TEMP TABLE gone_tokens AS
    SELECT DISTINCT game_id, session_id FROM sessions WHERE is_of_token AND {_OF_GONE_SESSIONS}
"""

_KEPT_PROPERTIES = f"""
    CREATE OR REPLACE TEMP TABLE kept_properties AS {rebuild.KEPT_PROPERTIES} AND {_OF_GONE_PLAYERS}
        AND NOT EXISTS (SELECT 1 FROM erasure_marks AS mark
            WHERE mark.player_no = players.player_no AND players.properties_at <= mark.until)
"""

_HAS_LEFT = f"""
    SELECT 1 FROM events WHERE {_OF_GONE_PLAYERS}
    UNION ALL SELECT 1 FROM expired_players WHERE {_OF_GONE_PLAYERS} LIMIT 1
"""

_NO_RUNS = """
    CREATE OR REPLACE TEMP TABLE runs (game_id INTEGER, session_id VARCHAR, session_no BIGINT, is_of_token BOOLEAN)
"""

_LOST = """
    CREATE OR REPLACE TEMP TABLE lost_tokens AS
    SELECT game_id, session_id FROM gone_tokens WHERE (game_id, session_id) NOT IN (
        SELECT game_id, session_id FROM runs WHERE is_of_token)
"""

_STILL_NAMED = """
    SELECT *, (game_id, session_id) IN (SELECT game_id, session_id FROM sessions WHERE session_num IS NULL) AS is_named
    FROM lost_tokens
"""

_NOTHING_LEFT = "SELECT game_id, player_id FROM gone_ids WHERE player_no NOT IN (SELECT player_no FROM players)"

_DONE = """
    UPDATE erasures SET is_done = true FROM erasure_marks AS mark
    WHERE NOT erasures.is_done AND erasures.player_no = mark.player_no AND erasures.erased_at <= mark.until
"""

_TEMPORARY = (
    "gone_rows",
    "gone_ids",
    "gone_players",
    "gone_sessions",
    "gone_tokens",
    "gone_counts",
    "gone_values",
    "lost_tokens",
    "runs",
    *rebuild.TEMPORARY,
)


class _GoneDays(NamedTuple):
    """The first and the last day of events that go, as parameters of conditions.

    `event_time` lies between `low` and `high` for all events of these days, whatever the zone: the engine then leaves
    out row groups without reading them.
    """

    days: Mapping[str, object]
    times: Mapping[str, object]

    @classmethod
    def found(cls, transaction: Transaction) -> "_GoneDays | None":
        """Those of `gone_rows`; None without a row."""
        first, last = (column[0].as_py() for column in transaction.read("SELECT min(day), max(day) FROM gone_rows"))
        if first is None:
            return None
        low = dt.datetime.combine(first, dt.time()) - dt.timedelta(days=1)
        high = dt.datetime.combine(last, dt.time()) + dt.timedelta(days=2)
        return cls({"first": first, "last": last}, {"low": low, "high": high})


_NEAR = "event_time BETWEEN $low AND $high"
_NAMED = "event_no IN (SELECT event_no FROM gone_rows)"
_SAME_NUMBER = "(game_id, day, field, bin, value) IN (SELECT game_id, day, field, bin, value FROM gone_counts)"
_SAME_BIN = "(game_id, day, field, bin) IN (SELECT game_id, day, field, bin FROM gone_counts)"
_SAME_VALUE = "(game_id, day, field, value) IN (SELECT game_id, day, field, value FROM gone_values)"
_BETWEEN = "day BETWEEN $first AND $last"

_LEFT_COUNTS = f"""
    CREATE OR REPLACE TEMP TABLE left_counts AS
    SELECT game_id, day, field, bin, value, sum(samples)::BIGINT AS samples FROM (
        SELECT game_id, day, field, bin, value, samples FROM value_counts WHERE {_SAME_NUMBER} AND {_BETWEEN}
        UNION ALL SELECT game_id, day, field, bin, value, -samples FROM gone_counts
    ) GROUP BY ALL
"""

_GONE_VALUES = f"""
    CREATE OR REPLACE TEMP TABLE gone_values AS
    SELECT game_id, day, field, value FROM field_values WHERE {_OF_GONE_ROWS} AND {_BETWEEN}
"""


def _take_from_days(rollups: Rollups, days: _GoneDays) -> None:
    """Take the events that go, which are still there, out of the tables by day, as far as others do not matter."""
    transaction = rollups.transaction
    counts = value_counts.facts(rollups.events(f"{_OF_GONE_ROWS} AND {_OF_MARKS}"))
    transaction.write(f"CREATE OR REPLACE TEMP TABLE gone_counts AS {counts}")
    transaction.write(_LEFT_COUNTS, days.days)
    transaction.write(f"DELETE FROM value_counts WHERE {_SAME_NUMBER} AND {_BETWEEN}", days.days)
    transaction.write(
        f"INSERT INTO value_counts ({value_counts.COLUMN_LIST}) SELECT {value_counts.COLUMN_LIST} FROM left_counts"
        " WHERE samples > 0 ORDER BY day, value"
    )
    transaction.write("DROP TABLE left_counts")
    transaction.write(f"DELETE FROM value_bins WHERE {_SAME_BIN} AND {_BETWEEN}", days.days)
    bins = value_counts.bin_facts("value_counts", f"{_SAME_BIN} AND {_BETWEEN}")
    transaction.write(f"INSERT INTO value_bins ({value_counts.BIN_COLUMN_LIST}) {bins}", days.days)
    transaction.write(_GONE_VALUES, days.days)


def _put_back_days(rollups: Rollups, days: _GoneDays) -> None:
    """Compute from the events that are left what sums of floats, extremes and first rows are now."""
    transaction = rollups.transaction
    of_days = f"{_EVENT_DAY} IN (SELECT {_EVENT_DAY} FROM gone_rows)"
    transaction.write(
        f"DELETE FROM event_days WHERE event_day_no IN (SELECT {_EVENT_DAY} FROM gone_rows) AND {_BETWEEN}", days.days
    )
    rebuild.insert_event_days(rollups, of_days, f"{_NEAR} AND {_NAMED}", days.times)
    fields = transaction.read("SELECT DISTINCT field FROM gone_values")["field"].to_pylist()
    if not fields:
        return
    transaction.write(f"DELETE FROM field_values WHERE {_SAME_VALUE} AND {_BETWEEN}", days.days)
    near = rollups.events(f"{_NEAR} AND game_id IN (SELECT game_id FROM gone_values)")
    found = field_values.facts(near, "day IN (SELECT day FROM gone_values)", fields)
    transaction.write(f"INSERT INTO field_values SELECT * FROM ({found}) WHERE {_SAME_VALUE}", days.times)
