"""The readings of the API and the status page on DuckDB."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from questlog.store.reading import Arrivals, EventFilter, EventTotal, IngestHour, StoredEvent, StoredRejection

Query: TypeAlias = Callable[[str, Mapping[str, object]], pa.Table]
_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000

_CONDITIONS = {
    "category": "category = $category",
    "event_id": "event_id = $event_id",
    "event_id_prefix": "starts_with(event_id, $event_id_prefix)",
    "player_id": "player_id = $player_id",
    "session_id": "session_id = $session_id",
    "source": "source = $source",
}


def recent_events(query: Query, game_id: int, wanted: EventFilter, before: int | None, limit: int) -> list[StoredEvent]:
    """See `Reading.recent_events`."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    conditions = ["game_id = $game_id", *(_CONDITIONS[name] for name in given)]
    parameters: dict[str, object] = {"game_id": game_id, "limit": limit, **given}
    if before is not None:
        conditions.append("row_no < $before")
        parameters["before"] = before
    # The numbers first: sorting whole rows would read every column of every row that the filter lets through.
    rows = query(
        "SELECT * FROM events WHERE row_no IN (SELECT row_no FROM events WHERE "
        f"{' AND '.join(conditions)} ORDER BY row_no DESC LIMIT $limit) ORDER BY row_no DESC",
        parameters,
    )
    return [StoredEvent(row["row_no"], _fields(row)) for row in _plain(rows)]


def _fields(row: dict[str, Any]) -> dict[str, str | int | float | bool]:
    return {
        name: value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in row.items()
        if value is not None
    }


def recent_rejected(query: Query, game_id: int, before: int | None, limit: int) -> list[StoredRejection]:
    """See `Reading.recent_rejected`."""
    rows = query(
        "SELECT * FROM rejected_events WHERE game_id = $game_id AND rejected_no < $before"
        " ORDER BY rejected_no DESC LIMIT $limit",
        {"game_id": game_id, "before": 2**63 - 1 if before is None else before, "limit": limit},
    )
    return [StoredRejection(**row) for row in _plain(rows)]


def ingest_hours(query: Query, game_id: int, limit: int) -> list[IngestHour]:
    """See `Reading.ingest_hours`."""
    rows = query(
        "SELECT game_id, hour, received, stored, rejected, duplicates, rejected_requests FROM ingest_hours"
        " WHERE game_id = $game_id ORDER BY hour DESC LIMIT $limit",
        {"game_id": game_id, "limit": limit},
    )
    return [IngestHour(**row) for row in _plain(rows)]


def arrivals(query: Query, now_us: int) -> list[Arrivals]:
    """See `Reading.arrivals`."""
    lately = query(
        "SELECT game_id, max(received_at) AS last_received_at,"
        " count(*) FILTER (received_at > make_timestamp($minute)) AS last_minute, count(*) AS last_hour"
        " FROM events WHERE received_at > make_timestamp($hour) GROUP BY game_id",
        {"minute": now_us - _MINUTE_US, "hour": now_us - _HOUR_US},
    )
    found = {row["game_id"]: Arrivals(**row) for row in _plain(lately)}
    hours = query("SELECT game_id, max(hour) AS hour FROM ingest_hours WHERE stored > 0 GROUP BY game_id", {})
    for row in _plain(hours):
        found.setdefault(row["game_id"], Arrivals(row["game_id"], row["hour"], 0, 0))
    return [found[game_id] for game_id in sorted(found)]


def event_totals(query: Query, game_id: int, player_id: str) -> list[EventTotal]:
    """See `Reading.event_totals`."""
    rows = query(
        "SELECT n.event_id, sum(t.events)::BIGINT AS count, min(t.first_seen) AS first_seen,"
        " max(t.last_seen) AS last_seen, sum(t.value_count)::BIGINT AS value_count, sum(t.value_sum) AS value_sum,"
        " min(t.value_min) AS value_min, max(t.value_max) AS value_max"
        " FROM player_event_totals AS t JOIN event_names AS n ON n.event_no = t.event_no"
        " WHERE t.player_no IN (SELECT player_no FROM players WHERE game_id = $game_id AND player_id = $player_id)"
        " AND n.event_id IS NOT NULL GROUP BY n.event_id ORDER BY n.event_id",
        {"game_id": game_id, "player_id": player_id},
    )
    return [EventTotal(**row) for row in _plain(rows)]


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as dictionaries, with times as UTC microseconds."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.int64()))
    plain: list[dict[str, Any]] = rows.to_pylist()
    return plain
