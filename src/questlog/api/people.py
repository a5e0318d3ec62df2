"""`/api/v1/users`, `/api/v1/invitations` and `/api/v1/tokens`: who may do what, for which games."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, not_found
from questlog.api.games import Services
from questlog.console.access import Right, Scope, needs
from questlog.console.people import People
from questlog.control.grants import NamedGrant, Role
from questlog.control.invitations import INVITATION_S, MOST_S, ListedInvitation, NewLink
from questlog.control.names import MAX_NAME
from questlog.control.tokens import ListedToken, NewToken
from questlog.control.users import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD, ListedUser

_MOST_NUMBER = 2**31 - 1
_MOST_GAMES = 1_000
_MOST_LIFETIME_S = 10 * 366 * 86_400

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL)]
Password = Annotated[str, msgspec.Meta(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
TokenName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Games = Annotated[
    list[str], msgspec.Meta(max_length=_MOST_GAMES, description="Numbers, game keys or names. Empty: all games.")
]
LinkLifetime = Annotated[int, msgspec.Meta(ge=1, le=MOST_S, description="Seconds.")]
TokenLifetime = Annotated[int, msgspec.Meta(ge=1, le=_MOST_LIFETIME_S, description="Seconds. Left out: no end.")]


class UserView(msgspec.Struct, frozen=True):
    """A user. `role` is the one for all games, `games` has the role for each game. Times are UTC microseconds."""

    email: str
    role: Role | None
    games: Mapping[str, Role]
    created_at: int
    last_login_at: int | None


class InvitationView(msgspec.Struct, frozen=True):
    """An invitation that nobody has used. `is_for_password`: a user sets another password. Times as of users."""

    invitation_id: int
    email: str | None
    role: Role | None
    games: Mapping[str, Role]
    is_for_password: bool
    created_by: str
    created_at: int
    expires_at: int


class TokenView(msgspec.Struct, frozen=True):
    """A token without the token. Times are UTC microseconds; `last_used_at` is right to about a minute."""

    name: str
    role: Role | None
    games: Mapping[str, Role]
    created_at: int
    expires_at: int | None
    last_used_at: int | None


class LinkView(msgspec.Struct, frozen=True):
    """A link, shown once: the console's address and `path`. It can be used once, before `expires_at`."""

    path: str
    expires_at: int


class NewInvitationView(msgspec.Struct, frozen=True):
    """An invitation with its link, shown once: the console's address and `path`."""

    invitation_id: int
    path: str
    expires_at: int


class CreateUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new user with a password. An invitation lets a person choose the password."""

    email: Email
    password: Password
    role: Role
    games: Games = []


class SetRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The role for these games, or the one for all games; null takes it away."""

    role: Role | None
    games: Games = []


class CreateInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link for one person to become a user."""

    email: Email
    role: Role
    games: Games = []
    lifetime_s: LinkLifetime = INVITATION_S


class CreateToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new token for a program."""

    name: TokenName
    role: Role
    games: Games = []
    lifetime_s: TokenLifetime | None = None


