"""`questlog api-key`: Satori API keys."""

import click
import msgspec

from questlog.cli.control import existing_control, print_json, rfc3339
from questlog.cli.groups import CommandGroup
from questlog.cli.lifetimes import seconds_of
from questlog.cli.settings import settings_options
from questlog.config import Settings


@click.group("api-key", cls=CommandGroup)
def command() -> None:
    """API keys for Satori. The name of the key is stored with the events, so use one key per source."""


@command.command("create", short_help="Add an API key.")
@click.argument("name")
@click.option("--game", required=True, metavar="GAME", help="Name, game key or number of the game.")
@click.option("--key", metavar="UUID", help="Use an existing key.")
@settings_options
def create(settings: Settings, name: str, game: str, key: str | None) -> None:
    """Add an API key called NAME and print it."""
    with existing_control(settings) as control:
        api_key = control.create_api_key(game, name, key)
        same_name = control.games_with_api_key(name)
    if len(same_name) > 1:
        click.echo(
            f"Note: {len(same_name)} games have an API key {name!r}. Tokens that Nakama signs itself say only the key's"
            " name, and are refused until it is the only one.",
            err=True,
        )
    print_json({"name": api_key.name, "key": api_key.key})


@command.command("list", short_help="List the API keys.")
@click.option("--game", metavar="GAME", help="Only keys of this game: a name, a game key or a number.")
@settings_options
def list_api_keys(settings: Settings, game: str | None) -> None:
    """List the API keys. Only the first characters of a key are shown."""
    with existing_control(settings) as control:
        print_json(
            [
                {
                    **msgspec.structs.asdict(key),
                    "created_at": rfc3339(key.created_at),
                    "revoked_at": rfc3339(key.revoked_at),
                }
                for key in control.list_api_keys(game)
            ]
        )


@command.command("rotate", short_help="Replace an API key by a new one of the same name.")
@click.argument("name")
@click.option("--game", required=True, metavar="GAME", help="Name, game key or number of the game.")
@click.option(
    "--keep-old", metavar="TIME", help="How long the old key is still accepted: 12h, 30d. [default: not at all]"
)
@settings_options
def rotate(settings: Settings, name: str, game: str, keep_old: str | None) -> None:
    """Replace the API key called NAME by a new one and print it. Session tokens made with the old key stay valid.

    With --keep-old, both keys are accepted for a while.
    """
    keep_old_s = seconds_of("--keep-old", keep_old) if keep_old else 0
    with existing_control(settings) as control:
        api_key = control.rotate_api_key(game, name, keep_old_s)
    print_json({"name": api_key.name, "key": api_key.key})


@command.command("revoke", short_help="Revoke an API key.")
@click.argument("name")
@click.option("--game", required=True, metavar="GAME", help="Name, game key or number of the game.")
@settings_options
def revoke(settings: Settings, name: str, game: str) -> None:
    """Revoke the API key called NAME, and session tokens made with it. Takes about a second.

    The name is free afterwards. To replace a key, use `questlog api-key rotate`.
    """
    with existing_control(settings) as control:
        control.revoke_api_key(game, name)
    click.echo(f"API key {name} revoked", err=True)
