"""The player_days table: what the events and the sessions of each player and day come to.

`prev_day` links a player's days. While days come in order it is the player's last day so far, which the players table
says; a day that comes late is put between its neighbours, and only rows from that day on are looked at.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import day_numbers, numbered_day, qualified
from questlog.store.duckdb.rollups.compared import adds_bits, any_not_zero, matched
from questlog.store.duckdb.transaction import Transaction

I64 = npt.NDArray[np.int64]

_NEVER = int(np.iinfo(np.int32).min)
_SUMS = ("events", "sessions", "playtime_s", "ad_revenue_usd")
_FACTS = (*_SUMS, "kinds")

_FACT_LIST = ", ".join(_FACTS)

DAY_COLUMNS = f"player_day_no, game_id, day, player_no, is_new, first_day, prev_day, {_FACT_LIST}"


def day_rows(changes: str, players: str) -> str:
    """SQL: rows from all added-up facts of players, and the players with their `first_day`."""
    return f"""
    SELECT {numbered_day("new.player_no", "new.day")} AS player_day_no, new.game_id, new.day, new.player_no,
        coalesce(new.day = player.first_day, false) AS is_new, player.first_day,
        coalesce(max(new.day) FILTER (new.events > 0) OVER (PARTITION BY new.player_no ORDER BY new.day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            CASE WHEN expired.last_day < new.day THEN expired.last_day END) AS prev_day,
        {qualified("new", _FACTS)}
    FROM {changes} AS new JOIN {players} AS player ON player.player_no = new.player_no
        LEFT JOIN expired_players AS expired ON expired.player_no = new.player_no
    """


GAME_DAY_COLUMNS = f"player_day_no, game_id, day, is_new, {_FACT_LIST}"


def game_day_rows(changes: str) -> str:
    """SQL: rows from added-up facts of what is of no player."""
    return f"SELECT {numbered_day('player_no', 'day')}, game_id, day, false, {_FACT_LIST} FROM {changes}"


_OLD = """
    SELECT player_day_no, events AS old_events, kinds AS old_kinds
    FROM player_days SEMI JOIN batch_days USING (player_day_no) WHERE day BETWEEN $first AND $last
"""

_INSERT = f"INSERT INTO player_days ({DAY_COLUMNS}) SELECT {DAY_COLUMNS} FROM added_days WHERE is_new_row"


def _update(assignments: str, condition: str) -> str:
    """`day` is in the key: it says which row groups need not be looked at."""
    return f"""
    UPDATE player_days SET {assignments} FROM added_days AS new
    WHERE new.{condition} AND new.player_day_no = player_days.player_day_no AND player_days.day BETWEEN $first AND $last
    """


def _added(*columns: str) -> str:
    return ", ".join(f"{name} = player_days.{name} + new.{name}" for name in columns)


_STEPS = {
    "is_there": _update(_added("events", "sessions", "playtime_s"), "is_there"),
    "has_kinds": _update("kinds = player_days.kinds | new.kinds", "has_kinds"),
    "has_revenue": _update(_added("ad_revenue_usd"), "has_revenue"),
}
"""What to do where a column of `added_days` is true: what seldom changes is changed only there."""

# Rows that were there know the day before them. Of days before `since` only those without events can be wrong, about
# the first day. Two reads instead of an OR: each leaves out the row groups that it cannot concern.
_LINK_LATE = """
    INSERT INTO player_days (player_day_no, is_new, first_day, prev_day)
    WITH late AS (
        SELECT player_no, min(day) AS since, any_value(first_day) AS first_day
        FROM added_days WHERE is_late GROUP BY player_no
    ), own AS (
        SELECT days.player_day_no, days.player_no, days.day, days.events, days.prev_day, late.since, late.first_day
        FROM player_days AS days JOIN late USING (player_no) WHERE days.day >= $since
        UNION ALL
        SELECT days.player_day_no, days.player_no, days.day, days.events, days.prev_day, late.since, late.first_day
        FROM player_days AS days JOIN late USING (player_no) WHERE days.day < $since AND days.events = 0
    ), before AS (
        SELECT player_no, arg_min_null(prev_day, day) AS prev_day FROM own
        WHERE day >= since AND player_day_no NOT IN (SELECT player_day_no FROM added_days WHERE is_new_row)
        GROUP BY player_no
    )
    SELECT player_day_no, day = own.first_day, own.first_day, CASE WHEN day < since THEN own.prev_day ELSE
        coalesce(max(day) FILTER (events > 0 AND day >= since) OVER (PARTITION BY player_no ORDER BY day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), before.prev_day) END
    FROM own JOIN before USING (player_no)
    ON CONFLICT (player_day_no) DO UPDATE SET is_new = excluded.is_new, first_day = excluded.first_day,
        prev_day = excluded.prev_day
"""

_DROP_EMPTY = """
    DELETE FROM player_days WHERE events = 0 AND sessions = 0 AND player_day_no IN (
        SELECT player_day_no FROM batch_days WHERE sessions < 0)
"""


def update(transaction: Transaction, changes: pa.Table, players: pa.Table) -> None:
    """Add `changes` of days, of players (sorted by number) as they were and will be."""
    days = _batch_days(changes, players)
    transaction.register("batch_days", days)
    bounds = pc.min_max(days["day"])
    between = {"first": bounds["min"].as_py(), "last": bounds["max"].as_py()}
    added = _compared(days, matched(transaction.read(_OLD, between), "player_day_no", days["player_day_no"]))
    transaction.register("added_days", added)
    if pc.any(added["is_new_row"]).as_py():
        transaction.write(_INSERT)
    for condition, statement in _STEPS.items():
        if pc.any(added[condition]).as_py():
            transaction.write(statement, between)
    if pc.any(added["is_late"]).as_py():
        transaction.write(_LINK_LATE, {"since": pc.min(added.filter(added["is_late"])["day"]).as_py()})
    if pc.any(pc.less(days["sessions"], 0)).as_py():
        transaction.write(_DROP_EMPTY)


def _compared(new: pa.Table, old: pa.Table) -> pa.Table:
    """What is added to each row, and what of it changes. The rows correspond.

    `is_late`: the player was active on a later day before, and not on this one.
    """
    is_there = old["player_day_no"].is_valid()
    was_active = pc.fill_null(pc.greater(old["old_events"], 0), False)
    is_before = pc.fill_null(pc.less(new["day"], new["old_last_day"]), False)
    is_other_day = pc.or_(pc.invert(is_there), pc.and_not(pc.greater(new["events"], 0), was_active))
    columns = {
        "is_there": is_there,
        "is_new_row": pc.invert(is_there),
        "has_kinds": pc.and_(is_there, adds_bits(old["old_kinds"], new["kinds"])),
        "has_revenue": pc.and_(is_there, any_not_zero(new, "ad_revenue_usd")),
        "is_late": pc.and_(is_before, is_other_day),
    }
    for name, column in columns.items():
        new = new.append_column(name, column)
    return new


def _batch_days(changes: pa.Table, players: pa.Table) -> pa.Table:
    """As `day_rows` and `game_day_rows`, by number; and `old_last_day`, the player's last day before this batch."""
    owners, days = changes["player_no"].to_numpy(), _day_numbers(changes["day"])
    keys = day_numbers(owners, days)
    order = np.argsort(keys)
    keys, owners, days = keys[order], owners[order], days[order]
    is_player = owners > 0
    places = np.where(is_player, np.searchsorted(players["player_no"].to_numpy(), owners), players.num_rows)
    first_day = pc.min_element_wise(players["old_first_day"], players["first_day"])
    first_days = np.append(_day_numbers(first_day), _NEVER)[places]
    old_last_days = np.append(_day_numbers(players["old_last_day"]), _NEVER)[places]
    changes = changes.take(pa.array(order))
    prev_days = _days_before(owners, days, changes["events"].to_numpy() > 0, old_last_days)
    made = {
        "player_no": pa.array(owners, mask=~is_player),
        "player_day_no": pa.array(keys),
        "is_new": pa.array(days == first_days),
        "first_day": _dates(first_days),
        "prev_day": _dates(np.where(is_player, prev_days, _NEVER)),
        "old_last_day": _dates(old_last_days),
    }
    rows = changes.drop_columns(["player_no", "first_day"])
    for name, column in made.items():
        rows = rows.append_column(name, column)
    return rows


def _days_before(owners: I64, days: I64, is_active: npt.NDArray[np.bool_], old_last_days: I64) -> I64:
    """The last day with an event before each: in the batch, whose rows are sorted, or the last one so far."""
    last_active = np.maximum.accumulate(np.where(is_active, np.arange(len(days)), -1))
    places = np.concatenate([[-1], last_active[:-1]])
    has_place = (places >= 0) & (owners[places] == owners)
    in_batch = np.where(has_place, days[places], _NEVER)
    return np.maximum(in_batch, np.where(old_last_days < days, old_last_days, _NEVER))


def _day_numbers(dates: pa.ChunkedArray) -> I64:
    """Days since 1970, `_NEVER` for null."""
    numbers = dates.cast(pa.int32()).fill_null(_NEVER)
    return np.asarray(numbers.to_numpy(), np.int64)


def _dates(numbers: I64) -> pa.Array:
    return pa.array(numbers.astype(np.int32), mask=numbers == _NEVER).cast(pa.date32())
