"""What games keep and which players are to be erased, as the control database and the settings say."""

from collections.abc import Mapping, Sequence

from questlog.control.database import ControlDatabase
from questlog.control.deleted_games import DeletedGame
from questlog.control.player_erasures import RequestedErasure
from questlog.model.clock import Clock
from questlog.model.expiry import FOR_EVER, days_kept


class Policies:
    """The loader's `GamePolicies` and `ErasureRequests`. Methods raise `ControlUnavailable`."""

    def __init__(self, control: ControlDatabase, clock: Clock, keep_days: int, token_lifetime_s: int) -> None:
        """`keep_days` is what games without days of their own have (`event.keep_days`).

        `token_lifetime_s` is how long a player's tokens are good at most.
        """
        self._control = control
        self._clock = clock
        self._keep_days = keep_days
        self._token_lifetime_s = token_lifetime_s

    def keep_days(self) -> Mapping[int, int]:
        """How many whole days before today a game keeps; games that keep all are not there."""
        days = {game.game_id: days_kept(game.keep_days, self._keep_days) for game in self._control.list_games()}
        return {game_id: kept for game_id, kept in days.items() if kept != FOR_EVER}

    def deleted_games(self) -> Sequence[DeletedGame]:
        """All games that were ever deleted."""
        return self._control.deleted_games()

    def delete_identities_of(self, game_id: int) -> int:
        """Remove the identities of a deleted game. Returns how many there were."""
        return self._control.delete_identities_of(game_id)

    def due_erasures(self) -> Sequence[RequestedErasure]:
        """The players whose erasure was requested, and can no longer be undone."""
        return self._control.due_erasures()

    def forget_identity(self, game_id: int, player_id: str) -> None:
        """Delete the player's identity, and refuse all tokens that were made for it until now."""
        self._control.delete_identity(game_id, player_id)
        now_s = self._clock.now_us() // 1_000_000
        # A token may have been issued for the second after now: see `first_issue_s`.
        through_s = max(now_s, self._control.first_issue_s(game_id, player_id, now_s))
        self._control.revoke_all(game_id, player_id, through_s, through_s + self._token_lifetime_s)

    def end_erasure(self, game_id: int, player_id: str) -> None:
        """Forget a request that is carried out."""
        self._control.end_erasure(game_id, player_id)
