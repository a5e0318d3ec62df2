"""Bearer tokens on every route under `/api/v1`."""

import asyncio
import hashlib
import math
from collections import OrderedDict
from http import HTTPStatus
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from questlog.api.errors import ApiError
from questlog.control.attempts import FailedAttempts
from questlog.control.database import ControlDatabase
from questlog.model.clock import Clock

AnyConnection = ASGIConnection[Any, Any, Any, Any]

_FRESH_US = 1_000_000  # a revoked token may go on working for this long
_KNOWN_US = 600_000_000
_MAX_KNOWN = 1_000


class _Known(NamedTuple):
    """A token that was valid when it was last checked (UTC microseconds)."""

    name: str
    checked_at: int


_UNKNOWN = _Known("", -_KNOWN_US)


class TokenCheck:
    """Checks tokens against the control database, at most once a second each.

    A source that has failed too often is refused before the database is asked, except for tokens that were valid within
    the last ten minutes: a stranger behind the same address does not lock out those who have one.
    """

    def __init__(self, control: ControlDatabase, clock: Clock, failures: FailedAttempts) -> None:
        self._control = control
        self._clock = clock
        self._failures = failures
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def refuse_unless_valid(self, token: str, source: str) -> str:
        """The name of a valid token. Raises `ApiError` 401, or 429 after too many failures from `source`."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest, _UNKNOWN)
        age_us = self._clock.now_us() - known.checked_at
        if 0 <= age_us < _FRESH_US:
            return known.name
        wait_s = self._failures.wait_s(source)
        if wait_s and not 0 <= age_us < _KNOWN_US:
            raise too_many_attempts(wait_s)
        name = await asyncio.to_thread(self._control.check_token, token)
        if name is None:
            self._known.pop(digest, None)
            self._failures.add(source)
            raise _unauthenticated(
                "this token is not valid (any more)", 'Bearer realm="questlog", error="invalid_token"'
            )
        self._remember(digest, name)
        return name

    def _remember(self, digest: bytes, name: str) -> None:
        self._known[digest] = _Known(name, self._clock.now_us())
        self._known.move_to_end(digest)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)


def token_guard(check: TokenCheck) -> Guard:
    """A Litestar guard: 401 for requests without a valid `Authorization: Bearer` header (RFC 6750)."""

    async def refuse_without_token(connection: AnyConnection, _: BaseRouteHandler) -> None:
        # Litestar's place for what it calls authentication: `caller_of` reads it.
        connection.scope["auth"] = await check.refuse_unless_valid(bearer_token(connection), client_address(connection))

    return refuse_without_token


def caller_of(connection: AnyConnection) -> str:
    """The name of the token that a guarded route was called with."""
    return str(connection.auth)


def bearer_token(connection: AnyConnection) -> str:
    """The token of the `Authorization` header. Raises `ApiError` 401 when there is none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        message = "send a token as `Authorization: Bearer TOKEN`; `questlog token create NAME` makes one"
        raise _unauthenticated(message, 'Bearer realm="questlog"')
    return token


def client_address(connection: AnyConnection) -> str:
    """Who is on the other end of the connection: a proxy, where there is one."""
    return connection.client.host if connection.client else ""


def too_many_attempts(wait_s: float) -> ApiError:
    """The answer to whoever has failed too often."""
    retry_after = {"Retry-After": str(math.ceil(wait_s))}
    message = f"too many failed attempts; try again in {math.ceil(wait_s)} s"
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", message, headers=retry_after)


def _unauthenticated(message: str, challenge: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, "unauthenticated", message, headers={"WWW-Authenticate": challenge})
