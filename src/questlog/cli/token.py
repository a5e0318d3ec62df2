"""`questlog token`: tokens for the HTTP API."""

import click
import msgspec

from questlog.cli.control import existing_control, opened_control, print_json, rfc3339
from questlog.cli.groups import CommandGroup
from questlog.cli.settings import settings_options
from questlog.config import Settings


@click.group("token", cls=CommandGroup)
def command() -> None:
    """Tokens for the HTTP API of the console port. Whoever has one may do everything."""


@command.command("create", short_help="Add a token.")
@click.argument("name")
@settings_options
def create(settings: Settings, name: str) -> None:
    """Add a token called NAME and print it. It cannot be shown again."""
    with opened_control(settings) as control:
        print_json(control.create_token(name))


@command.command("list", short_help="List the tokens.")
@settings_options
def list_tokens(settings: Settings) -> None:
    """List the tokens: their names and times."""
    with existing_control(settings) as control:
        print_json(
            [
                {
                    "name": token.name,
                    **{
                        name: rfc3339(getattr(token, name))
                        for name in msgspec.structs.asdict(token)
                        if name.endswith("_at")
                    },
                }
                for token in control.list_tokens()
            ]
        )


@command.command("revoke", short_help="Refuse a token from now on.")
@click.argument("name")
@settings_options
def revoke(settings: Settings, name: str) -> None:
    """Refuse the token called NAME, within about a second. The name is free again."""
    with existing_control(settings) as control:
        control.revoke_token(name)
    click.echo(f"token {name} revoked", err=True)
