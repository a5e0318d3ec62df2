"""The analytics tables in ClickHouse's words, made from the same declaration as DuckDB's (store/schema.py).

Types say the same values: dates are Date32 and times DateTime64, so that what lies before 1970 is kept; money is exact.
DateTime64 reaches from 1900 to 2299, where DuckDB reaches from 1 to 9999: what loads into these tables has to clamp.
"""

from questlog.store.schema import TABLES, Column, Kind, Table

_TYPES = {
    Kind.ID: "Int64",
    Kind.GAME: "Int32",
    Kind.TEXT: "String",
    Kind.NUMBER: "Float64",
    Kind.TIME: "DateTime64(6, 'UTC')",
    Kind.DAY: "Date32",
    Kind.FLAG: "Bool",
    Kind.UUID: "UUID",
    Kind.RANK: "Int128",
    Kind.MONEY: "Decimal(18, 6)",
    Kind.MONEY_SUM: "Decimal(38, 6)",
}

# What a question asks by comes first: the game, then the day, then the event or the player.
_ORDERS = {
    "events": ("game_id", "toDate32(event_time)", "event_no", "event_time", "row_no"),
    "sessions": ("game_id", "toDate32(start_time)", "session_no"),
    "players": ("game_id", "player_no"),
    "player_days": ("game_id", "day", "player_day_no"),
    "player_day_values": ("game_id", "day", "player_day_no", "values_key"),
    "purchases": ("game_id", "day", "row_no"),
    "game_zones": ("game_id",),
    "resend_keys": ("row_no",),
    "event_days": ("game_id", "day", "event_day_no"),
    "event_names": ("game_id", "event_no"),
    "value_counts": ("game_id", "field", "day", "bin", "value"),
    "value_bins": ("game_id", "field", "day", "bin"),
    "field_values": ("game_id", "day", "field", "value"),
    "rejected_events": ("game_id", "received_at", "rejected_no"),
    "ingest_hours": ("game_id", "hour"),
    "erasures": ("game_id", "player_hash"),
    "sessionless_events": ("row_no",),
    "positions": ("writer",),
}

_MONTHS = {
    "events": "event_time",
    "sessions": "start_time",
    "player_days": "day",
    "player_day_values": "day",
    "purchases": "day",
    "event_days": "day",
    "value_counts": "day",
    "value_bins": "day",
    "field_values": "day",
    "rejected_events": "received_at",
    "ingest_hours": "hour",
}

# A nullable column costs a byte a row more and cannot be sorted by: these always have a value.
_NEVER_NULL = {
    "events": frozenset(
        {
            *("row_no", "batch_no", "game_id", "source", "event_uuid", "has_client_id", "received_at", "event_time"),
            *("session_is_matched", "event_no", "writer", "segment", "record_offset", "record_index"),
        }
    ),
    "sessions": frozenset(
        {
            *(
                "session_no",
                "family_no",
                "is_of_token",
                "game_id",
                "session_id",
                "start_time",
                "day",
                "end_time",
                "length_s",
                "events",
            ),
            *("transactions", "revenue_usd", "first_rank", "source"),
        }
    ),
    "players": frozenset(
        {
            *("player_no", "game_id", "player_id", "events", "sessions", "playtime_s", "transactions", "revenue_usd"),
            "refunds",
        }
    ),
    "player_days": frozenset(
        {
            *("player_day_no", "game_id", "day", "is_new", "events", "sessions", "playtime_s", "ad_revenue_usd"),
            "kinds",
        }
    ),
    "player_day_values": frozenset(
        {
            *("player_day_no", "values_key", "game_id", "day", "events", "ad_revenue_usd", "kinds", "first_of"),
            "is_only",
        }
    ),
    "purchases": frozenset(
        {"row_no", "game_id", "day", "event_time", "event_no", "source", "category", "amount", "is_refund"}
    ),
    "resend_keys": frozenset({"row_no", "game_id", "resend_key", "received_s"}),
    "game_zones": frozenset({"game_id", "time_zone"}),
    "event_days": frozenset({"event_day_no", "game_id", "day", "event_no", "events", "value_count", "value_sum"}),
    "event_names": frozenset({"event_no", "game_id"}),
    "value_counts": frozenset({"game_id", "day", "field", "bin", "value", "samples"}),
    "value_bins": frozenset({"game_id", "day", "field", "bin", "samples", "value_sum"}),
    "field_values": frozenset({"game_id", "day", "field", "value", "row_no"}),
    "rejected_events": frozenset({"rejected_no", "game_id", "received_at", "source", "is_whole_request", "reason"}),
    "ingest_hours": frozenset({"ingest_hour_no", "game_id", "hour"}),
    "erasures": frozenset({"game_id", "player_hash", "erased_at", "is_done"}),
    "sessionless_events": frozenset({"row_no", "player_no", "event_time"}),
    "positions": frozenset({"writer", "segment", "byte_offset"}),
}


def create_table(table: Table, database: str) -> str:
    """The CREATE TABLE statement of one table, in an existing database."""
    columns = ",\n    ".join(f"`{column.name}` {column_type(table, column)}" for column in table.columns)
    month = _MONTHS.get(table.name)
    partition = f"\nPARTITION BY toYYYYMM({month})" if month else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {database}.{table.name} (\n    {columns}\n)\nENGINE = MergeTree{partition}"
        f"\nORDER BY ({', '.join(_order(table))})"
    )


def create_tables(database: str) -> tuple[str, ...]:
    """The statements that make the database and all its tables; harmless where they are there."""
    return (f"CREATE DATABASE IF NOT EXISTS {database}", *(create_table(table, database) for table in TABLES))


def column_type(table: Table, column: Column) -> str:
    """The column's type; Nullable unless it always has a value."""
    plain = _TYPES[Kind(column.kind)]
    return plain if column.name in _never_null(table) else f"Nullable({plain})"


def _order(table: Table) -> tuple[str, ...]:
    return _ORDERS.get(table.name, (table.key,) if table.key else ())


def _never_null(table: Table) -> frozenset[str]:
    return _NEVER_NULL.get(table.name, frozenset()) | ({table.key} if table.key else frozenset())
