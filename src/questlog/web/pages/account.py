"""Account: the password and the log-ins of the person who is logged in."""

import asyncio
from http import HTTPStatus

from litestar import Response, get, post
from litestar.response import Redirect

from questlog.console.access import Right, Scope, needs
from questlog.console.accounts import NotAuthenticated, TooManyAttempts
from questlog.console.own_logins import end_other_logins, end_own_login, own_logins
from questlog.control.errors import NotAllowed, Refused
from questlog.control.users import MAX_PASSWORD, MIN_PASSWORD
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import login_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

DONE = {
    "password": mark("The password is changed. All other log-ins are ended."),
    "ended": mark("The log-in is ended."),
    "others": mark("All other log-ins are ended."),
}


@get("/account", opt=needs(Right.VIEW, Scope.NONE))
async def account_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """The password and the log-ins."""
    return await _page(site, request)


@post("/account/password", opt=needs(Right.VIEW, Scope.NONE), status_code=HTTPStatus.OK)
async def change_password(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Change the password: the old one is asked for."""
    form = await sent_form(site, request)
    new = form.raw("new_password", MAX_PASSWORD + 1)
    try:
        if new != form.raw("again", MAX_PASSWORD + 1):
            raise NotAllowed(mark("The two new passwords are not the same."))
        await site.services.accounts.change_password(login_of(request), form.raw("password", MAX_PASSWORD), new)
    except NotAuthenticated:
        return await _page(site, request, HTTPStatus.UNPROCESSABLE_ENTITY, mark("The old password is wrong."))
    except TooManyAttempts as error:
        return await _page(site, request, HTTPStatus.TOO_MANY_REQUESTS, str(error))
    except Refused as error:
        return await _page(site, request, HTTPStatus.BAD_REQUEST, str(error))
    return _done("password")


@post("/account/log-ins", opt=needs(Right.VIEW, Scope.NONE))
async def end_log_ins(site: ThisSite, request: AnyRequest) -> Redirect:
    """End one of the log-ins, or all others."""
    form = await sent_form(site, request)
    return _done(await asyncio.to_thread(_end, site, request, form))


def _end(site: Site, request: AnyRequest, form: SentForm) -> str:
    control, login = site.services.control, login_of(request)
    if form.text("login_id"):
        end_own_login(control, login, form.number("login_id") or 0)
        return "ended"
    end_other_logins(control, login)
    return "others"


def _done(what: str) -> Redirect:
    return Redirect(f"/account?done={what}", status_code=SEE_OTHER)


async def _page(
    site: Site, request: AnyRequest, status: HTTPStatus = HTTPStatus.OK, problem: str = ""
) -> Response[str]:
    login = login_of(request)
    return await site.page(
        request,
        "settings/account.html",
        status,
        page="account",
        login=login,
        log_ins=await asyncio.to_thread(own_logins, site.services.control, login),
        problem=problem,
        done=site.done(request, DONE),
        min_password=MIN_PASSWORD,
        max_password=MAX_PASSWORD,
    )


HANDLERS = (account_page, change_password, end_log_ins)
