"""Logging in and out."""

import asyncio
import urllib.parse
from http import HTTPStatus

from litestar import Response, get, post
from litestar.response import Redirect

from questlog.console.accounts import NotAuthenticated, TooManyAttempts
from questlog.web.log_in import SEE_OTHER, AnyRequest, Attempt, attempt_of
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark


@get("/login")
async def login_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """The form to log in with."""
    return await _form(site, request)


@post("/login")
async def log_in(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Log in with a token, or with e-mail address and password."""
    attempt, form_token = await attempt_of(request)
    if not await asyncio.to_thread(site.logins.is_own_form, request, form_token):
        message = mark("This form was too old. Please try again.")
        return await _form(site, request, message, HTTPStatus.FORBIDDEN, attempt.email)
    translate = site.translate(request)
    try:
        cookie = await _log_in(site, request, attempt)
    except TooManyAttempts as error:
        message = translate("Too many failed attempts. Please wait {seconds} s.").format(seconds=error.wait_s)
        return await _form(site, request, message, HTTPStatus.TOO_MANY_REQUESTS, attempt.email)
    except NotAuthenticated:
        wrong = mark("This token is not valid.") if attempt.token else mark("E-mail address or password is wrong.")
        return await _form(site, request, wrong, HTTPStatus.UNAUTHORIZED, attempt.email)
    answer = Redirect(next_page(request.query_params.get("next", "")), status_code=SEE_OTHER)
    answer.set_cookie(site.logins.login_cookie(request, cookie))
    return answer


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


def next_page(text: str) -> str:
    """Where a log-in leads to: a page of ours, whatever the address says."""
    parts = urllib.parse.urlsplit(text)
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_ours and "\\" not in text and text.isprintable() else "/"


async def _form(
    site: Site, request: AnyRequest, message: str = "", status: HTTPStatus = HTTPStatus.OK, email: str = ""
) -> Response[str]:
    """The log-in form, tied to this browser by a cookie of its own."""
    cookie = site.logins.form_cookie(request)
    token = await asyncio.to_thread(site.services.accounts.form_token, cookie.value or "")
    back = next_page(request.query_params.get("next", ""))
    action = f"/login?{urllib.parse.urlencode({'next': back})}" if back != "/" else "/login"
    is_first_run = not await asyncio.to_thread(site.services.control.list_users)
    page = site.html(
        request,
        "login.html",
        status,
        message=message,
        form_token=token,
        email=email,
        action=action,
        is_first_run=is_first_run,
    )
    page.set_cookie(cookie)
    return page


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
