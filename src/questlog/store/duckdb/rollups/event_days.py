"""The event_days table: counts and sums per event id and day."""

from questlog.store.duckdb.facts import numbered_day
from questlog.store.duckdb.transaction import Transaction


def facts(source: str, condition: str = "true") -> str:
    """SQL: the rows of the table that the events in `source` make."""
    day = "event_time::DATE"
    return f"""
    SELECT {numbered_day("event_no", day)} AS event_day_no, any_value(game_id) AS game_id, {day} AS day, event_no,
        any_value(category) AS category, any_value(event_id) AS event_id, count(*) AS events,
        count(value) AS value_count, coalesce(sum(value), 0) AS value_sum, min(value) AS value_min,
        max(value) AS value_max
    FROM {source} WHERE {condition} GROUP BY event_no, {day}
    """


def update(transaction: Transaction) -> None:
    """Add the registered `batch`."""
    transaction.write(
        f"INSERT INTO event_days {facts('batch')}"
        " ON CONFLICT (event_day_no) DO UPDATE SET events = event_days.events + excluded.events,"
        " value_count = event_days.value_count + excluded.value_count,"
        " value_sum = event_days.value_sum + excluded.value_sum,"
        " value_min = least(value_min, excluded.value_min), value_max = greatest(value_max, excluded.value_max)"
    )
