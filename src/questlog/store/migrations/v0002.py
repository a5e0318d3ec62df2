"""Version 2: when players were new and active before, what is of no player, sums per event id, receipts."""

_IS_PURCHASE = (
    "((category = 'business' OR (category = 'custom' AND event_id = 'purchaseCompleted'))"
    " AND (amount IS NOT NULL OR amount_usd IS NOT NULL))"
)

_RECEIPTS = (
    "ALTER TABLE events ADD COLUMN receipt_state VARCHAR",
    f"UPDATE events SET receipt_state = 'unchecked' WHERE {_IS_PURCHASE}",
)

_PLAYER_DAYS = (
    "ALTER TABLE player_days ADD COLUMN first_day DATE",
    "ALTER TABLE player_days ADD COLUMN prev_day DATE",
    """
    UPDATE player_days SET first_day = found.first_day, prev_day = found.prev_day
    FROM (
        SELECT player_day_no, players.first_seen::DATE AS first_day, max(day) FILTER (player_days.events > 0) OVER (
            PARTITION BY player_no ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS prev_day
        FROM player_days JOIN players USING (player_no)
    ) AS found WHERE found.player_day_no = player_days.player_day_no
    """,
    f"""
    INSERT INTO player_days (player_day_no, game_id, day, is_new, events, sessions, playtime_s, transactions,
        revenue_usd, ad_revenue_usd)
    SELECT -game_id::BIGINT * 4194304 + (day - DATE '1970-01-01') + 2097152, game_id, day, false, sum(events),
        sum(sessions), sum(playtime_s), sum(transactions), sum(revenue_usd), sum(ad_revenue_usd)
    FROM (
        SELECT game_id, event_time::DATE AS day, 1 AS events, 0 AS sessions, 0::DECIMAL(18,6) AS playtime_s,
            {_IS_PURCHASE}::BIGINT AS transactions, CASE WHEN {_IS_PURCHASE} THEN coalesce(amount_usd, 0) ELSE 0 END
            AS revenue_usd, coalesce(ad_revenue_usd, 0) AS ad_revenue_usd
        FROM events WHERE player_no IS NULL
        UNION ALL SELECT game_id, start_time::DATE, 0, 1, length_s, 0, 0, 0 FROM sessions WHERE player_no IS NULL
    ) GROUP BY game_id, day
    """,
)

_EVENT_DAYS = (
    "ALTER TABLE event_days ADD COLUMN value_abs_sum DOUBLE",
    "ALTER TABLE event_days ADD COLUMN score_count BIGINT",
    "ALTER TABLE event_days ADD COLUMN score_sum DOUBLE",
    "ALTER TABLE event_days ADD COLUMN attempt_count BIGINT",
    "ALTER TABLE event_days ADD COLUMN attempt_sum DOUBLE",
    "ALTER TABLE event_days ADD COLUMN transactions BIGINT",
    "ALTER TABLE event_days ADD COLUMN revenue_usd DECIMAL(38,6)",
    "ALTER TABLE event_days ADD COLUMN ad_revenue_usd DECIMAL(38,6)",
    f"""
    UPDATE event_days SET value_abs_sum = found.value_abs_sum, score_count = found.score_count,
        score_sum = found.score_sum, attempt_count = found.attempt_count, attempt_sum = found.attempt_sum,
        transactions = found.transactions, revenue_usd = found.revenue_usd, ad_revenue_usd = found.ad_revenue_usd
    FROM (
        SELECT event_no, event_time::DATE AS day, coalesce(sum(abs(value)), 0) AS value_abs_sum,
            count(score) AS score_count, coalesce(sum(score), 0) AS score_sum,
            count(attempt_num) FILTER (category = 'progression' AND event_id LIKE 'Complete:%') AS attempt_count,
            coalesce(sum(attempt_num::DOUBLE) FILTER (category = 'progression' AND event_id LIKE 'Complete:%'), 0)
                AS attempt_sum,
            count(*) FILTER ({_IS_PURCHASE}) AS transactions,
            coalesce(sum(amount_usd) FILTER ({_IS_PURCHASE}), 0) AS revenue_usd,
            coalesce(sum(ad_revenue_usd), 0) AS ad_revenue_usd
        FROM events GROUP BY event_no, event_time::DATE
    ) AS found WHERE found.event_no = event_days.event_no AND found.day = event_days.day
    """,
)

_COLUMNS = ("build", "platform", "device", "os_version", "custom_01", "custom_02", "custom_03", "cart_type")
_PARTS = (
    ("progression_01", "progression", "split_part(event_id, ':', 2)"),
    ("progression_02", "progression", "split_part(event_id, ':', 3)"),
    ("progression_03", "progression", "split_part(event_id, ':', 4)"),
    ("business_item_type", "business", "split_part(event_id, ':', 1)"),
    ("business_item_id", "business", "split_part(event_id, ':', 2)"),
    ("resource_currency", "resource", "split_part(event_id, ':', 2)"),
    ("resource_item_type", "resource", "split_part(event_id, ':', 3)"),
    ("resource_item_id", "resource", "split_part(event_id, ':', 4)"),
    ("design_event_id", "design", "event_id"),
)

_FIELD_VALUES = (
    "CREATE TABLE field_values (game_id INTEGER, day DATE, field VARCHAR, value VARCHAR, row_no BIGINT)",
    *(
        f"INSERT INTO field_values SELECT game_id, event_time::DATE, '{column}', {column}, min(row_no) FROM events"
        f" WHERE {column} IS NOT NULL GROUP BY game_id, event_time::DATE, {column}"
        for column in _COLUMNS
    ),
    *(
        f"INSERT INTO field_values SELECT game_id, event_time::DATE, '{field}', {part}, min(row_no) FROM events"
        f" WHERE category = '{category}' AND {part} <> '' GROUP BY game_id, event_time::DATE, {part}"
        for field, category, part in _PARTS
    ),
)

STATEMENTS = (*_RECEIPTS, *_PLAYER_DAYS, *_EVENT_DAYS, *_FIELD_VALUES)
