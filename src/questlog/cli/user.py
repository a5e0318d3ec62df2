"""`questlog user`: users, their roles and log-ins."""

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from questlog.cli.control import existing_control, opened_control, print_json, rfc3339
from questlog.cli.groups import CommandGroup
from questlog.cli.lifetimes import seconds_of
from questlog.cli.people import ROLES, games_option, role_option, shown_grants
from questlog.cli.secrets import warn_of_shown_secret
from questlog.cli.settings import settings_options
from questlog.config import Settings

if TYPE_CHECKING:
    from questlog.control.database import ControlDatabase
    from questlog.control.invitations import NewLink

_NO_ROLE = "none"


@click.group("user", cls=CommandGroup)
def command() -> None:
    """Users, their roles and log-ins."""


_password = click.option(
    "--password", metavar="P", help="The password. Other users of this machine can see it: better use --password-stdin."
)
_password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@command.command("create", short_help="Add a user.")
@click.argument("email")
@_password
@_password_stdin
@role_option("[default: owner for the first user, then viewer]")
@games_option
@settings_options
def create(
    settings: Settings,
    email: str,
    password: str | None,
    password_stdin: bool,
    role: str | None,
    games: tuple[str, ...],
) -> None:
    """Add a user who logs in with EMAIL, with a role for all games or for some.

    The password is asked for on a terminal; otherwise it is the first line of standard input.
    """
    from questlog.control.grants import Role

    chosen = _password_of(password, is_from_stdin=password_stdin)
    with opened_control(settings) as control:
        default = Role.VIEWER if control.has_users() or games else Role.OWNER
        user = control.create_user(email, chosen, Role(role) if role else default, games)
        shown = shown_grants(user.grants)
        print_json({"email": user.email, "role": shown["role"], **({"games": shown["games"]} if games else {})})
    _warn_of(password)


@command.command("invite", short_help="Make a link for somebody to become a user.")
@click.argument("email")
@role_option("[default: viewer]")
@games_option
@click.option("--expires", metavar="TIME", default="7d", show_default=True, help="How long it is valid: 12h, 7d, 4w.")
@settings_options
def invite(settings: Settings, email: str, role: str | None, games: tuple[str, ...], expires: str) -> None:
    """Make a link with which EMAIL becomes a user and chooses a password. It can be used once.

    Send the console's address with `path` after it. An earlier link for the address is valid no more.
    """
    from questlog.control.grants import Role

    lifetime_s = seconds_of("--expires", expires)
    with existing_control(settings) as control:
        _print_link(email, control.invite(email, Role(role or "viewer"), games, lifetime_s))


@command.command("password-link", short_help="Make a link for a user to set another password.")
@click.argument("email")
@click.option("--expires", metavar="TIME", default="1d", show_default=True, help="How long it is valid: 12h, 1d.")
@settings_options
def password_link(settings: Settings, email: str, expires: str) -> None:
    """Make a link with which the user EMAIL sets another password. It can be used once.

    Send the console's address with `path` after it.
    """
    lifetime_s = seconds_of("--expires", expires)
    with existing_control(settings) as control:
        _print_link(email, control.make_password_link(email, lifetime_s))


@command.command("list", short_help="List the users.")
@settings_options
def list_users(settings: Settings) -> None:
    """List the users with their roles and last log-ins."""
    with existing_control(settings) as control:
        print_json(
            [
                {
                    "email": user.email,
                    **shown_grants(user.grants),
                    "created_at": rfc3339(user.created_at),
                    "last_login_at": rfc3339(user.last_login_at),
                }
                for user in control.list_users()
            ]
        )


@command.command("remove", short_help="Remove a user.")
@click.argument("email")
@settings_options
def remove(settings: Settings, email: str) -> None:
    """Remove the user EMAIL and end the log-ins."""
    with existing_control(settings) as control:
        control.remove_user(email)
        click.echo(f"user {email} removed", err=True)
        _warn_without_owner(control)


@command.command("set-password", short_help="Give a user another password.")
@click.argument("email")
@_password
@_password_stdin
@settings_options
def set_password(settings: Settings, email: str, password: str | None, password_stdin: bool) -> None:
    """Give the user EMAIL another password and end the log-ins. The password is asked for as by `user create`."""
    chosen = _password_of(password, is_from_stdin=password_stdin)
    with existing_control(settings) as control:
        control.set_password(email, chosen)
    click.echo(f"password of {email} changed", err=True)
    _warn_of(password)


@command.command("set-role", short_help="Change what a user may do.")
@click.argument("email")
@click.argument("role", type=click.Choice((*ROLES, _NO_ROLE)))
@games_option
@settings_options
def set_role(settings: Settings, email: str, role: str, games: tuple[str, ...]) -> None:
    """Set the role of the user EMAIL for all games, or for those named with --game. Ends the log-ins.

    A role for a game counts beside the one for all games. `none` takes a role away.
    """
    from questlog.control.grants import Role

    with existing_control(settings) as control:
        user = control.set_role(email, None if role == _NO_ROLE else Role(role), games)
        print_json({"email": user.email, **shown_grants(user.grants)})
        _warn_without_owner(control)


@command.command("log-ins", short_help="List who is logged in.")
@click.argument("email", required=False)
@settings_options
def log_ins(settings: Settings, email: str | None) -> None:
    """List the log-ins, or those of the user EMAIL: since when, last seen, from where."""
    with existing_control(settings) as control:
        print_json([_shown(msgspec.structs.asdict(login)) for login in control.list_logins(email)])


@command.command("log-out", short_help="End log-ins.")
@click.argument("email", required=False)
@click.option("--log-in", "login_id", type=int, metavar="N", help="End only this log-in: a number of `user log-ins`.")
@settings_options
def log_out(settings: Settings, email: str | None, login_id: int | None) -> None:
    """End all log-ins of the user EMAIL, or the one named with --log-in."""
    if (email is None) == (login_id is None):
        raise click.UsageError("name a user, or a log-in with --log-in")
    with existing_control(settings) as control:
        if login_id is not None:
            control.end_login(login_id)
        ended = control.end_logins_of(email) if email is not None else 1
    click.echo(f"{ended} {'log-in' if ended == 1 else 'log-ins'} ended", err=True)


def _print_link(email: str, link: "NewLink") -> None:
    print_json({"email": email, "path": link.path, "expires_at": rfc3339(link.expires_at)})


def _shown(row: dict[str, object]) -> dict[str, object]:
    return {name: rfc3339(value) if name.endswith("_at") else value for name, value in row.items()}  # type: ignore[arg-type]


def _warn_without_owner(control: "ControlDatabase") -> None:
    if not any(shown_grants(user.grants)["role"] == "owner" for user in control.list_users()):
        click.echo("Warning: no user is an owner now: `questlog user set-role EMAIL owner` makes one", err=True)


def _warn_of(password: str | None) -> None:
    if password is not None:
        warn_of_shown_secret("--password", "leave it out to be asked for it, or use --password-stdin")


def _password_of(given: str | None, *, is_from_stdin: bool) -> str:
    if given is not None and is_from_stdin:
        raise click.UsageError("--password and --password-stdin exclude each other")
    if given is not None:
        return given
    if sys.stdin.isatty() and not is_from_stdin:
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
