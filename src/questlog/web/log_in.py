"""Logging in and out: the form, the cookies, and what every change from a browser must show."""

import secrets
import urllib.parse
from typing import Any, Final, Literal

import msgspec
from litestar import Request
from litestar.datastructures import Cookie

from questlog.console.accounts import Accounts, LoggedIn
from questlog.console.client_address import client_address
from questlog.control.login_sessions import Origin

AnyRequest = Request[Any, Any, Any]

SEE_OTHER: Final = 303
_LOGIN_COOKIE = "questlog_login"
_FORM_COOKIE = "questlog_form"
_HOST_PREFIX = "__Host-"  # a browser takes such a cookie over HTTPS only, for this host and all of its paths
_MAX_FIELD = 1_024
_OWN_SITES = frozenset({"same-origin", "none"})


class Attempt(msgspec.Struct, frozen=True):
    """What someone who wants in has typed: a token, or an e-mail address and a password."""

    token: str
    email: str
    password: str


class LogIns:
    """The log-in of a request."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def cookie_of(self, request: AnyRequest) -> str:
        """The text of the log-in cookie; empty without one."""
        return request.cookies.get(_name(request, _LOGIN_COOKIE), "")

    def find(self, request: AnyRequest) -> LoggedIn | None:
        """Who is logged in. Blocks. Raises `ControlError`."""
        return self._accounts.find(self.cookie_of(request), self.address(request))

    def form_token(self, request: AnyRequest) -> str:
        """What forms of a page for this log-in carry. Blocks."""
        return self._accounts.form_token(self.cookie_of(request))

    def origin(self, request: AnyRequest) -> Origin:
        """Where the request comes from."""
        return Origin(self.address(request), request.headers.get("user-agent", ""))

    def address(self, request: AnyRequest) -> str:
        """The client's address."""
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getall("x-forwarded-for", [])
        return client_address(peer, forwarded, self._accounts.settings.trusted_proxies)

    def is_own_change(self, request: AnyRequest, form_token: str) -> bool:
        """Whether a change was asked for by a page of ours, for the log-in that the request has. Blocks."""
        return is_from_here(request) and self._accounts.is_own_form(self.cookie_of(request), form_token)

    def is_own_form(self, request: AnyRequest, form_token: str) -> bool:
        """Whether the log-in form that is sent is one of ours, made for this browser. Blocks."""
        cookie = request.cookies.get(_name(request, _FORM_COOKIE), "")
        return is_from_here(request) and self._accounts.is_own_form(cookie, form_token)

    def form_cookie(self, request: AnyRequest) -> Cookie:
        """What ties the log-in form to this browser: the one that it has, or a new one."""
        name = _name(request, _FORM_COOKIE)
        return _cookie(request, name, request.cookies.get(name) or secrets.token_urlsafe(16))

    def login_cookie(self, request: AnyRequest, value: str) -> Cookie:
        """The cookie of a new log-in."""
        lifetime_s = self._accounts.settings.times.lifetime_s
        return _cookie(request, _name(request, _LOGIN_COOKIE), value, lifetime_s)

    def no_cookie(self, request: AnyRequest) -> Cookie:
        """What makes the browser forget the log-in."""
        return _cookie(request, _name(request, _LOGIN_COOKIE), "", 0)


async def attempt_of(request: AnyRequest) -> tuple[Attempt, str]:
    """What is typed in the form, and the form's own token."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    attempt = Attempt(
        token=form.get("token", "").strip()[:_MAX_FIELD],
        email=form.get("email", "").strip()[:_MAX_FIELD],
        password=form.get("password", "")[:_MAX_FIELD],
    )
    return attempt, form.get("form_token", "")


def is_from_here(request: AnyRequest) -> bool:
    """Whether a browser says that a page of this site sent the request.

    `Sec-Fetch-Site`, which no page can set, where the browser sends it (HTTPS and this machine); else `Origin`.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN_SITES
    origin = request.headers.get("origin")
    if origin is None:
        return True  # no browser, or an old one: the form's token is what counts
    try:
        place = urllib.parse.urlsplit(origin).netloc
    except ValueError:
        return False  # no address: nothing that a browser sends
    return place.lower() == request.headers.get("host", "").lower()


def _name(request: AnyRequest, name: str) -> str:
    return f"{_HOST_PREFIX}{name}" if _is_https(request) else name


def _is_https(request: AnyRequest) -> bool:
    """Whether the browser talks HTTPS, also to a proxy. Who lies about it spoils but the own cookies."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").lower())


def _cookie(request: AnyRequest, name: str, value: str, max_age: int | None = None) -> Cookie:
    """A cookie that scripts cannot read; over HTTPS only where HTTPS is in use.

    That of the form is for this site only. A link on another site opens a page with that of the log-in (`Lax`); changes
    from another site do not get it.
    """
    samesite: Literal["strict", "lax"] = "strict" if name.endswith(_FORM_COOKIE) else "lax"
    return Cookie(
        name, value=value, path="/", secure=_is_https(request), httponly=True, samesite=samesite, max_age=max_age
    )
