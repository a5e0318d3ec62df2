"""The task that carries out what people asked for: erasing a player, once it can no longer be undone."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from questlog.loader.maintenance.task import Turn
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch, PlayerErasure

_PERIOD_S = 10.0

_log = structlog.get_logger(__name__)


class Requested(Protocol):
    """A player that is to be erased."""

    @property
    def game_id(self) -> int:
        """The game's number."""
        ...

    @property
    def player_id(self) -> str:
        """The player's id as sent."""
        ...


class ErasureRequests(Protocol):
    """What people asked for; the control database knows. Methods raise `ControlUnavailable`."""

    def due_erasures(self) -> Sequence[Requested]:
        """Those whose time has come."""
        ...

    def forget_identity(self, game_id: int, player_id: str) -> None:
        """Delete the player's identity, and refuse its tokens."""
        ...

    def end_erasure(self, game_id: int, player_id: str) -> None:
        """Forget a request that is carried out."""
        ...


class RequestedErasures:
    """Has the store note players that are to be erased; the task that erases players does the rest.

    First no token is good any more, so that what was taken until then is erased too. Whatever fails, the request stays
    and is tried again.
    """

    name = "start erasures"
    unit = "players"
    period_s = _PERIOD_S
    budget_s = None

    def __init__(self, requests: ErasureRequests) -> None:
        self._requests = requests

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whenever it is time to look."""
        return True

    def run(self, turn: Turn) -> None:
        """Note those whose time has come."""
        due = self._requests.due_erasures()
        for each in due:
            self._requests.forget_identity(each.game_id, each.player_id)
        if due:
            until_us = turn.now_us + turn.took_us
            erasures = [PlayerErasure(each.game_id, each.player_id, until_us) for each in due]
            nothing = (STAGED_EVENTS.empty_table(), STAGED_REJECTED.empty_table(), ())
            turn.store.load(Batch(*nothing, erasures=erasures, positions={}), until_us)
            _log.info("erasures of players begin", players=len(due))
        for each in due:
            self._requests.end_erasure(each.game_id, each.player_id)
        turn.note(len(due), 0)
