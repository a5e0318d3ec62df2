"""What the commands for users and tokens share: roles and games."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec

import click

if TYPE_CHECKING:
    from questlog.control.grants import NamedGrant

_Rest = ParamSpec("_Rest")
_Command = Callable[_Rest, None]
ROLES = ("owner", "admin", "analyst", "viewer")


def role_option(default: str) -> Callable[[_Command[_Rest]], _Command[_Rest]]:
    """The option `--role`, given to the command as `role`; `default` is what its help says of leaving it out."""
    return click.option("--role", type=click.Choice(ROLES), help=f"What may be done. {default}")


def games_option(function: _Command[_Rest]) -> _Command[_Rest]:
    """The option `--game`, given to the command as `games`."""
    return click.option(
        "--game",
        "games",
        multiple=True,
        metavar="GAME",
        help="Only for this game. May be repeated. [default: all games]",
    )(function)


def shown_grants(grants: "Sequence[NamedGrant]") -> dict[str, object]:
    """`role` for all games, or null; `games` with the role for each game that has one."""
    everywhere = [grant.role.value for grant in grants if grant.game is None]
    return {
        "role": everywhere[0] if everywhere else None,
        "games": {grant.game: grant.role.value for grant in grants if grant.game is not None},
    }
