"""The game that a command is about, as the running server knows it."""

import datetime as dt
import json
import urllib.parse
import zoneinfo
from typing import NamedTuple

import click

from questlog.cli.console import Console, ask
from questlog.model.clock import Clock

_US = 1_000_000


class AskedGame(NamedTuple):
    """The path of a game's routes, and the zone of its days."""

    path: str
    time_zone: str

    def today(self, clock: Clock) -> dt.date:
        """The day that it is in the game's time zone."""
        return dt.datetime.fromtimestamp(clock.now_us() / _US, zoneinfo.ZoneInfo(self.time_zone)).date()


def find_game(console: Console, name: str | None) -> AskedGame:
    """The game of that name, key or number; the only one if there is exactly one. Raises `click.ClickException`."""
    if name is not None:
        path = f"/api/v1/games/{urllib.parse.quote(name, safe='')}"
        with ask(console, "GET", path) as answer:
            return AskedGame(path, json.load(answer)["time_zone"])
    with ask(console, "GET", "/api/v1/games") as answer:
        games = json.load(answer)
    if not games:
        raise click.ClickException("there is no game yet; `questlog game create NAME` makes one")
    if len(games) > 1:
        raise click.UsageError(f"say which game with --game: {', '.join(game['name'] for game in games)}")
    return AskedGame(f"/api/v1/games/{games[0]['game_key']}", games[0]["time_zone"])
