"""Version 4: how often which number was there, by day; ads by what happened to them."""

_JSON = "CASE WHEN json_valid(attributes) THEN attributes END"
_BITS = "value::BIT::BIGINT"
_BIN = f"CASE WHEN value >= 0 THEN {_BITS} >> 46 ELSE -1 - (({_BITS} & 9223372036854775807) >> 46) END::INTEGER"


def _table(field: str) -> str:
    text = f"json_extract_string({_JSON}, '/{field}')"
    return f"""
    SELECT game_id, day, field, (place - 1)::DOUBLE AS value, samples::BIGINT AS samples FROM (
        SELECT game_id, day, '{field}' AS field, generate_subscripts(entries, 1) AS place,
            try_cast(unnest(entries) AS DOUBLE) AS samples
        FROM (
            SELECT game_id, event_time::DATE AS day, string_split(substr({text}, 2, length({text}) - 2), ',') AS entries
            FROM events WHERE category = 'health' AND {text} LIKE '[%'
        )
    ) WHERE place <= 121 AND samples BETWEEN 1 AND 1000000000 AND samples = floor(samples)
    """


_BOOT_TIME = f"try_cast(json_extract_string({_JSON}, '/app_boot_time') AS DOUBLE)"
_NUMBERS = f"""
    SELECT game_id, event_time::DATE AS day, 'design_value' AS field, value, 1 AS samples
    FROM events WHERE category = 'design' AND value IS NOT NULL
    UNION ALL SELECT game_id, event_time::DATE, 'app_boot_time', {_BOOT_TIME}, 1
    FROM events WHERE category = 'sdk_init' AND isfinite({_BOOT_TIME})
    UNION ALL {" UNION ALL ".join(map(_table, ("fps_data_table", "memory_sys_data_table", "memory_app_data_table")))}
"""

_AD_COUNTS = {
    "ad_shows": "show",
    "ad_failed_shows": "failed_show",
    "ad_clicks": "clicked",
    "ad_rewards": "reward_received",
}
_COUNTED = ", ".join(f"count(*) FILTER (ad_action = '{action}') AS {name}" for name, action in _AD_COUNTS.items())

STATEMENTS = (
    *(f"ALTER TABLE event_days ADD COLUMN {name} BIGINT" for name in _AD_COUNTS),
    f"UPDATE event_days SET {', '.join(f'{name} = 0' for name in _AD_COUNTS)}",
    f"""
    UPDATE event_days SET {", ".join(f"{name} = found.{name}" for name in _AD_COUNTS)}
    FROM (
        SELECT event_no, event_time::DATE AS day, {_COUNTED}
        FROM events WHERE ad_action IS NOT NULL GROUP BY event_no, event_time::DATE
    ) AS found WHERE found.event_no = event_days.event_no AND found.day = event_days.day
    """,
    """
    CREATE TABLE value_counts (
        game_id INTEGER,
        day DATE,
        field VARCHAR,
        bin INTEGER,
        value DOUBLE,
        samples BIGINT
    )
    """,
    """
    CREATE TABLE value_bins (
        value_bin_no BIGINT PRIMARY KEY,
        game_id INTEGER,
        day DATE,
        field VARCHAR,
        bin INTEGER,
        samples BIGINT,
        value_sum DOUBLE
    )
    """,
    f"""
    INSERT INTO value_counts
    SELECT game_id, day, field, {_BIN}, value, sum(samples)::BIGINT
    FROM (SELECT game_id, day, field, CASE WHEN value = 0 THEN 0 ELSE value END AS value, samples FROM ({_NUMBERS}))
    GROUP BY game_id, day, field, value ORDER BY day, value
    """,
    """
    INSERT INTO value_bins
    SELECT ((game_id::BIGINT * 8 + CASE field WHEN 'design_value' THEN 0 WHEN 'app_boot_time' THEN 1
            WHEN 'fps_data_table' THEN 2 WHEN 'memory_sys_data_table' THEN 3 WHEN 'memory_app_data_table' THEN 4 END)
            * 4194304 + (day - DATE '1970-01-01') + 2097152) * 262144 + bin + 131072,
        game_id, day, field, bin, sum(samples)::BIGINT, sum(value * samples)
    FROM value_counts GROUP BY game_id, day, field, bin
    """,
)