@get("/users", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def list_users(services: Services, request: AnyRequest) -> Sequence[UserView]:
    """The users, the oldest first. Limited to those with a role for a game that the caller owns, or for all games."""
    return [_user(user) for user in _people(services, request).users()]


@post("/users", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def create_user(services: Services, request: AnyRequest, data: JSONBody[CreateUser]) -> UserView:
    """Add a user with a password."""
    return _user(_people(services, request).create_user(data.email, data.password, data.role, data.games))


@put("/users/{email:str}/role", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def set_role(services: Services, request: AnyRequest, email: FromPath[str], data: JSONBody[SetRole]) -> UserView:
    """Set the role of a user for these games, or the one for all games. Ends the log-ins of the user.

    A role for a game counts in addition to the one for all games.
    """
    return _user(_people(services, request).set_role(email, data.role, data.games))


@delete("/users/{email:str}", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ALL_GAMES))
def remove_user(services: Services, request: AnyRequest, email: FromPath[str]) -> None:
    """Remove a user and end the log-ins. The only owner of all games cannot be removed."""
    _people(services, request).remove_user(email)


@post("/users/{email:str}/password-link", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ALL_GAMES))
def create_password_link(services: Services, request: AnyRequest, email: FromPath[str]) -> LinkView:
    """Make a link with which the user sets another password, within a day. An earlier link is valid no more."""
    link = _people(services, request).make_password_link(email)
    return LinkView(link.path, link.expires_at)


@get("/invitations", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def list_invitations(services: Services, request: AnyRequest) -> Sequence[InvitationView]:
    """The invitations that nobody has used, the oldest first; those that are too old for 30 days more."""
    return [_invitation(each) for each in _people(services, request).invitations()]


@post("/invitations", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def create_invitation(services: Services, request: AnyRequest, data: JSONBody[CreateInvitation]) -> NewInvitationView:
    """Make a link for one person to become a user. An earlier link for the address is valid no more."""
    link = _people(services, request).invite(data.email, data.role, data.games, data.lifetime_s)
    return _new_invitation(link)


@delete("/invitations/{invitation_id:int}", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def withdraw_invitation(services: Services, request: AnyRequest, invitation_id: FromPath[int]) -> None:
    """Withdraw an invitation: its link is valid no more."""
    if invitation_id > _MOST_NUMBER:
        raise not_found(f"there is no invitation {invitation_id}")
    _people(services, request).withdraw_invitation(invitation_id)


@get("/tokens", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def list_tokens(services: Services, request: AnyRequest) -> Sequence[TokenView]:
    """The tokens that are not revoked, the oldest first. Limited to tokens for the games that the caller owns."""
    return [_token(token) for token in _people(services, request).tokens()]


@post("/tokens", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def create_token(services: Services, request: AnyRequest, data: JSONBody[CreateToken]) -> NewToken:
    """Make a token, which only this answer shows."""
    now_us = services.clock.now_us()
    expires_at = None if data.lifetime_s is None else now_us + data.lifetime_s * 1_000_000
    return _people(services, request).create_token(data.name, data.role, data.games, expires_at)


@delete(
    "/tokens/{name:str}",
    sync_to_thread=True,
    status_code=HTTPStatus.NO_CONTENT,
    opt=needs(Right.PEOPLE, Scope.ANY_GAME),
)
def revoke_token(services: Services, request: AnyRequest, name: FromPath[str]) -> None:
    """Revoke a token. It stops working within a second, log-ins with it end, and its name is free again."""
    _people(services, request).revoke_token(name)


def _people(services: Services, request: AnyRequest) -> People:
    return People(services.control, caller_of(request))


def _roles(grants: Sequence[NamedGrant]) -> tuple[Role | None, Mapping[str, Role]]:
    everywhere = next((grant.role for grant in grants if grant.game is None), None)
    return everywhere, {grant.game: grant.role for grant in grants if grant.game is not None}


def _user(user: ListedUser) -> UserView:
    return UserView(user.email, *_roles(user.grants), user.created_at, user.last_login_at)


def _invitation(each: ListedInvitation) -> InvitationView:
    role, games = _roles(each.grants)
    return InvitationView(
        each.invitation_id,
        each.email,
        role,
        games,
        each.is_for_password,
        each.created_by,
        each.created_at,
        each.expires_at,
    )


def _new_invitation(link: NewLink) -> NewInvitationView:
    return NewInvitationView(link.invitation_id, link.path, link.expires_at)


def _token(token: ListedToken) -> TokenView:
    role, games = _roles(token.grants)
    return TokenView(token.name, role, games, token.created_at, token.expires_at, token.last_used_at)


PEOPLE_HANDLERS = [
    list_users,
    create_user,
    set_role,
    remove_user,
    create_password_link,
    list_invitations,
    create_invitation,
    withdraw_invitation,
    list_tokens,
    create_token,
    revoke_token,
]
