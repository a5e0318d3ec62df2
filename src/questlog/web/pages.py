"""The pages for people: log in, see what is arriving."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import msgspec
from jinja2 import Environment
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation
from litestar.response import Redirect

from questlog.console.accounts import NotAuthenticated, TooManyAttempts
from questlog.console.services import ConsoleServices
from questlog.web.log_in import SEE_OTHER, AnyRequest, Attempt, LogIns, attempt_of
from questlog.web.rendering import html_environment
from questlog.web.status import StatusReader, limited_to

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Site(msgspec.Struct, frozen=True):
    """What all pages share."""

    services: ConsoleServices
    environment: Environment
    logins: LogIns
    status: StatusReader
    files: Mapping[str, bytes]

    def page(self, template: str, status: HTTPStatus = HTTPStatus.OK, /, **values: object) -> Response[str]:
        """A page made of a template."""
        html = self.environment.get_template(template).render(values)
        return Response(html, status_code=status, media_type=MediaType.HTML)


ThisSite = NamedDependency[SkipValidation[Site]]


def status_pages(services: ConsoleServices) -> list[Router]:
    """The routers of all pages, for `questlog.api.app.create_app`."""
    environment = html_environment()
    site = Site(
        services=services,
        environment=environment,
        logins=LogIns(services.accounts, environment),
        status=StatusReader(services),
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
    login = await asyncio.to_thread(site.logins.find, request)
    if login is None:
        return Redirect("/login", status_code=SEE_OTHER)
    status = limited_to(await site.status.latest(), login.caller)
    collector_url = f"http://{request.url.hostname or 'localhost'}:{site.services.collector_port}"
    return site.page(
        "status.html",
        status=status,
        login=login.caller,
        form_token=await asyncio.to_thread(site.logins.form_token, request),
        collector_url=collector_url,
    )


@get("/login", sync_to_thread=True)
def login_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """The form to log in with."""
    return site.logins.form(request)


@post("/login")
async def log_in(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Log in with a token, or with e-mail address and password."""
    attempt, form_token = await attempt_of(request)

    def refuse(message: str, status: HTTPStatus) -> Response[str]:
        return site.logins.form(request, message, status)

    if not await asyncio.to_thread(site.logins.is_own_form, request, form_token):
        message = "This form was too old. Please try again."
        return await asyncio.to_thread(refuse, message, HTTPStatus.FORBIDDEN)
    try:
        cookie = await _log_in(site, request, attempt)
    except TooManyAttempts as error:
        message = f"Too many failed attempts. Please wait {error.wait_s} s."
        return await asyncio.to_thread(refuse, message, HTTPStatus.TOO_MANY_REQUESTS)
    except NotAuthenticated:
        message = "This token is not valid." if attempt.token else "E-mail address or password is wrong."
        return await asyncio.to_thread(refuse, message, HTTPStatus.UNAUTHORIZED)
    answer = Redirect("/", status_code=SEE_OTHER)
    answer.set_cookie(site.logins.login_cookie(request, cookie))
    return answer


@get("/static/{name:str}")
async def static_file(site: ThisSite, name: FromPath[str]) -> Response[bytes]:
    """A style sheet, a script or a picture of ours: those read at the start, no path of the file system."""
    content = site.files.get(name)
    if content is None:
        raise NotFoundException
    media_type = _MEDIA_TYPES[Path(name).suffix]
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=300"})


async def _log_in(site: Site, request: AnyRequest, attempt: Attempt) -> str:
    """The new log-in's cookie. Raises `NotAuthenticated`, `TooManyAttempts`. A log-in that there was is ended."""
    accounts, origin = site.services.accounts, site.logins.origin(request)
    if attempt.token:
        cookie = await accounts.log_in_with_token(attempt.token, origin)
    else:
        cookie = await accounts.log_in_with_password(attempt.email, attempt.password, origin)
    if old := site.logins.cookie_of(request):
        await asyncio.to_thread(accounts.log_out, old, origin.address)
    return cookie


@post("/logout")
async def log_out(site: ThisSite, request: AnyRequest) -> Redirect:
    """End the log-in."""
    _, form_token = await attempt_of(request)
    answer = Redirect("/login", status_code=SEE_OTHER)
    if await asyncio.to_thread(site.logins.is_own_change, request, form_token):
        cookie = site.logins.cookie_of(request)
        await asyncio.to_thread(site.services.accounts.log_out, cookie, site.logins.address(request))
        answer.set_cookie(site.logins.no_cookie(request))
    return answer
