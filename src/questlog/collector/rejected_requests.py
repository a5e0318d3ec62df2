"""Requests that could not be taken are kept too, within bounds, for whoever integrates a game."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from questlog.collector.limits import RateLimiter
from questlog.journal.contract import JournalUnavailable, JournalWriter
from questlog.model.event import Source
from questlog.model.game import Game
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, Position, encode_record

_KEPT_BYTES = 16_384
_BURST = 30
_PER_MINUTE = 30
_OUR_FAULT = frozenset({Reason.OVERLOADED, Reason.JOURNAL_UNAVAILABLE})
# Nothing shows that the sender has the game's key: a stranger's bytes are not kept, and have an allowance of their own.
_UNPROVEN = frozenset({Reason.WRONG_SIGNATURE, Reason.UNAUTHENTICATED, Reason.BAD_TOKEN})


class KnownSender(Protocol):
    """Who sent a request of a known game."""

    @property
    def game(self) -> Game:
        """The game."""
        ...

    @property
    def api_key_name(self) -> str | None:
        """The name of the API key that the request came with."""
        ...

    @property
    def player_id(self) -> str | None:
        """The player whose token the request came with."""
        ...


class RejectedRequests:
    """Journals rejected requests of known games: the first bytes, at most 30 a minute for each game and collector.

    As many again without their bytes, where the sender may be a stranger.
    """

    def __init__(self, journal: JournalWriter, now_s: Callable[[], float]) -> None:
        self._journal = journal
        self._allowance = RateLimiter(_BURST, _PER_MINUTE, now_s)
        self._strangers_allowance = RateLimiter(_BURST, _PER_MINUTE, now_s)

    def keep(
        self, rejection: RequestRejected, source: Source, sender: KnownSender, received_at: int, body: bytes
    ) -> None:
        """Keep it if the game's allowance lasts; the answer does not wait. `body` is inflated where it could be."""
        game_id = sender.game.game_id
        is_proven = rejection.reason not in _UNPROVEN
        allowance = self._allowance if is_proven else self._strangers_allowance
        if rejection.reason in _OUR_FAULT or not allowance.take(game_id):
            return
        envelope = Envelope(
            kind=Kind.REJECTED_REQUEST,
            game_id=game_id,
            received_at=received_at,
            api_key_name=sender.api_key_name,
            player_id=sender.player_id,
            reason=rejection.reason,
            detail=rejection.detail,
            source=source,
        )
        kept = body[:_KEPT_BYTES] if is_proven else b""
        try:
            self._journal.append(encode_record(envelope, kept)).add_done_callback(_forget)
        except JournalUnavailable:
            return


def _forget(written: asyncio.Future[Position]) -> None:
    """Nobody waits for it; without this an exception would be reported as never retrieved."""
    if not written.cancelled():
        written.exception()
