"""The secret keys of a game, shown to people who may see them. Each look is an entry of the audit log."""

from questlog.console.audit import AuditTrail
from questlog.control.audit_log import Action
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotFound
from questlog.model.game import ApiKey, Game


def shown_secret(control: ControlDatabase, audit: AuditTrail, game: str) -> Game:
    """The game with its secret key. Raises `NotFound`."""
    found = control.find_game(game)
    audit.record(Action.SECRET_SHOW, game=(found.game_id, found.name))
    return found


def shown_api_key(control: ControlDatabase, audit: AuditTrail, game: str, name: str) -> ApiKey:
    """The live API key of this name. Raises `NotFound`."""
    found = control.find_game(game)
    key = control.live_api_key(game, name)
    if key is None:
        raise NotFound(f"the game {found.name!r} has no API key {name!r}")
    audit.record(Action.API_KEY_SHOW, game=(found.game_id, found.name), subject=name)
    return key
