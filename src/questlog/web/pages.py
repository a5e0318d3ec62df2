"""The pages for people: log in, see what is arriving."""

import asyncio
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment
from litestar import MediaType, Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation
from litestar.response import Redirect

from questlog.console.services import ConsoleServices
from questlog.control.attempts import FailedAttempts
from questlog.web.login_sessions import LoginSessions
from questlog.web.rendering import html_environment
from questlog.web.status import StatusReader

_SESSION_COOKIE = "questlog_login"
_FORM_COOKIE = "questlog_form"
_PASSWORD_CHECKS_AT_ONCE = 2  # each takes 16 MB and a core for a while
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MAX_FIELD = 1_024
_SEE_OTHER: Final = 303

AnyRequest = Request[Any, Any, Any]


class Site(msgspec.Struct, frozen=True):
    """What all pages share."""

    services: ConsoleServices
    environment: Environment
    logins: LoginSessions
    failures: FailedAttempts
    status: StatusReader
    password_checks: asyncio.Semaphore
    files: Mapping[str, bytes]

    def page(self, template: str, status: HTTPStatus = HTTPStatus.OK, /, **values: object) -> Response[str]:
        """A page made of a template."""
        html = self.environment.get_template(template).render(values)
        return Response(html, status_code=status, media_type=MediaType.HTML)


class Attempt(msgspec.Struct, frozen=True):
    """What someone who wants in has typed: a token, or an e-mail address and a password."""

    address: str
    token: str
    email: str
    password: str

    @property
    def sources(self) -> list[str]:
        """Whose failures count: those of this address, and those for this user from anywhere."""
        return [self.address, f"user {self.email.lower()}"] if self.email else [self.address]


ThisSite = NamedDependency[SkipValidation[Site]]


def status_pages(services: ConsoleServices) -> list[Router]:
    """The routers of all pages, for `questlog.api.app.create_app`."""
    site = Site(
        services=services,
        environment=html_environment(),
        logins=LoginSessions(services.control, services.clock),
        failures=FailedAttempts(services.monotonic_s, allowed=10),
        status=StatusReader(services),
        password_checks=asyncio.Semaphore(_PASSWORD_CHECKS_AT_ONCE),
        files={path.name: path.read_bytes() for path in (Path(__file__).parent / "static").iterdir()},
    )
    pages = Router(
        "/",
        route_handlers=[status_page, login_page, log_in, log_out, static_file],
        dependencies={"site": Provide(lambda: site, sync_to_thread=False)},
        include_in_schema=False,
    )
    return [pages]


@get("/")
async def status_page(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """What is arriving now."""
    cookie = request.cookies.get(_SESSION_COOKIE, "")
    login = await asyncio.to_thread(site.logins.find, cookie)
    if login is None:
        return Redirect("/login", status_code=_SEE_OTHER)
    status = await asyncio.to_thread(site.status.read)
    collector_url = f"http://{request.url.hostname or 'localhost'}:{site.services.collector_port}"
    return site.page(
        "status.html",
        status=status,
        login=login,
        form_token=site.logins.form_token(cookie),
        collector_url=collector_url,
    )


@get("/login")
async def login_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """The form to log in with."""
    return _login_form(site, request)


@post("/login")
async def log_in(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Log in with a token, or with e-mail address and password."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if not site.logins.is_own_form(request.cookies.get(_FORM_COOKIE, ""), form.get("form_token", "")):
        return _login_form(site, request, "This form was too old. Please try again.", HTTPStatus.FORBIDDEN)
    attempt = Attempt(
        address=request.client.host if request.client else "",
        token=form.get("token", "").strip()[:_MAX_FIELD],
        email=form.get("email", "").strip()[:_MAX_FIELD],
        password=form.get("password", "")[:_MAX_FIELD],
    )
    wait_s = max(site.failures.wait_s(source) for source in attempt.sources)
    if wait_s:
        message = f"Too many failed attempts. Please wait {wait_s} s."
        return _login_form(site, request, message, HTTPStatus.TOO_MANY_REQUESTS)
    cookie = await _log_in(site, attempt)
    if cookie is None:
        message = "This token is not valid." if attempt.token else "E-mail address or password is wrong."
        return _login_form(site, request, message, HTTPStatus.UNAUTHORIZED)
    answer = Redirect("/", status_code=_SEE_OTHER)
    answer.set_cookie(_cookie(request, _SESSION_COOKIE, cookie))
    return answer


@get("/static/{name:str}")
async def static_file(site: ThisSite, name: FromPath[str]) -> Response[bytes]:
    """A style sheet, a script or a picture of ours: those read at the start, no path of the file system."""
    content = site.files.get(name)
    if content is None:
        raise NotFoundException
    media_type = _MEDIA_TYPES[Path(name).suffix]
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=300"})


async def _log_in(site: Site, attempt: Attempt) -> str | None:
    """The cookie of a log-in that succeeds; a failure is counted."""
    if attempt.token:
        cookie = await asyncio.to_thread(site.logins.log_in_with_token, attempt.token)
    else:
        async with site.password_checks:
            cookie = await asyncio.to_thread(site.logins.log_in_with_password, attempt.email, attempt.password)
    if cookie is None:
        for source in attempt.sources:
            site.failures.add(source)
    return cookie


@post("/logout")
async def log_out(site: ThisSite, request: AnyRequest) -> Redirect:
    """End the log-in."""
    cookie = request.cookies.get(_SESSION_COOKIE, "")
    form = await request.form()
    if site.logins.is_own_form(cookie, str(form.get("form_token", ""))):
        site.logins.log_out(cookie)
    return Redirect("/login", status_code=_SEE_OTHER)


def _login_form(
    site: Site, request: AnyRequest, message: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response[str]:
    """The form, tied to this browser by a cookie of its own."""
    cookie = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(16)
    page = site.page("login.html", status, message=message, form_token=site.logins.form_token(cookie))
    page.set_cookie(_cookie(request, _FORM_COOKIE, cookie))
    return page


def _cookie(request: AnyRequest, name: str, value: str) -> Cookie:
    """A cookie that scripts cannot read and other sites cannot use; over HTTPS only where HTTPS is in use."""
    is_https = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").lower())
    return Cookie(name, value=value, path="/", secure=is_https, httponly=True, samesite="strict")
