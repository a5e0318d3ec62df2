"""What games keep, as the control database and the settings say."""

from collections.abc import Mapping, Sequence

from questlog.control.database import ControlDatabase
from questlog.control.deleted_games import DeletedGame
from questlog.model.expiry import FOR_EVER, days_kept


class Policies:
    """The loader's `GamePolicies`. Methods raise `ControlUnavailable`."""

    def __init__(self, control: ControlDatabase, keep_days: int) -> None:
        """`keep_days` is what games without days of their own have (`event.keep_days`)."""
        self._control = control
        self._keep_days = keep_days

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
