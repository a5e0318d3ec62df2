"""`questlog event`: the event names a strict game takes."""

import click

from questlog.cli.control import existing_control, print_json
from questlog.cli.groups import CommandGroup
from questlog.cli.settings import settings_options
from questlog.config import Settings
from questlog.model.game import Game

_game_option = click.option("--game", required=True, metavar="GAME", help="Name, game key or number of the game.")


@click.group("event", cls=CommandGroup)
def command() -> None:
    """Event names that a strict game accepts (Satori). See `questlog game strict`."""


@command.command("declare", short_help="Declare event names.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_game_option
@settings_options
def declare(settings: Settings, game: str, names: tuple[str, ...]) -> None:
    """Declare event names: a strict game accepts events with these names."""
    with existing_control(settings) as control:
        print_json(_names(control.declare_event_names(game, names)))


@command.command("forget", short_help="Undo `declare`.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_game_option
@settings_options
def forget(settings: Settings, game: str, names: tuple[str, ...]) -> None:
    """Undo `declare`: a strict game no longer accepts events with these names."""
    with existing_control(settings) as control:
        print_json(_names(control.forget_event_names(game, names)))


@command.command("list", short_help="List the declared event names.")
@_game_option
@settings_options
def list_names(settings: Settings, game: str) -> None:
    """List the declared event names of a game."""
    with existing_control(settings) as control:
        print_json(_names(control.find_game(game)))


def _names(game: Game) -> list[dict[str, str]]:
    return [{"name": name} for name in sorted(game.event_names)]
