"""Version 8: what stays of expired events, up to when they have expired, and games that were deleted."""

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

STATEMENTS = (
    f"""
    CREATE TABLE expired_players (
        player_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        player_id VARCHAR,
        first_seen TIMESTAMP,
        last_seen TIMESTAMP,
        events BIGINT,
        sessions BIGINT,
        playtime_s DECIMAL(38,6),
        transactions BIGINT,
        revenue_usd DECIMAL(38,6),
        refunds BIGINT,
        first_purchase TIMESTAMP,
        first_day DATE,
        last_day DATE,
        first_purchase_day DATE,
        first_rank HUGEINT,
        source VARCHAR,
        {", ".join(f"{name} VARCHAR" for name in _DIMENSIONS)}
    )
    """,
    """
    CREATE TABLE expired_totals (
        game_id INTEGER,
        player_event_no BIGINT PRIMARY KEY,
        player_no BIGINT,
        event_no BIGINT,
        events BIGINT,
        first_seen TIMESTAMP,
        last_seen TIMESTAMP,
        value_count BIGINT,
        value_sum DOUBLE,
        value_min DOUBLE,
        value_max DOUBLE,
        batch_no BIGINT
    )
    """,
    "CREATE TABLE expiries (game_id INTEGER, before TIMESTAMP)",
    "CREATE TABLE deleted_games (game_id INTEGER, is_done BOOLEAN)",
)
