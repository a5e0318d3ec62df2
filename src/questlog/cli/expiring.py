"""Which events of a game are too old to be kept, in a sentence."""

import json

from questlog.cli.console import Console, ask
from questlog.model.calendar import zone_named
from questlog.model.expiry import first_day_kept
from questlog.model.game import Game

_ASK_TIMEOUT_S = 30.0


def what_goes(console: Console | None, game: Game, keep_days: int, now_us: int) -> str:
    """What is deleted if the game's events are kept for `keep_days` days.

    The running server knows how many events that are; without one, only the day is said. Raises
    `click.ClickException`.
    """
    if console is None:
        today = zone_named(game.time_zone).day_of(now_us)
        return f"events of {game.name} before {first_day_kept(today, keep_days)} will be deleted"
    path = f"/api/v1/games/{game.game_id}/expiry?keep_days={keep_days}"
    with ask(console, "GET", path, timeout_s=_ASK_TIMEOUT_S) as answer:
        return str(json.load(answer)["summary"])
