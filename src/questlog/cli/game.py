"""`questlog game`: games and their keys."""

import sys
from typing import TYPE_CHECKING, TextIO

import click

from questlog.cli.console import Console, ConsoleUnreachable, read_console_file
from questlog.cli.control import existing_control, opened_control, print_json, rfc3339
from questlog.cli.expiring import what_goes
from questlog.cli.groups import CommandGroup
from questlog.cli.lifetimes import seconds_of
from questlog.cli.secrets import warn_of_shown_secret
from questlog.cli.settings import settings_options
from questlog.config import Settings
from questlog.model.clock import SystemClock
from questlog.model.expiry import (
    FOR_EVER,
    LEAST_KEEP_DAYS,
    MOST_KEEP_DAYS,
    days_kept,
    is_shorter,
)
from questlog.model.game import Game
from questlog.model.plurals import counted

if TYPE_CHECKING:
    from questlog.control.deleted_games import GameContents

_DEFAULT, _FOR_EVER = "default", "for-ever"


@click.group("game", cls=CommandGroup)
def command() -> None:
    """Games and their keys. GAME is a name, a game key or a number."""


@command.command("create", short_help="Add a game.")
@click.argument("name")
@click.option("--game-key", metavar="KEY", help="An existing game key: 32 letters and digits.")
@click.option(
    "--secret-key",
    metavar="KEY",
    help="The secret key that belongs to it. Other users of this machine can see it: better use --secret-key-file.",
)
@click.option(
    "--secret-key-file",
    type=click.File(),
    metavar="FILE",
    help="File with the secret key that belongs to it: 40 letters and digits; `-` is standard input.",
)
@click.option("--time-zone", metavar="ZONE", default="UTC", help="Its time zone, such as Europe/Berlin (default: UTC).")
@settings_options
def create(
    settings: Settings,
    name: str,
    game_key: str | None,
    secret_key: str | None,
    secret_key_file: TextIO | None,
    time_zone: str,
) -> None:
    """Add a game called NAME and print its keys."""
    if secret_key is not None and secret_key_file is not None:
        raise click.UsageError("--secret-key and --secret-key-file exclude each other")
    secret = secret_key if secret_key_file is None else secret_key_file.readline().strip()
    if (game_key is None) != (secret is None):
        raise click.UsageError("--game-key and --secret-key go together, or --game-key and --secret-key-file")
    with opened_control(settings) as control:
        print_json(_with_keys(control.create_game(name, game_key, secret, time_zone)))
    if secret_key is not None:
        warn_of_shown_secret("--secret-key", "use --secret-key-file")


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
                    "keep_days": _shown_days(game.keep_days),
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


@command.command("enable", short_help="Accept a game's events again.")
@click.argument("game")
@settings_options
def enable(settings: Settings, game: str) -> None:
    """Accept the events of GAME again."""
    with existing_control(settings) as control:
        print_json(_state(control.enable_game(game)))


@command.command("disable", short_help="Accept no more events of a game.")
@click.argument("game")
@settings_options
def disable(settings: Settings, game: str) -> None:
    """Accept no more events of GAME, and tell its clients to stop sending. Stored events stay."""
    with existing_control(settings) as control:
        print_json(_state(control.disable_game(game)))


@command.command("strict", short_help="Accept only events with declared names.")
@click.argument("game")
@click.option(
    "--on/--off", "is_strict", default=True, help="Drop events with undeclared names (default), or accept all names."
)
@settings_options
def strict(settings: Settings, game: str, is_strict: bool) -> None:
    """Accept only Satori events of GAME with names that were declared with `questlog event declare`."""
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


@command.command("time-zone", short_help="Set the time zone of a game.")
@click.argument("game")
@click.argument("zone")
@settings_options
def time_zone(settings: Settings, game: str, zone: str) -> None:
    """Set the time zone of the days, weeks and months of GAME. ZONE is an IANA name, for example Europe/Berlin.

    The server then computes the game's rollups again. Until that is done, answers use the old zone.
    """
    with existing_control(settings) as control:
        print_json(_state(control.set_time_zone(game, zone)))


@command.command("rename", short_help="Give a game another name.")
@click.argument("game")
@click.argument("name")
@settings_options
def rename(settings: Settings, game: str, name: str) -> None:
    """Give GAME the name NAME. Its number and its keys stay, so that clients need no change."""
    with existing_control(settings) as control:
        print_json(_state(control.rename_game(game, name)))


class _Days(click.ParamType[int | str]):
    """A number of days, `for-ever` or `default`."""

    name = "days"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value in (_DEFAULT, _FOR_EVER):
            return value
        if not (value.isascii() and value.isdigit() and LEAST_KEEP_DAYS <= int(value[:9]) <= MOST_KEEP_DAYS):
            text = f"{value!r} is not {LEAST_KEEP_DAYS} to {MOST_KEEP_DAYS}, {_FOR_EVER} or {_DEFAULT}"
            self.fail(text, param, ctx)
        return int(value[:9])


