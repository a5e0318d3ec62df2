"""Who may see a page: a log-in, and the right that the page's route declares, as routes of the API do."""

import asyncio
import urllib.parse
from collections.abc import Sequence
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from questlog.console.access import NEED, Caller, Need, NotPermitted, Right, visible_game
from questlog.console.accounts import Accounts, LoggedIn, NotAuthenticated, TooManyAttempts
from questlog.console.services import ConsoleServices
from questlog.control.actor import Actor, act_as
from questlog.control.users import MAX_PASSWORD
from questlog.model.game import Game
from questlog.web.log_in import AnyRequest, LogIns
from questlog.web.translations import mark

AnyConnection = ASGIConnection[Any, Any, Any, Any]

LOGGED_IN = "questlog_login"
GAME = "questlog_game"
PROOF_FIELD = "proof"
"""The field of a form that has the password again."""


class ProofNeeded(Exception):
    """The password, or the token, is needed again. `fields` are those of the form that was sent."""

    def __init__(self, fields: Sequence[tuple[str, str]], message: str = "") -> None:
        super().__init__(message or "the password is needed again")
        self.fields = fields
        self.message = message


class LoginNeeded(Exception):
    """Nobody is logged in: `url` is the form that comes back to what was asked for."""

    def __init__(self, url: str) -> None:
        super().__init__("log in first")
        self.url = url


def page_guard(services: ConsoleServices, logins: LogIns) -> Guard:
    """A Litestar guard for pages: raises `LoginNeeded`, `NotPermitted`, `NotFound`.

    A game of which the caller may see nothing is one that is not there.
    """

    async def refuse(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        login = await asyncio.to_thread(logins.find, connection)  # type: ignore[arg-type]  # cookies are all it reads
        if login is None:
            raise LoginNeeded(_login_url(connection))
        caller = login.caller
        connection.scope[LOGGED_IN] = login  # type: ignore[literal-required]
        connection.scope["auth"] = caller
        act_as(Actor(caller.who, caller.address))
        need = handler.opt.get(NEED)
        if not isinstance(need, Need):
            raise NotPermitted(Right.VIEW, ": this page declares no right")
        reference = connection.path_params.get("game")
        if reference is None:
            caller.check_without_game(need)
            if need.is_sensitive:
                await _take_proof(services.accounts, login, connection)
            return
        game = await asyncio.to_thread(visible_game, services.control, caller, str(reference))
        if not caller.may(need.right, game.game_id):
            raise NotPermitted(need.right, f" for the game {game.name!r}")
        connection.scope[GAME] = game  # type: ignore[literal-required]
        if need.is_sensitive:
            await _take_proof(services.accounts, login, connection)

    return refuse


async def _take_proof(accounts: Accounts, login: LoggedIn, request: AnyConnection) -> None:
    """Raises `ProofNeeded` unless the password was given within the last minutes, or is in the form."""
    if accounts.is_proven(login):
        return
    if not isinstance(request, Request):
        raise TypeError("what is sensitive is asked for by HTTP requests")
    sent = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
    fields = [(name, value) for name, value in sent if name != PROOF_FIELD]
    secret = dict(sent).get(PROOF_FIELD, "")[:MAX_PASSWORD]
    if not secret:
        raise ProofNeeded(fields)
    try:
        await accounts.prove(login, secret if login.user is not None else secret.strip())
    except NotAuthenticated:
        raise ProofNeeded(fields, mark("This is not right. Try again.")) from None
    except TooManyAttempts as error:
        raise ProofNeeded(fields, str(error)) from None


def login_of(request: AnyRequest) -> LoggedIn:
    """The log-in of a guarded page."""
    login = request.scope.get(LOGGED_IN)
    if not isinstance(login, LoggedIn):
        raise TypeError("the page is not guarded")
    return login


def caller_of(request: AnyRequest) -> Caller:
    """The caller of a guarded page."""
    caller = request.scope["auth"]
    if not isinstance(caller, Caller):
        raise TypeError("the page is not guarded")
    return caller


def game_of(request: AnyRequest) -> Game:
    """The game in the address of a guarded page."""
    game = request.scope.get(GAME)
    if not isinstance(game, Game):
        raise TypeError("the page's address has no game")
    return game


def _login_url(connection: AnyConnection) -> str:
    path = connection.url.path
    if connection.scope.get("method") != "GET" or path == "/":
        return "/login"
    query = f"?{connection.url.query}" if connection.url.query else ""
    return f"/login?{urllib.parse.urlencode({'next': path + query})}"
