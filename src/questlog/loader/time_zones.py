"""Giving the store the time zones of games, in the loader's thread: it is the only one that writes to the store."""

from collections.abc import Mapping
from typing import Protocol

import structlog

from questlog.control.errors import ControlUnavailable
from questlog.loader.rebuild import Rebuild
from questlog.model.calendar import UTC
from questlog.model.clock import Clock
from questlog.store.contract import Loading

_LOOK_EVERY_US = 1_000_000

_log = structlog.get_logger(__name__)


class GameZones(Protocol):
    """Where the time zones of games are set; `ControlDatabase` is one."""

    def time_zones(self) -> Mapping[int, str]:
        """The name of each game's time zone, by its number. Raises `ControlUnavailable`."""
        ...


class TimeZones:
    """Looks every second whether a game's zone was changed; its rows by day are then computed again."""

    def __init__(self, zones: GameZones, rebuild: Rebuild, clock: Clock) -> None:
        self._zones = zones
        self._rebuild = rebuild
        self._clock = clock
        self._look_at_us = clock.now_us()
        self._wanted: Mapping[int, str] = {}
        self._stored: Mapping[int, str] | None = None

    @property
    def is_requested(self) -> bool:
        """Whether a game has another zone in the store, or the store was not asked yet."""
        now_us = self._clock.now_us()
        # Further off than a period it can only be when the clock was set back.
        if not 0 < self._look_at_us - now_us <= _LOOK_EVERY_US:
            self._look_at_us = now_us + _LOOK_EVERY_US
            try:
                self._wanted = self._zones.time_zones()
            except ControlUnavailable as error:
                _log.warning("time zones of games cannot be read", error=str(error))
        return self._stored is None or bool(self._changed(self._stored))

    def run_if_requested(self, store: Loading) -> None:
        """Change the zones, game by game. Events wait in the journal meanwhile. Raises `StoreFailed`."""
        self._stored = store.time_zones()
        for game_id, name in self._changed(self._stored).items():
            _log.info("computing a game's days again in another time zone", game=game_id, time_zone=name)
            self._rebuild.carry_out(lambda progress: store.set_time_zone(game_id, name, progress))  # noqa: B023
        self._stored = store.time_zones()

    def _changed(self, stored: Mapping[int, str]) -> dict[int, str]:
        return {game_id: name for game_id, name in self._wanted.items() if stored.get(game_id, UTC.name) != name}
