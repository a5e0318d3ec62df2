"""Version 3: player days know the kinds of their events, and purchases by the state of their receipts."""

_IS_PURCHASE = (
    "((category = 'business' OR (category = 'custom' AND event_id = 'purchaseCompleted'))"
    " AND (amount IS NOT NULL OR amount_usd IS NOT NULL))"
)
_KINDS = """
    CASE category WHEN 'design' THEN 1 WHEN 'resource' THEN 2 WHEN 'error' THEN 4 WHEN 'ads' THEN 8
        WHEN 'health' THEN 16 WHEN 'progression' THEN 32 | CASE split_part(coalesce(event_id, ''), ':', 1)
            WHEN 'Start' THEN 64 WHEN 'Fail' THEN 128 WHEN 'Complete' THEN 256 ELSE 0 END
        ELSE 0 END
"""

STATEMENTS = (
    "ALTER TABLE player_days ADD COLUMN kinds BIGINT",
    "ALTER TABLE player_days ADD COLUMN valid_transactions BIGINT",
    "ALTER TABLE player_days ADD COLUMN valid_revenue_usd DECIMAL(38,6)",
    "ALTER TABLE player_days ADD COLUMN invalid_transactions BIGINT",
    "ALTER TABLE player_days ADD COLUMN invalid_revenue_usd DECIMAL(38,6)",
    f"""
    UPDATE player_days SET kinds = found.kinds, valid_transactions = found.valid_transactions,
        valid_revenue_usd = found.valid_revenue_usd, invalid_transactions = found.invalid_transactions,
        invalid_revenue_usd = found.invalid_revenue_usd
    FROM (
        SELECT player_day_no, coalesce(kinds, 0) AS kinds, coalesce(valid_transactions, 0) AS valid_transactions,
            coalesce(valid_revenue_usd, 0) AS valid_revenue_usd,
            coalesce(invalid_transactions, 0) AS invalid_transactions,
            coalesce(invalid_revenue_usd, 0) AS invalid_revenue_usd
        FROM (SELECT player_day_no FROM player_days) LEFT JOIN (
            SELECT coalesce(player_no, -game_id::BIGINT) * 4194304 + (event_time::DATE - DATE '1970-01-01') + 2097152
                    AS player_day_no,
                bit_or({_KINDS}) AS kinds,
                count(*) FILTER ({_IS_PURCHASE} AND receipt_state = 'valid') AS valid_transactions,
                sum(amount_usd) FILTER ({_IS_PURCHASE} AND receipt_state = 'valid') AS valid_revenue_usd,
                count(*) FILTER ({_IS_PURCHASE} AND receipt_state = 'invalid') AS invalid_transactions,
                sum(amount_usd) FILTER ({_IS_PURCHASE} AND receipt_state = 'invalid') AS invalid_revenue_usd
            FROM events GROUP BY 1
        ) USING (player_day_no)
    ) AS found WHERE found.player_day_no = player_days.player_day_no
    """,
)
