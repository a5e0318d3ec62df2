"""What the API and the status page read, as typed values; the same on every engine."""

from typing import Protocol

import msgspec


class EventFilter(msgspec.Struct, frozen=True):
    """Which events: each value that is not None must be equal; `event_id_prefix` is the start of an id."""

    category: str | None = None
    event_id: str | None = None
    event_id_prefix: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    source: str | None = None


class StoredEvent(msgspec.Struct, frozen=True):
    """One event: `row_no` is its place in the order of loading; `fields` are its columns that are not null.

    Times in `fields` are UTC microseconds; `attributes` there is JSON text.
    """

    row_no: int
    fields: dict[str, str | int | float | bool]


class StoredRejection(msgspec.Struct, frozen=True):
    """One dropped event or rejected request; `received_at` in UTC microseconds, `errors` as JSON text."""

    rejected_no: int
    game_id: int
    received_at: int
    source: str
    api_key_name: str | None
    is_whole_request: bool
    reason: str
    detail: str
    errors: str | None
    raw: str
    player_id: str | None


class IngestHour(msgspec.Struct, frozen=True):
    """What arrived in an hour of `received_at` (`hour`, UTC microseconds): received = stored + rejected + duplicate."""

    game_id: int
    hour: int
    received: int
    stored: int
    rejected: int
    duplicates: int
    rejected_requests: int


class Arrivals(msgspec.Struct, frozen=True):
    """What a game has sent lately: events stored in the last minute and hour, and the receipt of the newest one."""

    game_id: int
    last_received_at: int
    last_minute: int
    last_hour: int


class EventTotal(msgspec.Struct, frozen=True):
    """What a player's events of one name come to; times in UTC microseconds, values None where none had a number."""

    event_id: str
    count: int
    first_seen: int
    last_seen: int
    value_count: int
    value_sum: float
    value_min: float | None
    value_max: float | None


class Reading(Protocol):
    """A store's side for the API and the status page. Raises `StoreFailed`."""

    def recent_events(self, game_id: int, wanted: EventFilter, before: int | None, limit: int) -> list[StoredEvent]:
        """The newest events first, by order of loading; with `before`, only rows with a lower `row_no`."""
        ...

    def recent_rejected(self, game_id: int, before: int | None, limit: int) -> list[StoredRejection]:
        """The newest rejections first; with `before`, only those with a lower `rejected_no`."""
        ...

    def ingest_hours(self, game_id: int, limit: int) -> list[IngestHour]:
        """The newest hours first."""
        ...

    def arrivals(self, now_us: int) -> list[Arrivals]:
        """Every game that has an event, by `game_id`."""
        ...

    def event_totals(self, game_id: int, player_id: str) -> list[EventTotal]:
        """The totals of one player's Satori events, by name."""
        ...
