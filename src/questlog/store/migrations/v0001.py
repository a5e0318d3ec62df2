"""Version 1: the first tables."""

STATEMENTS = (
    """
    CREATE TABLE events (
        row_no BIGINT,
        batch_no BIGINT,
        game_id INTEGER,
        source VARCHAR,
        api_key_name VARCHAR,
        event_uuid UUID,
        has_client_id BOOLEAN,
        received_at TIMESTAMP,
        event_time TIMESTAMP,
        player_no BIGINT,
        session_no BIGINT,
        session_is_matched BOOLEAN,
        event_no BIGINT,
        writer INTEGER,
        segment BIGINT,
        record_offset BIGINT,
        record_index INTEGER,
        client_event_id VARCHAR,
        client_time TIMESTAMP,
        category VARCHAR,
        event_id VARCHAR,
        value DOUBLE,
        value_text VARCHAR,
        amount BIGINT,
        currency VARCHAR,
        transaction_num BIGINT,
        cart_type VARCHAR,
        receipt_store VARCHAR,
        score DOUBLE,
        attempt_num BIGINT,
        length_s DOUBLE,
        severity VARCHAR,
        message VARCHAR,
        ad_sdk_name VARCHAR,
        ad_network_name VARCHAR,
        ad_placement VARCHAR,
        ad_type VARCHAR,
        ad_action VARCHAR,
        ad_fail_show_reason VARCHAR,
        ad_duration_ms BIGINT,
        ad_revenue DOUBLE,
        player_id VARCHAR,
        session_id VARCHAR,
        session_num BIGINT,
        session_issued_at TIMESTAMP,
        session_expires_at TIMESTAMP,
        country VARCHAR,
        platform VARCHAR,
        os_version VARCHAR,
        device VARCHAR,
        manufacturer VARCHAR,
        build VARCHAR,
        engine_version VARCHAR,
        sdk_version VARCHAR,
        connection_type VARCHAR,
        gender VARCHAR,
        birth_year BIGINT,
        custom_01 VARCHAR,
        custom_02 VARCHAR,
        custom_03 VARCHAR,
        attributes VARCHAR,
        amount_usd DECIMAL(18,6),
        ad_revenue_usd DECIMAL(18,6)
    )
    """,
    """
    CREATE TABLE sessions (
        session_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        session_id VARCHAR,
        player_no BIGINT,
        player_id VARCHAR,
        player_at TIMESTAMP,
        start_time TIMESTAMP,
        end_time TIMESTAMP,
        ended_length_s DECIMAL(18,6),
        length_s DECIMAL(18,6),
        issued_at TIMESTAMP,
        expires_at TIMESTAMP,
        events BIGINT,
        transactions BIGINT,
        revenue_usd DECIMAL(38,6),
        first_rank HUGEINT,
        source VARCHAR,
        session_num BIGINT,
        country VARCHAR,
        platform VARCHAR,
        os_version VARCHAR,
        device VARCHAR,
        manufacturer VARCHAR,
        build VARCHAR,
        engine_version VARCHAR,
        sdk_version VARCHAR,
        connection_type VARCHAR,
        custom_01 VARCHAR,
        custom_02 VARCHAR,
        custom_03 VARCHAR
    )
    """,
    """
    CREATE TABLE players (
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
        first_purchase TIMESTAMP,
        first_rank HUGEINT,
        source VARCHAR,
        country VARCHAR,
        platform VARCHAR,
        os_version VARCHAR,
        device VARCHAR,
        manufacturer VARCHAR,
        build VARCHAR,
        engine_version VARCHAR,
        sdk_version VARCHAR,
        connection_type VARCHAR,
        custom_01 VARCHAR,
        custom_02 VARCHAR,
        custom_03 VARCHAR,
        properties VARCHAR,
        properties_at TIMESTAMP
    )
    """,
    """
    CREATE TABLE player_days (
        player_day_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        day DATE,
        player_no BIGINT,
        is_new BOOLEAN,
        events BIGINT,
        sessions BIGINT,
        playtime_s DECIMAL(38,6),
        transactions BIGINT,
        revenue_usd DECIMAL(38,6),
        ad_revenue_usd DECIMAL(38,6),
        last_rank HUGEINT,
        country VARCHAR,
        platform VARCHAR,
        os_version VARCHAR,
        device VARCHAR,
        manufacturer VARCHAR,
        build VARCHAR,
        engine_version VARCHAR,
        sdk_version VARCHAR,
        connection_type VARCHAR,
        custom_01 VARCHAR,
        custom_02 VARCHAR,
        custom_03 VARCHAR
    )
    """,
    """
    CREATE TABLE event_names (
        event_no BIGINT,
        game_id INTEGER,
        category VARCHAR,
        event_id VARCHAR
    )
    """,
    """
    CREATE TABLE event_days (
        event_day_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        day DATE,
        event_no BIGINT,
        category VARCHAR,
        event_id VARCHAR,
        events BIGINT,
        value_count BIGINT,
        value_sum DOUBLE,
        value_min DOUBLE,
        value_max DOUBLE
    )
    """,
    """
    CREATE TABLE player_event_totals (
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
    """
    CREATE TABLE sessionless_events (
        row_no BIGINT,
        player_no BIGINT,
        event_time TIMESTAMP,
        session_no BIGINT
    )
    """,
    """
    CREATE TABLE rejected_events (
        rejected_no BIGINT,
        game_id INTEGER,
        received_at TIMESTAMP,
        source VARCHAR,
        api_key_name VARCHAR,
        is_whole_request BOOLEAN,
        reason VARCHAR,
        detail VARCHAR,
        errors VARCHAR,
        raw VARCHAR,
        player_id VARCHAR
    )
    """,
    """
    CREATE TABLE ingest_hours (
        ingest_hour_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        hour TIMESTAMP,
        received BIGINT,
        stored BIGINT,
        rejected BIGINT,
        duplicates BIGINT,
        rejected_requests BIGINT
    )
    """,
    """
    CREATE TABLE erasures (
        game_id INTEGER,
        player_hash UUID,
        player_no BIGINT,
        erased_at TIMESTAMP,
        is_done BOOLEAN
    )
    """,
    """
    CREATE TABLE positions (
        writer INTEGER,
        segment BIGINT,
        byte_offset BIGINT
    )
    """,
    """
    CREATE TABLE counters (
        batch_no BIGINT,
        row_no BIGINT,
        player_no BIGINT,
        session_no BIGINT,
        event_no BIGINT,
        rejected_no BIGINT
    )
    """,
    "INSERT INTO counters VALUES (0, 0, 0, 0, 0, 0)",
)
