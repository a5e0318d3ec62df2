"""The event_days table: counts and sums per event id and day."""

from questlog.store.duckdb.facts import AD_REVENUE, REVENUE, TRANSACTIONS, numbered_day
from questlog.store.duckdb.transaction import Transaction

_IS_COMPLETE = "(category = 'progression' AND event_id LIKE 'Complete:%')"
_SUMS = (
    "events",
    "value_count",
    "value_sum",
    "value_abs_sum",
    "score_count",
    "score_sum",
    "attempt_count",
    "attempt_sum",
    "transactions",
    "revenue_usd",
    "ad_revenue_usd",
)
_COLUMNS = ("event_day_no", "game_id", "day", "event_no", "category", "event_id", *_SUMS, "value_min", "value_max")


def insert(source: str, condition: str = "true") -> str:
    """SQL: inserts the rows that the events in `source` make."""
    day = "event_time::DATE"
    return f"""
    INSERT INTO event_days ({", ".join(_COLUMNS)})
    SELECT {numbered_day("event_no", day)} AS event_day_no, any_value(game_id) AS game_id, {day} AS day, event_no,
        any_value(category) AS category, any_value(event_id) AS event_id, count(*) AS events,
        count(value) AS value_count, coalesce(sum(value), 0) AS value_sum,
        coalesce(sum(abs(value)), 0) AS value_abs_sum,
        count(score) AS score_count, coalesce(sum(score), 0) AS score_sum,
        count(attempt_num) FILTER ({_IS_COMPLETE}) AS attempt_count,
        coalesce(sum(attempt_num::DOUBLE) FILTER ({_IS_COMPLETE}), 0) AS attempt_sum,
        {TRANSACTIONS} AS transactions, {REVENUE} AS revenue_usd, {AD_REVENUE} AS ad_revenue_usd,
        min(value) AS value_min, max(value) AS value_max
    FROM {source} WHERE {condition} GROUP BY event_no, {day}
    """


def update(transaction: Transaction) -> None:
    """Add the registered `batch`."""
    sums = ", ".join(f"{name} = event_days.{name} + excluded.{name}" for name in _SUMS)
    transaction.write(
        f"{insert('batch')} ON CONFLICT (event_day_no) DO UPDATE SET {sums},"
        " value_min = least(value_min, excluded.value_min), value_max = greatest(value_max, excluded.value_max)"
    )
