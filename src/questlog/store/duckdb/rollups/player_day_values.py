"""The player_day_values table: the combinations of dimension values that the events of each player's day had.

New combinations come after those that are there, so what is stored of a day's order never changes; only `is_only` does.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import AD_REVENUE, KINDS, OWNER, numbered_day
from questlog.store.duckdb.groups import I64, grouped
from questlog.store.duckdb.rollups.compared import adds_bits, any_not_zero, matched
from questlog.store.duckdb.transaction import Transaction, with_event_columns
from questlog.store.schema import DIMENSIONS, PLAYER_DAY_VALUES
from questlog.store.value_keys import VALUES_KEY, values_keys

COLUMN_LIST = ", ".join(column.name for column in PLAYER_DAY_VALUES.columns)
ALL_FIRST = (1 << len(DIMENSIONS) + 1) - 1
"""`first_of` of a day's first row."""

_FIRST_BIT = 1 << len(DIMENSIONS)
_MOST_CODES = 1 << 40


def batch_keys(events: pa.Table) -> I64:
    """The `values_key` of each event; every combination is hashed once."""
    codes, count = np.zeros(events.num_rows, np.int64), 1
    for name in DIMENSIONS:
        column = events[name].combine_chunks()
        if column.null_count == len(column):
            continue
        encoded = column.dictionary_encode()
        width = len(encoded.dictionary) + 1
        codes = codes * width + encoded.indices.fill_null(width - 1).to_numpy(zero_copy_only=False)
        count *= width
        if count > _MOST_CODES:
            different, _, codes = grouped(codes)
            count = len(different)
    _, firsts, groups = grouped(codes)
    rows = pa.array(firsts)
    return values_keys([events[name].combine_chunks().take(rows) for name in DIMENSIONS])[groups]


def facts(source: str) -> str:
    """SQL: what the events in `source`, each with `day` and `values_key`, say of each combination of a player's day."""
    return f"""
    SELECT {numbered_day(OWNER, "day")} AS player_day_no, values_key, any_value(game_id) AS game_id,
        any_value(day) AS day, any_value(player_no) AS player_no, count(*) AS events,
        {AD_REVENUE} AS ad_revenue_usd, {KINDS} AS kinds, min(row_no) AS first_row_no
    FROM {source} GROUP BY {numbered_day(OWNER, "day")}, values_key
    """


_KEYS = """
    SELECT player_day_no, values_key, kinds, is_only
    FROM player_day_values SEMI JOIN batch_values USING (player_day_no) WHERE day BETWEEN $first AND $last
"""

_VALUES = f"""
    SELECT player_day_no, {", ".join(DIMENSIONS)}
    FROM player_day_values SEMI JOIN mixed_days USING (player_day_no) WHERE day BETWEEN $first AND $last
"""

_INSERT = f"INSERT INTO player_day_values ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM new_values ORDER BY first_row_no"


def _update(assignments: str, condition: str, key: str = "AND new.values_key = old.values_key") -> str:
    """`day` is in the condition: it says which row groups need not be looked at."""
    return f"""
    UPDATE player_day_values AS old SET {assignments} FROM added_values AS new
    WHERE new.{condition} AND new.player_day_no = old.player_day_no {key} AND old.day BETWEEN $first AND $last
    """


_STEPS = {
    "is_there": _update("events = old.events + new.events", "is_there"),
    "has_kinds": _update("kinds = old.kinds | new.kinds", "has_kinds"),
    "has_revenue": _update("ad_revenue_usd = old.ad_revenue_usd + new.ad_revenue_usd", "has_revenue"),
}
"""What to do where a column of `added_values` is true: what seldom changes is changed only there."""

_NOT_ONLY = """
    UPDATE player_day_values AS old SET is_only = false FROM mixed_days AS new
    WHERE old.is_only AND new.player_day_no = old.player_day_no AND old.day BETWEEN $first AND $last
"""


def update(transaction: Transaction, batch: pa.Table) -> None:
    """Add `batch`, which is registered under that name and has `day` and `values_key`."""
    found = transaction.read(facts("batch")).sort_by("first_row_no")
    transaction.register("batch_values", found)
    bounds = pc.min_max(found["day"])
    between = {"first": bounds["min"].as_py(), "last": bounds["max"].as_py()}
    stored = transaction.read(_KEYS, between)
    added = _compared(found, stored)
    transaction.register("added_values", added)
    for condition, statement in _STEPS.items():
        if pc.any(added[condition]).as_py():
            transaction.write(statement, between)
    new = added.filter(pc.invert(added["is_there"]))
    if new.num_rows == 0:
        return
    new = with_event_columns(new, "first_row_no", batch, DIMENSIONS)
    is_known = pc.is_in(new["player_day_no"], stored["player_day_no"].combine_chunks())
    old = None
    if pc.any(is_known).as_py():
        transaction.register("mixed_days", new.select(["player_day_no"]).filter(is_known))
        old = transaction.read(_VALUES, between)
        transaction.write(_NOT_ONLY, between)
    transaction.register("new_values", with_firsts(new, old))
    transaction.write(_INSERT)


