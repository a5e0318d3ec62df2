"""Asking for a player to be erased: later, so that it can be undone until then."""

from questlog.console.services import ConsoleServices
from questlog.control.errors import NotFound
from questlog.control.player_erasures import RequestedErasure
from questlog.store.contract import Cancellation
from questlog.store.named_reads import knows_player

UNDO_HOURS = 24
"""How long an erasure can be undone unless it is said."""

MOST_UNDO_HOURS = 720
_HOUR_US = 3_600_000_000


def check_player(services: ConsoleServices, game: str, player_id: str, cancellation: Cancellation) -> None:
    """Raises `NotFound` for a player of whom there is nothing, and `QueryAborted`."""
    game_id = services.control.find_game(game).game_id
    if services.control.identity(game_id, player_id) is not None:
        return
    with services.tables.reading(cancellation) as reading:
        if not knows_player(reading.ask, game_id, player_id):
            raise NotFound(f"the game has no player {player_id[:100]!r}")


def request_erasure(services: ConsoleServices, game: str, player_id: str, undo_hours: int) -> RequestedErasure:
    """Have a player erased after so many hours, by who acts in this thread. Raises `NotFound`, `AlreadyExists`."""
    due_at = services.clock.now_us() + undo_hours * _HOUR_US
    return services.control.request_erasure(game, player_id, due_at)
