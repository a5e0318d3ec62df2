"""The player_event_totals table: what each player's computed properties are made of (satori.md §7)."""

from questlog.store.duckdb.transaction import Transaction


def facts(source: str, condition: str = "true") -> str:
    """SQL: the rows of the table that the events in `source` make."""
    return f"""
    SELECT player_no * 4294967296 + event_no AS player_event_no, player_no, event_no, count(*) AS events,
        min(event_time) AS first_seen, max(event_time) AS last_seen, count(value) AS value_count,
        coalesce(sum(value), 0) AS value_sum, min(value) AS value_min, max(value) AS value_max,
        max(batch_no) AS batch_no
    FROM {source} WHERE player_no IS NOT NULL AND source <> 'gameanalytics' AND ({condition})
    GROUP BY player_no, event_no
    """


def update(transaction: Transaction) -> None:
    """Add the registered `batch`."""
    table = "player_event_totals"
    transaction.write(
        f"INSERT INTO player_event_totals {facts('batch')}"
        f" ON CONFLICT (player_event_no) DO UPDATE SET events = {table}.events + excluded.events,"
        " first_seen = least(first_seen, excluded.first_seen), last_seen = greatest(last_seen, excluded.last_seen),"
        f" value_count = {table}.value_count + excluded.value_count,"
        f" value_sum = {table}.value_sum + excluded.value_sum,"
        " value_min = least(value_min, excluded.value_min), value_max = greatest(value_max, excluded.value_max),"
        " batch_no = excluded.batch_no"
    )
