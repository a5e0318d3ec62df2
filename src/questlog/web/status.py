"""What is arriving, per game, now."""

import asyncio
import threading
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from questlog.console.access import Caller, Right
from questlog.console.services import ConsoleServices
from questlog.control.games import ListedGame
from questlog.rates.status import RatesStatus
from questlog.store import named_reads
from questlog.store.contract import StoreFailed

_MINUTE_US = 60_000_000
_HOUR_US = 3_600_000_000
_FRESH_US = 1_000_000
_LATE_US = 48 * _HOUR_US
"""A collector that was away may bring events of earlier hours: of earlier than this they show after the next start."""

_MOST_REASONS = 20


class GameStatus(msgspec.Struct, frozen=True):
    """One game. Counts are of events, since `Status.since`; times are UTC microseconds."""

    game_id: int
    name: str
    game_key: str
    is_enabled: bool
    events_per_s: float
    last_event_at: int | None
    stored: int
    rejected: int
    duplicates: int
    rejected_requests: int


class RejectionStatus(msgspec.Struct, frozen=True):
    """One reason for which events or whole requests of a game were refused since `Status.since`."""

    game_id: int
    game: str
    reason: str
    source: str
    is_whole_request: bool
    count: int
    newest_at: int
    detail: str


class Status(msgspec.Struct, frozen=True):
    """Everything on the status page. `now` and `since` are UTC microseconds; `since` is the start of an hour."""

    now: int
    since: int
    problems: Sequence[str]
    games: Sequence[GameStatus]
    rejections: Sequence[RejectionStatus]
    rates: Sequence[RatesStatus]
    events_per_s: float
    last_event_at: int | None
    lag_bytes: int
    load_delay_s: float | None
    collectors: int
    collectors_ready: int

    @property
    def has_events(self) -> bool:
        """Whether anything has ever been stored."""
        return self.last_event_at is not None


def limited_to(status: Status, caller: Caller) -> Status:
    """What a caller may see of a status: games with the right to view, rejections with the one to personal data."""
    if caller.may_everywhere(Right.PERSONAL_DATA):
        return status
    games = [game for game in status.games if caller.may(Right.VIEW, game.game_id)]
    return msgspec.structs.replace(
        status,
        games=games,
        rejections=[each for each in status.rejections if caller.may(Right.PERSONAL_DATA, each.game_id)],
        events_per_s=sum(game.events_per_s for game in games),
        last_event_at=max((game.last_event_at for game in games if game.last_event_at is not None), default=None),
    )


class StatusReader:
    """Reads the status at most once a second, however many look. Safe to call from any thread."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._turn = asyncio.Lock()
        self._last: Status | None = None
        self._newest: dict[int, dict[str, int]] = {}
        self._quiet: dict[int, tuple[tuple[int, int], int | None]] = {}

    async def latest(self) -> Status:
        """The same for an event loop: those who look meanwhile wait without a thread, which others need."""
        async with self._turn:
            return await asyncio.to_thread(self.read)

    def read(self) -> Status:
        """The status, at most a second old. Raises `ControlError`; a store that fails is one of the problems."""
        with self._lock:
            now_us = self._services.clock.now_us()
            if self._last is None or not 0 <= now_us - self._last.now < _FRESH_US:
                self._last = self._read(now_us)
            return self._last

    def _read(self, now_us: int) -> Status:
        # The hour that runs and the whole one before it.
        since = now_us - now_us % _HOUR_US - _HOUR_US
        games = self._services.control.list_games()
        problems = list(self._services.progress.reasons_not_ready())
        try:
            game_statuses = self._games(games, now_us, since)
            rejections = self._rejections(games, since)
        except StoreFailed as error:
            problems.append(f"the store does not answer: {error}")
            game_statuses, rejections = [], []
        return self._status(now_us, since, problems, game_statuses, rejections)

    def _status(
        self,
        now_us: int,
        since: int,
        problems: Sequence[str],
        games: Sequence[GameStatus],
        rejections: Sequence[RejectionStatus],
    ) -> Status:
        loader = self._services.progress.loader_counters()
        collectors = self._services.progress.collector_counters()
        return Status(
            now=now_us,
            since=since,
            problems=problems,
            games=games,
            rejections=rejections,
            rates=self._services.progress.rates_status(),
            events_per_s=sum(game.events_per_s for game in games),
            last_event_at=max((game.last_event_at for game in games if game.last_event_at is not None), default=None),
            lag_bytes=loader.lag_bytes,
            load_delay_s=loader.newest_age_ms / 1000 if loader.batches else None,
            collectors=len(collectors),
            collectors_ready=sum(each.is_ready for each in collectors),
        )

    def _games(self, games: Sequence[ListedGame], now_us: int, since: int) -> list[GameStatus]:
        ask = self._services.tables.query
        last_minute = _by_game(named_reads.arrived(ask, now_us - _MINUTE_US))
        newest_hours = self._newest_hours(now_us)
        hours = _by_game(named_reads.ingest_sums(ask, since))
        return [
            GameStatus(
                game_id=game.game_id,
                name=game.name,
                game_key=game.game_key,
                is_enabled=game.is_enabled,
                events_per_s=last_minute.get(game.game_id, {}).get("events", 0) / 60,
                last_event_at=last_minute.get(game.game_id, {}).get("last_event_at")
                or self._last_event_of_quiet(game.game_id, newest_hours.get(game.game_id)),
                stored=hours.get(game.game_id, {}).get("stored", 0),
                rejected=hours.get(game.game_id, {}).get("rejected", 0),
                duplicates=hours.get(game.game_id, {}).get("duplicates", 0),
                rejected_requests=hours.get(game.game_id, {}).get("rejected_requests", 0),
            )
            for game in games
        ]

    def _newest_hours(self, now_us: int) -> dict[int, dict[str, int]]:
        """The newest hour with events of each game: all hours are read once, then those that may have changed."""
        since = max(now_us - _LATE_US, 0) if self._newest else 0
        self._newest |= _by_game(named_reads.newest_hours(self._services.tables.query, since))
        return self._newest

    def _last_event_of_quiet(self, game_id: int, newest: dict[str, int] | None) -> int | None:
        """When the newest event of a game without one in the last minute was received.

        It lies in the newest hour that has any: only that hour is read, and only when its count has changed.
        """
        if newest is None:
            return None
        hour = newest["hour"]
        seen = (hour, newest["stored"])
        if self._quiet.get(game_id, (None, None))[0] != seen:
            last = named_reads.last_event(self._services.tables.query, game_id, hour, hour + _HOUR_US)
            self._quiet[game_id] = (seen, last)
        return self._quiet[game_id][1]

    def _rejections(self, games: Sequence[ListedGame], since: int) -> list[RejectionStatus]:
        names = {game.game_id: game.name for game in games}
        rows = named_reads.rejection_reasons(self._services.tables.query, since, _MOST_REASONS).to_pylist()
        return [
            RejectionStatus(
                game=names.get(row["game_id"], "no known game"),
                **{name: row[name] for name in RejectionStatus.__struct_fields__ if name != "game"},
            )
            for row in rows
        ]


def _by_game(table: pa.Table) -> dict[int, dict[str, int]]:
    rows: list[dict[str, int]] = table.to_pylist()
    return {row["game_id"]: row for row in rows}