@command.command("keep", short_help="Set after how many days a game's events are deleted.")
@click.argument("game")
@click.option(
    "--days",
    type=_Days(),
    required=True,
    metavar="N|for-ever|default",
    help="Whole days before today whose events are kept; `default` means `event.keep_days`.",
)
@click.option("--yes", "is_confirmed", is_flag=True, help="Do not ask before events are deleted.")
@settings_options
def keep(settings: Settings, game: str, days: int | str, is_confirmed: bool) -> None:
    """Keep the events of GAME for N days; the server deletes older events within minutes.

    With 1, events of yesterday and today are kept. Days are in the game's time zone. A change to fewer days shows what
    will be deleted, and asks first. Players are kept, with their first day and their totals.
    """
    with existing_control(settings) as control:
        found = control.find_game(game)
        wanted = _days_of(days)
        new, old = (days_kept(each, settings.event.keep_days) for each in (wanted, found.keep_days))
        if is_shorter(new, old) and not is_confirmed:
            _confirm(settings, found, new)
        print_json(_state(control.set_keep_days(found.game_key, wanted)))


def _confirm(settings: Settings, game: Game, keep_days: int) -> None:
    """Ask whether older events may go. Raises `click.ClickException` where nobody is there to answer, and if not."""
    what = what_goes(_running_console(settings), game, keep_days, SystemClock().now_us())
    if not sys.stdin.isatty():
        raise click.ClickException(f"{what}; add --yes to confirm")
    click.echo(f"{what[:1].upper()}{what[1:]}.", err=True)
    click.confirm("Delete them?", abort=True, err=True)


def _running_console(settings: Settings) -> Console | None:
    try:
        return read_console_file(settings.data_dir)
    except ConsoleUnreachable:
        return None


@command.command("delete", short_help="Delete a game and all its data.")
@click.argument("game")
@click.option(
    "--yes",
    "name_again",
    metavar="NAME",
    help="The name of the game again, to delete without a question (for scripts).",
)
@settings_options
def delete(settings: Settings, game: str, name_again: str | None) -> None:
    """Delete GAME: its events, players, sessions, identities, keys and saved definitions. This cannot be undone.

    Its keys stop working within about a second. The running server deletes the events, or the next one that is
    started; copies in the journal go when `journal.keep_s` is over. The name and the game key are free again.
    """
    with existing_control(settings) as control:
        found = control.find_game(game)
        contents = control.game_contents(found.game_key)
        if name_again is None:
            name_again = _name_again(found, contents)
        deleted = control.delete_game(found.game_key, name_again)
        print_json({"game_id": deleted.game_id, "name": found.name, "deleted_at": rfc3339(deleted.deleted_at)})
    click.echo("The server deletes its events now, or when it is started next.", err=True)


def _name_again(game: Game, contents: "GameContents") -> str:
    """The name as it is typed. Raises `click.ClickException` where nobody is there to type it."""
    if not sys.stdin.isatty():
        raise click.ClickException("deleting a game needs its name again: --yes NAME")
    counts = ", ".join(
        (
            counted(contents.api_keys, "API key"),
            counted(contents.definitions, "saved definition"),
            counted(contents.identities, "identity", "identities"),
        )
    )
    click.echo(f"This deletes the game {game.name} with all its events, {counts}. There is no way back.", err=True)
    return str(click.prompt("Type its name to delete it", err=True))


@command.command("receipts", short_help="Show or set the keys for receipt validation.")
@click.argument("game")
@click.option("--google-licence-key", metavar="KEY", help="Licence key of the Play Console (base64); '' removes it.")
@click.option("--apple-bundle-id", metavar="ID", help="Bundle id of the app in the App Store; '' removes it.")
@settings_options
def receipts(settings: Settings, game: str, google_licence_key: str | None, apple_bundle_id: str | None) -> None:
    """Show the keys for receipt validation of GAME, after setting those that are given.

    It counts for what is loaded from now on, within about a second.
    """
    with existing_control(settings) as control:
        if google_licence_key is None and apple_bundle_id is None:
            print_json(control.find_receipt_settings(game))
        else:
            print_json(control.change_receipt_settings(game, google_licence_key, apple_bundle_id))


@command.command("rotate-secret", short_help="Give a game a new secret key.")
@click.argument("game")
@click.option(
    "--keep-old", metavar="TIME", help="How long the old key is still accepted: 12h, 30d. [default: not at all]"
)
@settings_options
def rotate_secret(settings: Settings, game: str, keep_old: str | None) -> None:
    """Give GAME a new secret key and print it. The old key stops working within about a second.

    With --keep-old, both keys are accepted for a while, so that players can update.
    """
    keep_old_s = seconds_of("--keep-old", keep_old) if keep_old else 0
    with existing_control(settings) as control:
        print_json(_with_keys(control.rotate_secret(game, keep_old_s)))


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
        "keep_days": _shown_days(game.keep_days),
    }


def _days_of(days: int | str) -> int | None:
    return {_DEFAULT: None, _FOR_EVER: FOR_EVER}[days] if isinstance(days, str) else days


def _shown_days(keep_days: int | None) -> int | str:
    if keep_days is None:
        return _DEFAULT
    return _FOR_EVER if keep_days == FOR_EVER else keep_days
