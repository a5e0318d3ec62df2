"""`questlog user`: users of the dashboard."""

import sys

import click

from questlog.cli.control import opened_control, print_json
from questlog.cli.groups import CommandGroup
from questlog.cli.settings import settings_options
from questlog.config import Settings

_ROLES = ("admin", "viewer")


@click.group("user", cls=CommandGroup)
def command() -> None:
    """Users of the dashboard."""


@command.command("create", short_help="Add a user.")
@click.argument("email")
@click.option("--password", metavar="P", help="Without it: asked for on a terminal, else the first line of stdin.")
@click.option("--role", type=click.Choice(_ROLES), default="admin", show_default=True, help="What the user may do.")
@settings_options
def create(settings: Settings, email: str, password: str | None, role: str) -> None:
    """Add a user who logs in with EMAIL."""
    from questlog.control.users import Role

    chosen = _ask_for_password() if password is None else password
    with opened_control(settings) as control:
        user = control.create_user(email, chosen, Role(role))
        print_json({"email": user.email, "role": user.role})


def _ask_for_password() -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
