"""Giving the store the time zones of games, in the loader's thread: it is the only one that writes to the store."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import structlog

from questlog.control.errors import ControlUnavailable
from questlog.loader.maintenance.task import Turn
from questlog.loader.rebuild import Rebuild
from questlog.model.calendar import UTC, UnknownZone
from questlog.model.clock import Clock
from questlog.store.contract import Cancellation, ChangeCancelled, Progress, StoreFailed

_US = 1_000_000
_LOOK_EVERY_US = _US
_FIRST_RETRY_S = 5
_LONGEST_RETRY_S = 600

_log = structlog.get_logger(__name__)


class GameZones(Protocol):
    """Where the time zones of games are set; `ControlDatabase` is one."""

    def time_zones(self) -> Mapping[int, str]:
        """The name of each game's time zone, by its number. Raises `ControlUnavailable`."""
        ...


class _PutOff(NamedTuple):
    """A change that did not succeed: to which zone, when to try again, and how long it was waited for that."""

    name: str
    until_us: int
    wait_s: int


class TimeZones:
    """Looks every second whether a game's zone was changed; its rows by day are then computed again.

    A change that fails is tried again later, without the other games waiting for it.
    """

    name = "time zones"
    unit = "percent of a table"
    period_s = None
    budget_s = None

    def __init__(self, zones: GameZones, rebuild: Rebuild, clock: Clock) -> None:
        self._zones = zones
        self._rebuild = rebuild
        self._look_at_us = clock.now_us()
        self._wanted: Mapping[int, str] = {}
        self._stored: Mapping[int, str] | None = None
        self._put_off: dict[int, _PutOff] = {}

    def has_work(self, now_us: int) -> bool:
        """Whether a game has another zone in the store, or the store was not asked yet."""
        # Further off than a period it can only be when the clock was set back.
        if not 0 < self._look_at_us - now_us <= _LOOK_EVERY_US:
            self._look_at_us = now_us + _LOOK_EVERY_US
            try:
                self._wanted = self._zones.time_zones()
            except ControlUnavailable as error:
                _log.warning("time zones of games cannot be read", error=str(error))
        return self._stored is None or bool(self._due(self._stored, now_us))

    def run(self, turn: Turn) -> None:
        """Change the zones, game by game. Events wait in the journal meanwhile."""
        self._stored = turn.store.time_zones()
        for game_id, name in self._due(self._stored, turn.now_us).items():
            if turn.is_over:
                break
            _log.info("computing a game's days again in another time zone", game=game_id, time_zone=name)
            try:
                self._change(turn, game_id, name)
            except ChangeCancelled:
                self._try_later(turn, game_id, name)
                raise
            except (StoreFailed, UnknownZone) as error:
                self._try_later(turn, game_id, name)
                turn.fail(error)
            else:
                self._put_off.pop(game_id, None)
        self._stored = turn.store.time_zones()

    def _change(self, turn: Turn, game_id: int, name: str) -> None:
        def change(progress: Progress, cancellation: Cancellation) -> None:
            turn.store.set_time_zone(game_id, name, progress, cancellation)

        self._rebuild.carry_out(turn, change)

    def _try_later(self, turn: Turn, game_id: int, name: str) -> None:
        before = self._put_off.get(game_id)
        has_failed_before = before is not None and before.name == name
        wait_s = min(2 * before.wait_s, _LONGEST_RETRY_S) if before and has_failed_before else _FIRST_RETRY_S
        self._put_off[game_id] = _PutOff(name, turn.now_us + turn.took_us + wait_s * _US, wait_s)

    def _due(self, stored: Mapping[int, str], now_us: int) -> dict[int, str]:
        return {
            game_id: name
            for game_id, name in self._wanted.items()
            if stored.get(game_id, UTC.name) != name and not self._is_put_off(game_id, name, now_us)
        }

    def _is_put_off(self, game_id: int, name: str, now_us: int) -> bool:
        put_off = self._put_off.get(game_id)
        # Further off than what was waited for it can only be when the clock was set back.
        return put_off is not None and put_off.name == name and 0 < put_off.until_us - now_us <= put_off.wait_s * _US
