"""`questlog game`: games and their keys."""

import click

from questlog.cli.control import existing_control, opened_control, print_json, rfc3339
from questlog.cli.groups import CommandGroup
from questlog.cli.settings import settings_options
from questlog.config import Settings
from questlog.model.game import Game


@click.group("game", cls=CommandGroup)
def command() -> None:
    """Games and their keys. GAME is a name, a game key or a number."""


@command.command("create", short_help="Add a game.")
@click.argument("name")
@click.option("--game-key", metavar="KEY", help="An existing game key: 32 letters and digits.")
@click.option("--secret-key", metavar="KEY", help="The secret key that belongs to it: 40 letters and digits.")
@click.option("--time-zone", metavar="ZONE", default="UTC", help="Its time zone, such as Europe/Berlin (default: UTC).")
@settings_options
def create(settings: Settings, name: str, game_key: str | None, secret_key: str | None, time_zone: str) -> None:
    """Add a game called NAME and print its keys."""
    if (game_key is None) != (secret_key is None):
        raise click.UsageError("--game-key and --secret-key go together")
    with opened_control(settings) as control:
        print_json(_with_keys(control.create_game(name, game_key, secret_key, time_zone)))


@command.command("list", short_help="List the games.")
@settings_options
def list_games(settings: Settings) -> None:
    """List the games, without their secret keys."""
    with existing_control(settings) as control:
        print_json(
            [
                {
                    "game_id": game.game_id,
                    "name": game.name,
                    "game_key": game.game_key,
                    "is_enabled": game.is_enabled,
                    "is_strict": game.is_strict,
                    "is_lenient": game.is_lenient,
                    "time_zone": game.time_zone,
                    "created_at": rfc3339(game.created_at),
                }
                for game in control.list_games()
            ]
        )


@command.command("show", short_help="Show a game.")
@click.argument("game")
@settings_options
def show(settings: Settings, game: str) -> None:
    """Show GAME, without its secret key."""
    with existing_control(settings) as control:
        print_json(_state(control.find_game(game)))


@command.command("enable", short_help="Take a game's events again.")
@click.argument("game")
@settings_options
def enable(settings: Settings, game: str) -> None:
    """Take the events of GAME again."""
    with existing_control(settings) as control:
        print_json(_state(control.enable_game(game)))


@command.command("disable", short_help="Take no more events of a game.")
@click.argument("game")
@settings_options
def disable(settings: Settings, game: str) -> None:
    """Take no more events of GAME and tell its clients to send none. What is stored stays."""
    with existing_control(settings) as control:
        print_json(_state(control.disable_game(game)))


@command.command("strict", short_help="Take only events whose name is declared.")
@click.argument("game")
@click.option("--on/--off", "is_strict", default=True, help="Refuse undeclared names (default), or take any again.")
@settings_options
def strict(settings: Settings, game: str, is_strict: bool) -> None:
    """Take only those Satori events of GAME whose name was declared with `questlog event declare`."""
    with existing_control(settings) as control:
        print_json(_state(control.set_strict(game, is_strict)))


@command.command("lenient", short_help="Accept events with invalid annotations.")
@click.argument("game")
@click.option("--on/--off", "is_lenient", default=True, help="Accept such events (default), or drop them.")
@settings_options
def lenient(settings: Settings, game: str, is_lenient: bool) -> None:
    """Accept events of GAME even if an optional annotation breaks its rule. Without this, such events are dropped.

    The invalid annotation goes to `attributes.invalid` of the event. Nothing else of the event changes.
    """
    with existing_control(settings) as control:
        print_json(_state(control.set_lenient(game, is_lenient)))


@command.command("time-zone", short_help="Set the zone of a game's days.")
@click.argument("game")
@click.argument("zone")
@settings_options
def time_zone(settings: Settings, game: str, zone: str) -> None:
    """Set the time zone of the days, weeks and months of GAME. ZONE is an IANA name, for example Europe/Berlin.

    The server then computes the game's rollups again. Until that is done, answers use the old zone.
    """
    with existing_control(settings) as control:
        print_json(_state(control.set_time_zone(game, zone)))


@command.command("receipts", short_help="Say what a game's receipts are checked with.")
@click.argument("game")
@click.option("--google-licence-key", metavar="KEY", help="Licence key of the Play Console (base64); '' removes it.")
@click.option("--apple-bundle-id", metavar="ID", help="Bundle id of the app in the App Store; '' removes it.")
@settings_options
def receipts(settings: Settings, game: str, google_licence_key: str | None, apple_bundle_id: str | None) -> None:
    """Show what receipts of purchases in GAME are checked with, after changing what is given.

    It counts for what is loaded from now on, within about a second.
    """
    with existing_control(settings) as control:
        if google_licence_key is None and apple_bundle_id is None:
            print_json(control.find_receipt_settings(game))
        else:
            print_json(control.change_receipt_settings(game, google_licence_key, apple_bundle_id))


@command.command("rotate-secret", short_help="Give a game a new secret key.")
@click.argument("game")
@settings_options
def rotate_secret(settings: Settings, game: str) -> None:
    """Give GAME a new secret key and print it. Clients with the old one are refused within about a second."""
    with existing_control(settings) as control:
        print_json(_with_keys(control.rotate_secret(game)))


def _with_keys(game: Game) -> dict[str, object]:
    return {"game_id": game.game_id, "name": game.name, "game_key": game.game_key, "secret_key": game.secret_key}


def _state(game: Game) -> dict[str, object]:
    return {
        "game_id": game.game_id,
        "name": game.name,
        "game_key": game.game_key,
        "is_enabled": game.is_enabled,
        "is_strict": game.is_strict,
        "is_lenient": game.is_lenient,
        "time_zone": game.time_zone,
    }
