"""`questlog token`: tokens for the HTTP API."""

import click

from questlog.cli.control import existing_control, opened_control, print_json, rfc3339
from questlog.cli.groups import CommandGroup
from questlog.cli.lifetimes import seconds_of
from questlog.cli.people import games_option, role_option, shown_grants
from questlog.cli.settings import settings_options
from questlog.config import Settings


@click.group("token", cls=CommandGroup)
def command() -> None:
    """Tokens for the HTTP API of the console port, and what may be done with them."""


@command.command("create", short_help="Add a token.")
@click.argument("name")
@role_option("[default: admin]")
@games_option
@click.option(
    "--expires",
    metavar="TIME",
    help="How long it is valid: hours, days or weeks, such as 12h, 90d, 4w. [default: for ever]",
)
@settings_options
def create(settings: Settings, name: str, role: str | None, games: tuple[str, ...], expires: str | None) -> None:
    """Add a token called NAME and print it. It cannot be shown again.

    \b
    questlog token create ci
    questlog token create grafana --role viewer --game "Sky Raiders" --expires 90d
    """  # noqa: D301 - the \b keeps click from joining the lines
    from questlog.control.grants import Role
    from questlog.model.clock import SystemClock

    lifetime_us = None if expires is None else seconds_of("--expires", expires) * 1_000_000
    expires_at = None if lifetime_us is None else SystemClock().now_us() + lifetime_us
    with opened_control(settings) as control:
        print_json(control.create_token(name, Role(role or "admin"), games, expires_at))


@command.command("list", short_help="List the tokens.")
@settings_options
def list_tokens(settings: Settings) -> None:
    """List the tokens: their names, roles, games and times."""
    with existing_control(settings) as control:
        print_json(
            [
                {
                    "name": token.name,
                    **shown_grants(token.grants),
                    "created_at": rfc3339(token.created_at),
                    "expires_at": rfc3339(token.expires_at),
                    "last_used_at": rfc3339(token.last_used_at),
                    "revoked_at": rfc3339(token.revoked_at),
                }
                for token in control.list_tokens()
            ]
        )


@command.command("revoke", short_help="Refuse a token from now on.")
@click.argument("name")
@settings_options
def revoke(settings: Settings, name: str) -> None:
    """Refuse the token called NAME, within about a second, and end log-ins with it. The name is free again."""
    with existing_control(settings) as control:
        control.revoke_token(name)
    click.echo(f"token {name} revoked", err=True)
