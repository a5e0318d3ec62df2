"""The tasks that delete what games do not keep: old events, and everything of a deleted game."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import structlog

from questlog.control.errors import ControlUnavailable
from questlog.loader.maintenance.task import Turn
from questlog.model.calendar import UTC, zone_named
from questlog.model.expiry import first_day_kept
from questlog.store.contract import ChangeCancelled, Loading, Piece, StoreFailed

_US = 1_000_000
_LOOK_EVERY_US = 60 * _US
_RETRY_US = 600 * _US
_BUDGET_S = 0.5
_FIRST_ROWS = 50_000
_LEAST_ROWS, _MOST_ROWS = 1_000, 1_000_000

_log = structlog.get_logger(__name__)


class DeletedGame(Protocol):
    """A game that was deleted."""

    @property
    def game_id(self) -> int:
        """Its number, which no other game gets."""
        ...


class GamePolicies(Protocol):
    """What games keep; `ControlDatabase` knows. Methods raise `ControlUnavailable`."""

    def keep_days(self) -> Mapping[int, int]:
        """How many whole days before today a game keeps, by its number; games that keep all are not there."""
        ...

    def deleted_games(self) -> Sequence[DeletedGame]:
        """All games that were ever deleted."""
        ...

    def delete_identities_of(self, game_id: int) -> int:
        """Remove the identities of a deleted game. Returns how many there were."""
        ...


class _Look:
    """When it is time to look at the games again."""

    def __init__(self) -> None:
        self._next_us: int | None = None

    def is_due(self, now_us: int) -> bool:
        """Every minute. Further off than that it can only be when the clock was set back."""
        if self._next_us is not None and 0 < self._next_us - now_us <= _LOOK_EVERY_US:
            return False
        self._next_us = now_us + _LOOK_EVERY_US
        return True


class _Rows:
    """How many rows go at once, so that it takes about half of the budget."""

    def __init__(self) -> None:
        self.most = _FIRST_ROWS

    def fit(self, took_us: int) -> None:
        """Go by how long the last ones took."""
        if took_us * 2 > _BUDGET_S * _US:
            self.most = max(self.most // 2, _LEAST_ROWS)
        elif took_us * 8 < _BUDGET_S * _US:
            self.most = min(2 * self.most, _MOST_ROWS)


class _Wanted(NamedTuple):
    """Which day is the first that a game keeps, and when that begins (UTC microseconds)."""

    first_day: dt.date
    starts_us: int


class ExpireEvents:
    """Deletes events that are older than their game keeps, with all rows by day, a few days at a time."""

    name = "expire events"
    unit = "events"
    period_s = None
    budget_s = _BUDGET_S

    def __init__(self, store: Loading, policies: GamePolicies) -> None:
        self._store = store
        self._policies = policies
        self._look = _Look()
        self._rows = _Rows()
        self._wanted: dict[int, _Wanted] = {}
        self._put_off: dict[int, int] = {}

    def has_work(self, now_us: int) -> bool:
        """Whether a game has older events than it keeps, as far as is known."""
        if self._look.is_due(now_us):
            try:
                self._wanted = self._all_wanted(now_us)
            except (ControlUnavailable, StoreFailed) as error:
                _log.warning("how long games keep their events cannot be read", error=str(error))
        return bool(self._wanted)

    def run(self, turn: Turn) -> None:
        """Delete days until the budget is used."""
        done = 0
        for game_id, wanted in list(self._wanted.items()):
            try:
                done += self._expire(turn, game_id, wanted, done)
            except ChangeCancelled:
                raise
            except StoreFailed as error:
                self._put_off[game_id] = turn.now_us + _RETRY_US
                del self._wanted[game_id]
                turn.fail(error)
            if turn.is_over:
                return

    def _expire(self, turn: Turn, game_id: int, wanted: _Wanted, done: int) -> int:
        """Returns how many events went."""
        own = 0
        while True:
            began_us = turn.took_us
            piece = turn.store.expire_events(game_id, wanted.first_day, self._rows.most, turn.cancellation)
            own += piece.done
            turn.note(done + own, piece.left)
            self._rows.fit(turn.took_us - began_us)
            if not piece.left:
                del self._wanted[game_id]
                return own
            if turn.is_over:
                return own

    def _all_wanted(self, now_us: int) -> dict[int, _Wanted]:
        expired, zones = self._store.expired_before(), self._store.time_zones()
        deleted = self._store.deleted_games()
        found = {}
        for game_id, days in self._policies.keep_days().items():
            zone = zone_named(zones.get(game_id, UTC.name))
            first = first_day_kept(zone.day_of(now_us), days)
            if first is None:
                continue
            starts_us = zone.bounds(first, first)[0]
            is_put_off = 0 < self._put_off.get(game_id, 0) - now_us <= _RETRY_US
            if game_id not in deleted and not is_put_off and expired.get(game_id, -(2**63)) < starts_us:
                found[game_id] = _Wanted(first, starts_us)
        return found


class DeleteGames:
    """Deletes everything of games that were deleted, some rows at a time, and their identities at the end.

    Each deleted game's identities are looked for once after each start too: a process may have ended before.
    """

    name = "delete games"
    unit = "events"
    period_s = None
    budget_s = _BUDGET_S

    def __init__(self, store: Loading, policies: GamePolicies) -> None:
        self._store = store
        self._policies = policies
        self._look = _Look()
        self._rows = _Rows()
        self._left: list[int] = []
        self._done: set[int] = set()

    def has_work(self, now_us: int) -> bool:
        """Whether a deleted game still has rows, or may have identities."""
        if self._look.is_due(now_us):
            try:
                games = [game.game_id for game in self._policies.deleted_games()]
                known = {*self._left, *self._done}
                self._left += [game_id for game_id in games if game_id not in known]
            except ControlUnavailable as error:
                _log.warning("deleted games cannot be read", error=str(error))
        return bool(self._left)

    def run(self, turn: Turn) -> None:
        """Delete rows until the budget is used. Where a game fails, the others come first the next time."""
        done = 0
        while self._left and not turn.is_over:
            game_id = self._left.pop(0)
            try:
                piece = self._delete(turn, game_id)
            except Exception:
                self._left.append(game_id)
                raise
            done += piece.done
            turn.note(done, piece.left)

    def _delete(self, turn: Turn, game_id: int) -> Piece:
        piece, began_us = Piece(0, 0), turn.took_us
        if not turn.store.deleted_games().get(game_id, False):
            piece = turn.store.delete_game(game_id, self._rows.most, turn.cancellation)
            self._rows.fit(turn.took_us - began_us)
        if piece.left:
            self._left.insert(0, game_id)
        else:
            self._policies.delete_identities_of(game_id)
            self._done.add(game_id)
        return piece
