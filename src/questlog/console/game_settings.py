"""Changes of a game's settings, with the rules that API and pages share."""

from collections.abc import Collection

from questlog.console.expiry import expiring
from questlog.console.services import ConsoleServices
from questlog.control.database import ControlDatabase
from questlog.control.games import GameChanges
from questlog.model.expiry import days_kept, is_shorter
from questlog.model.game import Game


class NotConfirmed(Exception):
    """The change deletes events, and the name of the game was not given. `summary` says which."""

    def __init__(self, summary: str, name: str) -> None:
        super().__init__(f"{summary}; send confirm with the name of the game, {name!r}")
        self.summary = summary


def change_game(
    services: ConsoleServices,
    game: str,
    changes: GameChanges,
    event_names: Collection[str] | None = None,
    confirm: str | None = None,
) -> Game:
    """Make the changes; with `event_names`, these are what a strict game accepts.

    Raises `NotConfirmed` where events would be deleted earlier than before and `confirm` is not the game's name, and
    `NotFound`, `NotAllowed`, `AlreadyExists`.
    """
    control = services.control
    found = control.find_game(game)
    if isinstance(changes.keep_days, int | None):
        new, old = (days_kept(days, services.keep_days) for days in (changes.keep_days, found.keep_days))
        if is_shorter(new, old) and confirm != found.name:
            raise NotConfirmed(expiring(services, found, new).summary, found.name)
    changed = control.change_game(found.game_key, changes)
    return changed if event_names is None else _set_event_names(control, changed, frozenset(event_names))


def _set_event_names(control: ControlDatabase, game: Game, names: frozenset[str]) -> Game:
    """New names come before old ones go: a strict game never drops an event that both lists allow."""
    if names - game.event_names:
        game = control.declare_event_names(game.game_key, names - game.event_names)
    if game.event_names - names:
        game = control.forget_event_names(game.game_key, game.event_names - names)
    return game
