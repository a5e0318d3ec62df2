"""Who calls, and whether they may: Bearer tokens and a declared right on every route under `/api/v1`."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import Guard

from questlog.api.errors import AnyRequest, ApiError
from questlog.console.access import NEED, Caller, Need, NotPermitted, Right, visible_game
from questlog.console.accounts import Accounts, NotAuthenticated, TooManyAttempts
from questlog.console.audit import AuditTrail
from questlog.console.client_address import client_address
from questlog.control.actor import Actor, act_as
from questlog.control.audit_log import Action
from questlog.control.database import ControlDatabase

AnyConnection = ASGIConnection[Any, Any, Any, Any]

_MAX_BODY = 2_000


def need_of(handler: BaseRouteHandler) -> Need | None:
    """What a route has declared."""
    need = handler.opt.get(NEED)
    return need if isinstance(need, Need) else None


class TokenCheck:
    """Knows the caller of a request by its Bearer token."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def caller_of(self, connection: AnyConnection) -> Caller:
        """The caller with a valid token. Raises `ApiError` 401, or 429 after too many wrong tokens of one address."""
        token, address = bearer_token(connection), self.client_address(connection)
        known = self._accounts.known_caller(token, address)
        if known is not None:
            return known
        try:
            return await asyncio.to_thread(self._accounts.caller_with_token, token, address)
        except NotAuthenticated:
            raise _unauthenticated(
                "this token is not valid (any more)", 'Bearer realm="questlog", error="invalid_token"'
            ) from None
        except TooManyAttempts as error:
            raise too_many_attempts(error) from None

    def client_address(self, connection: AnyConnection) -> str:
        """Where the request comes from."""
        peer = connection.client.host if connection.client else ""
        forwarded = connection.headers.getall("x-forwarded-for", [])
        return client_address(peer, forwarded, self._accounts.settings.trusted_proxies)


class Access:
    """What the caller of one request may do, and what of it is recorded."""

    def __init__(self, caller: Caller, game: tuple[int, str] | None, audit: AuditTrail) -> None:
        self.caller = caller
        self._game = game
        self._audit = audit

    def require(self, right: Right) -> None:
        """Raises `NotPermitted` unless the caller has the right for the game of the address."""
        if self._game is None or not self.caller.may(right, self._game[0]):
            raise NotPermitted(right, _where(self._game))

    async def read_personal_data(self, subject: str) -> None:
        """Check the right for it and record what is read. Raises `NotPermitted`."""
        self.require(Right.PERSONAL_DATA)
        await self.record(Action.READ, subject)

    async def record(self, action: Action, subject: str) -> None:
        """Record a read or an export, once a minute."""
        await asyncio.to_thread(lambda: self._audit.record(action, game=self._game, subject=subject, is_repeated=True))


Audit = NamedDependency[SkipValidation[AuditTrail]]
ThisAccess = NamedDependency[SkipValidation[Access]]


def provide_access(request: AnyRequest, audit: Audit) -> Access:
    """Litestar's way to give a handler what it needs."""
    return Access(caller_of(request), request.scope.get("questlog_game"), audit)  # type: ignore[arg-type]


def access_guard(check: TokenCheck, control: ControlDatabase, audit: AuditTrail) -> Guard:
    """A Litestar guard: lets a request pass whose caller has the right that the route declares.

    401 without a valid `Authorization: Bearer` header (RFC 6750), 403 without the right, 404 for a game that is not
    there or of which the caller may see nothing. A game in the address is its number from here on. Reads of personal
    data are recorded.
    """

    async def refuse_without_right(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        caller = await check.caller_of(connection)
        act_as(Actor(caller.who, caller.address))
        # Litestar's place for what it calls authentication: `caller_of` reads it.
        connection.scope["auth"] = caller
        need = need_of(handler)
        if need is None:
            raise ApiError(HTTPStatus.FORBIDDEN, "forbidden", "this route declares no right")
        reference = connection.path_params.get("game")
        if reference is None:
            caller.check_without_game(need)
            return
        found = await asyncio.to_thread(visible_game, control, caller, str(reference))
        game = (found.game_id, found.name)
        if not caller.may(need.right, game[0]):
            raise NotPermitted(need.right, _where(game))
        # The same game for the handler, whatever is renamed meanwhile. Litestar keeps its own dictionary for later.
        connection.scope["path_params"] = {**connection.path_params, "game": str(game[0])}
        connection.scope["questlog_game"] = game  # type: ignore[typeddict-unknown-key]
        if need.right is Right.PERSONAL_DATA:
            access = Access(caller, game, audit)
            await access.record(Action.READ, await _subject(connection))

    return refuse_without_right


def caller_of(connection: AnyConnection) -> Caller:
    """The caller of a guarded route."""
    caller = connection.auth
    if not isinstance(caller, Caller):
        raise TypeError("the route is not guarded")
    return caller


async def _subject(connection: AnyConnection) -> str:
    """What a request reads: the address below the game, and the body where it is the question."""
    path = connection.url.path.split("/games/", 1)[-1].partition("/")[2]
    query = f"?{connection.url.query}" if connection.url.query else ""
    body = b""
    if isinstance(connection, Request) and connection.method == "POST":
        body = b" " + (await connection.body())[:_MAX_BODY]
    return f"{path}{query}{body.decode(errors='replace')}"


def _where(game: tuple[int, str] | None) -> str:
    return f" for the game {game[1]!r}" if game else ""


def bearer_token(connection: AnyConnection) -> str:
    """The token of the `Authorization` header. Raises `ApiError` 401 when there is none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        message = "send a token as `Authorization: Bearer TOKEN`; `questlog token create NAME` makes one"
        raise _unauthenticated(message, 'Bearer realm="questlog"')
    return token


def too_many_attempts(error: TooManyAttempts) -> ApiError:
    """The answer to whoever has failed too often."""
    headers = {"Retry-After": str(error.wait_s)}
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", str(error), headers=headers)


def _unauthenticated(message: str, challenge: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, "unauthenticated", message, headers={"WWW-Authenticate": challenge})


def encoded(question: msgspec.Struct) -> str:
    """A question as the audit log shows it."""
    return msgspec.json.encode(question)[:_MAX_BODY].decode(errors="replace")
