"""Games and keys in memory, at most a second behind the control database."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from questlog.control.errors import ControlUnavailable
from questlog.control.snapshot import ControlSnapshot
from questlog.model.game import ApiKey, Game

_UNKNOWN_KEY_CHECK_S = 0.1
_Found = TypeVar("_Found")


class SnapshotSource(Protocol):
    """The part of the control database that this needs; both are quick enough for the event loop."""

    def version(self) -> int:
        """Grows with every change of games and keys."""
        ...

    def snapshot(self) -> ControlSnapshot:
        """The present state."""
        ...


class Directory:
    """Finds games by key. An unknown key makes it look for changes at once, at most ten times a second."""

    def __init__(self, control: SnapshotSource, now_s: Callable[[], float]) -> None:
        self._control = control
        self._now_s = now_s
        self._snapshot = control.snapshot()
        self._looked_again_at = -_UNKNOWN_KEY_CHECK_S

    def refresh(self) -> None:
        """Take up changes; a control database that cannot be read now leaves what is known."""
        try:
            if self._control.version() != self._snapshot.version:
                self._snapshot = self._control.snapshot()
        except ControlUnavailable:
            return

    def game(self, game_key: str) -> Game | None:
        """The game with this GameAnalytics key."""
        return self._snapshot.games_by_key.get(game_key) or self._again(
            lambda: self._snapshot.games_by_key.get(game_key)
        )

    def api_key(self, key: str) -> ApiKey | None:
        """The live Satori API key with this value."""
        return self._snapshot.api_key(key) or self._again(lambda: self._snapshot.api_key(key))

    def api_key_named(self, name: str, game_id: int | None) -> ApiKey | None:
        """The live API key with this name, of that game where one is given."""
        return self._snapshot.api_key_named(name, game_id) or self._again(
            lambda: self._snapshot.api_key_named(name, game_id)
        )

    def game_of(self, api_key: ApiKey) -> Game:
        """The game that a key belongs to."""
        return self._snapshot.games_by_id[api_key.game_id]

    def _again(self, find: Callable[[], _Found | None]) -> _Found | None:
        now = self._now_s()
        if now - self._looked_again_at < _UNKNOWN_KEY_CHECK_S:
            return None
        self._looked_again_at = now
        self.refresh()
        return find()
