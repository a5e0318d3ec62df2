"""Who may do what: a role of a user or a token, for one game or for all games."""

import enum
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, delete, select

from questlog.control.connections import insert
from questlog.control.games import game_row
from questlog.control.tables import games, grants


class Role(enum.StrEnum):
    """What a user or a token may do; each role may do what those after it may."""

    OWNER = "owner"  # everything, users and tokens too
    ADMIN = "admin"  # a game's settings and keys
    ANALYST = "analyst"  # players, events, SQL, saved definitions
    VIEWER = "viewer"  # reports


class Grant(msgspec.Struct, frozen=True):
    """A role for the game with this number; for all games, also those to come, where it is None."""

    role: Role
    game_id: int | None = None


class NamedGrant(msgspec.Struct, frozen=True):
    """A grant as it is shown: `game` is the game's name, None for all games."""

    role: Role
    game: str | None = None


ALL_GAMES_OWNER = (grants.c.game_id.is_(None), grants.c.role == str(Role.OWNER))
"""The condition for a grant that allows everything."""


def grants_of(connection: Connection, owner: Column[Any], number: int) -> tuple[Grant, ...]:
    """The grants of one user (`owner` is `grants.c.user_id`), token or invitation."""
    rows = connection.execute(select(grants).where(owner == number).order_by(grants.c.grant_id)).all()
    return tuple(Grant(Role(row.role), row.game_id) for row in rows)


def named_grants_of(connection: Connection, owner: Column[Any], number: int) -> list[NamedGrant]:
    """The same with the names of games."""
    named = select(grants.c.role, games.c.name).select_from(grants.outerjoin(games)).where(owner == number)
    return [NamedGrant(Role(row.role), row.name) for row in connection.execute(named.order_by(grants.c.grant_id)).all()]


def game_ids(connection: Connection, references: Iterable[str]) -> Sequence[int | None]:
    """The numbers of these games; the one element None, for all games, where there is no reference.

    Raises `NotFound`.
    """
    found: list[int] = [game_row(connection, reference).game_id for reference in references]
    return list(dict.fromkeys(found)) or [None]


def set_grant(connection: Connection, owner: Column[Any], number: int, role: Role | None, game_id: int | None) -> None:
    """Replace what a user or token has for this game, or for all games; with `role` None, take it away."""
    is_it = grants.c.game_id.is_(None) if game_id is None else grants.c.game_id == game_id
    connection.execute(delete(grants).where(owner == number, is_it))
    if role is not None:
        row = {owner.name: number, "role": str(role), "game_id": game_id}
        connection.execute(insert(connection, grants).values(row))
