"""The stored tables as Ibis sees them: made from the store's schema, the same for every engine."""

import ibis
import ibis.expr.types as ir

from questlog.store.schema import (
    EVENT_DAYS,
    EVENT_NAMES,
    EVENTS,
    FIELD_VALUES,
    GAME_ZONES,
    PLAYER_DAY_VALUES,
    PLAYER_DAYS,
    PLAYERS,
    PURCHASES,
    SESSIONS,
    STORE,
    VALUE_BINS,
    VALUE_COUNTS,
    Table,
)

_TYPES = {
    "BIGINT": "int64",
    "INTEGER": "int32",
    "VARCHAR": "string",
    "DOUBLE": "float64",
    "TIMESTAMP": "timestamp(6)",
    "DATE": "date",
    "BOOLEAN": "boolean",
    "UUID": "uuid",
    "HUGEINT": "decimal(38, 0)",
    "DECIMAL(18,6)": "decimal(18, 6)",
    "DECIMAL(38,6)": "decimal(38, 6)",
}


def _ibis_table(table: Table) -> ir.Table:
    return ibis.table({column.name: _TYPES[column.kind] for column in table.columns}, name=table.name)


events = _ibis_table(EVENTS)
sessions = _ibis_table(SESSIONS)
players = _ibis_table(PLAYERS)
player_days = _ibis_table(PLAYER_DAYS)
player_day_values = _ibis_table(PLAYER_DAY_VALUES)
purchases = _ibis_table(PURCHASES)
event_days = _ibis_table(EVENT_DAYS)
event_names = _ibis_table(EVENT_NAMES)
field_values = _ibis_table(FIELD_VALUES)
value_counts = _ibis_table(VALUE_COUNTS)
value_bins = _ibis_table(VALUE_BINS)
game_zones = _ibis_table(GAME_ZONES)
store = _ibis_table(STORE)
