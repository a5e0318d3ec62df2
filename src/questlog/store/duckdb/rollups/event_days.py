"""The event_days table: counts and sums per event id and day."""

import pyarrow.compute as pc

from questlog.store.duckdb.facts import AD_REVENUE, REFUNDS, REVENUE, TRANSACTIONS, UNPRICED, numbered_day
from questlog.store.duckdb.transaction import Transaction
from questlog.store.event_kinds import AD_COUNTS

_IS_COMPLETE = "(category = 'progression' AND event_id LIKE 'Complete:%')"
_ADS = ", ".join(f"count(*) FILTER (ad_action = '{action}') AS {name}" for name, action in AD_COUNTS.items())
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
    "refunds",
    "unpriced",
    "ad_revenue_usd",
    *AD_COUNTS,
)
_COLUMNS = ("event_day_no", "game_id", "day", "event_no", "category", "event_id", *_SUMS, "value_min", "value_max")


COLUMN_LIST = ", ".join(_COLUMNS)


def facts(source: str, condition: str = "true") -> str:
    """SQL: the rows of the table that the events in `source`, each with its `day`, make."""
    return f"""
    SELECT {numbered_day("event_no", "day")} AS event_day_no, any_value(game_id) AS game_id, day, event_no,
        any_value(category) AS category, any_value(event_id) AS event_id, count(*) AS events,
        count(value) AS value_count, coalesce(sum(value), 0) AS value_sum,
        coalesce(sum(abs(value)), 0) AS value_abs_sum,
        count(score) AS score_count, coalesce(sum(score), 0) AS score_sum,
        count(attempt_num) FILTER ({_IS_COMPLETE}) AS attempt_count,
        coalesce(sum(attempt_num::DOUBLE) FILTER ({_IS_COMPLETE}), 0) AS attempt_sum,
        {TRANSACTIONS} AS transactions, {REVENUE} AS revenue_usd, {REFUNDS} AS refunds,
        {UNPRICED} AS unpriced, {AD_REVENUE} AS ad_revenue_usd,
        {_ADS}, min(value) + 0.0 AS value_min, max(value) + 0.0 AS value_max
    FROM {source} WHERE {condition} GROUP BY event_no, day
    """  # adding 0 leaves no -0, which of two equal numbers is the least would depend on their order


_OLD = """
    SELECT event_day_no FROM event_days SEMI JOIN batch_event_days USING (event_day_no)
    WHERE day BETWEEN $first AND $last
"""

_INSERT = f"INSERT INTO event_days ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM new_event_days WHERE NOT is_there"

_ADD = f"""
    UPDATE event_days SET {", ".join(f"{name} = event_days.{name} + new.{name}" for name in _SUMS)},
        value_min = least(event_days.value_min, new.value_min),
        value_max = greatest(event_days.value_max, new.value_max)
    FROM batch_event_days AS new
    WHERE new.event_day_no = event_days.event_day_no AND event_days.day BETWEEN $first AND $last
"""


def update(transaction: Transaction) -> None:
    """Add the registered `batch`."""
    days = transaction.read(facts("batch"))
    transaction.register("batch_event_days", days)
    bounds = pc.min_max(days["day"])
    between = {"first": bounds["min"].as_py(), "last": bounds["max"].as_py()}
    old = transaction.read(_OLD, between)
    if old.num_rows:
        transaction.write(_ADD, between)
    if old.num_rows < days.num_rows:
        is_there = pc.is_in(days["event_day_no"], old["event_day_no"].combine_chunks())
        transaction.register("new_event_days", days.append_column("is_there", is_there))
        transaction.write(_INSERT)
