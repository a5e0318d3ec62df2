"""Version 6: local days, combinations of dimension values by player day, purchases, sessions by player.

What they hold is computed from the events after this (duckdb/migrating.py).
"""

_DIMENSIONS = (
    "country",
    "platform",
    "os_version",
    "device",
    "manufacturer",
    "build",
    "engine_version",
    "sdk_version",
    "connection_type",
    "custom_01",
    "custom_02",
    "custom_03",
)
_DIMENSION_COLUMNS = ", ".join(f"{name} VARCHAR" for name in _DIMENSIONS)

_DROPPED_FROM_DAYS = (
    "transactions",
    "revenue_usd",
    "valid_transactions",
    "valid_revenue_usd",
    "invalid_transactions",
    "invalid_revenue_usd",
    "last_rank",
    *_DIMENSIONS,
)

STATEMENTS = (
    "CREATE TABLE resend_keys (row_no BIGINT, game_id INTEGER, resend_key VARCHAR, received_s BIGINT)",
    "CREATE TABLE game_zones (game_id INTEGER, time_zone VARCHAR)",
    "ALTER TABLE sessions ADD COLUMN day DATE",
    "ALTER TABLE sessions ADD COLUMN family_no BIGINT",
    "ALTER TABLE sessions ADD COLUMN is_of_token BOOLEAN",
    "ALTER TABLE sessions ADD COLUMN first_event_time TIMESTAMP",
    "ALTER TABLE sessions DROP COLUMN player_at",
    *(f"ALTER TABLE player_days DROP COLUMN {name}" for name in _DROPPED_FROM_DAYS),
    "ALTER TABLE players ADD COLUMN refunds BIGINT",
    "ALTER TABLE players ADD COLUMN first_day DATE",
    "ALTER TABLE players ADD COLUMN last_day DATE",
    "ALTER TABLE players ADD COLUMN first_purchase_day DATE",
    "ALTER TABLE event_days ADD COLUMN refunds BIGINT",
    "ALTER TABLE event_days ADD COLUMN unpriced BIGINT",
    f"""
    CREATE TABLE player_day_values (
        player_day_no BIGINT,
        values_key BIGINT,
        game_id INTEGER,
        day DATE,
        player_no BIGINT,
        events BIGINT,
        ad_revenue_usd DECIMAL(38,6),
        kinds BIGINT,
        first_of INTEGER,
        is_only BOOLEAN,
        {_DIMENSION_COLUMNS}
    )
    """,
    f"""
    CREATE TABLE purchases (
        row_no BIGINT,
        game_id INTEGER,
        day DATE,
        event_time TIMESTAMP,
        player_no BIGINT,
        session_no BIGINT,
        event_no BIGINT,
        source VARCHAR,
        api_key_name VARCHAR,
        category VARCHAR,
        event_id VARCHAR,
        amount BIGINT,
        currency VARCHAR,
        transaction_num BIGINT,
        cart_type VARCHAR,
        receipt_store VARCHAR,
        amount_usd DECIMAL(18,6),
        receipt_state VARCHAR,
        is_refund BOOLEAN,
        {_DIMENSION_COLUMNS}
    )
    """,
    "CREATE TABLE unfinished (step VARCHAR)",
    "INSERT INTO unfinished SELECT unnest(['events', 'rollups']) WHERE EXISTS (SELECT 1 FROM events)",
)