def _compared(found: pa.Table, stored: pa.Table) -> pa.Table:
    """The rows with what of them is there and what of that changes."""
    days = pa.concat_arrays([*found["player_day_no"].chunks, *stored["player_day_no"].chunks]).dictionary_encode()
    keys = pa.concat_arrays([*found["values_key"].chunks, *stored["values_key"].chunks]).dictionary_encode()
    codes = days.indices.to_numpy().astype(np.int64) * len(keys.dictionary) + keys.indices.to_numpy()
    old = matched(
        stored.append_column("code", pa.array(codes[found.num_rows :])),
        "code",
        pa.chunked_array([codes[: found.num_rows]]),
    )
    is_there = old["code"].is_valid()
    columns = {
        "is_there": is_there,
        "has_kinds": pc.and_(is_there, adds_bits(old["kinds"], found["kinds"])),
        "has_revenue": pc.and_(is_there, any_not_zero(found, "ad_revenue_usd")),
    }
    for name, column in columns.items():
        found = found.append_column(name, column)
    return found


def with_firsts(new: pa.Table, old: pa.Table | None = None) -> pa.Table:
    """`new` rows, in order of arrival, with `first_of` and `is_only`; `old` are all that the same days had before."""
    before = 0 if old is None else old.num_rows
    rows = new if old is None else pa.concat_tables([old.select(_DAY_AND_VALUES), new.select(_DAY_AND_VALUES)])
    _, firsts, days = grouped(rows["player_day_no"].to_numpy())
    is_alone = np.bincount(days)[days] == 1
    bits = np.where(is_alone, ALL_FIRST, 0).astype(np.int32)
    bits[firsts] |= _FIRST_BIT
    mixed = np.flatnonzero(~is_alone)
    for place, name in enumerate(DIMENSIONS):
        encoded = rows[name].combine_chunks().take(pa.array(mixed)).dictionary_encode()
        width = len(encoded.dictionary) + 1
        values = encoded.indices.fill_null(width - 1).to_numpy(zero_copy_only=False)
        _, firsts, _ = grouped(days[mixed] * width + values)
        bits[mixed[firsts]] |= 1 << place
    return new.append_column("first_of", pa.array(bits[before:])).append_column("is_only", pa.array(is_alone[before:]))


_DAY_AND_VALUES = ["player_day_no", *DIMENSIONS]


def _first_bit(partition: str, place: int) -> str:
    is_first = f"first_row_no = min(first_row_no) OVER (PARTITION BY {partition})"
    return f"CASE WHEN {is_first} THEN {1 << place} ELSE 0 END"


def rows(source: str) -> str:
    """SQL: all rows of the table, of the events in `source`, which has all events of its players' days."""
    names = ", ".join(DIMENSIONS)
    firsts = " + ".join(_first_bit(f"player_day_no, {name}", place) for place, name in enumerate(DIMENSIONS))
    firsts = f"{firsts} + {_first_bit('player_day_no', len(DIMENSIONS))}"
    columns = f"player_day_no, {VALUES_KEY} AS values_key, game_id, day, player_no, events, ad_revenue_usd, kinds"
    return f"""
    WITH found AS MATERIALIZED (
        SELECT {numbered_day(OWNER, "day")} AS player_day_no, any_value(game_id) AS game_id, any_value(day) AS day,
            any_value(player_no) AS player_no, count(*) AS events, {AD_REVENUE} AS ad_revenue_usd, {KINDS} AS kinds,
            min(row_no) AS first_row_no, {names}
        FROM {source} GROUP BY {numbered_day(OWNER, "day")}, {names}
    ), counted AS MATERIALIZED (
        SELECT *, count(*) OVER (PARTITION BY player_day_no) AS combinations FROM found
    )
    SELECT {columns}, {ALL_FIRST} AS first_of, true AS is_only, {names} FROM counted WHERE combinations = 1
    UNION ALL
    SELECT {columns}, {firsts}, false, {names} FROM counted WHERE combinations > 1
    """
