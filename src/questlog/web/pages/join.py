"""Join: what the link of an invitation opens. Nobody is logged in yet."""

import asyncio
from http import HTTPStatus

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.accounts import NotAuthenticated, TooManyAttempts
from questlog.control.actor import Actor, act_as
from questlog.control.errors import NotAllowed, Refused
from questlog.control.users import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

_MOST_SECRET = 200


@get("/join/{secret:str}")
async def join_page(site: ThisSite, request: AnyRequest, secret: FromPath[str]) -> Response[str]:
    """The form of an invitation."""
    return await _form(site, request, secret)


@post("/join/{secret:str}", status_code=HTTPStatus.OK)
async def join(site: ThisSite, request: AnyRequest, secret: FromPath[str]) -> Response[str] | Redirect:
    """Become a user, or set another password, and log in."""
    sent = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    email, password = sent.get("email", "").strip()[:MAX_EMAIL], sent.get("password", "")[: MAX_PASSWORD + 1]
    if not await asyncio.to_thread(site.logins.is_own_form, request, sent.get("form_token", "")):
        message = mark("This form was too old. Please try again.")
        return await _form(site, request, secret, HTTPStatus.FORBIDDEN, message, email)
    origin = site.logins.origin(request)

    def accept() -> str:
        act_as(Actor("unknown", origin.address))
        if password != sent.get("again", "")[: MAX_PASSWORD + 1]:
            raise NotAllowed(mark("The two passwords are not the same."))
        return site.services.control.accept_invitation(secret[:_MOST_SECRET], password, email)

    try:
        address = await asyncio.to_thread(accept)
    except Refused as error:
        return await _form(site, request, secret, HTTPStatus.BAD_REQUEST, str(error), email)
    try:
        cookie = await site.services.accounts.log_in_with_password(address, password, origin)
    except (NotAuthenticated, TooManyAttempts):  # the address has had too many attempts: the log-in page says so
        return Redirect("/login", status_code=SEE_OTHER)
    answer = Redirect("/", status_code=SEE_OTHER)
    answer.set_cookie(site.logins.login_cookie(request, cookie))
    return answer


async def _form(
    site: Site,
    request: AnyRequest,
    secret: str,
    status: HTTPStatus = HTTPStatus.OK,
    message: str = "",
    email: str = "",
) -> Response[str]:
    """The form, tied to this browser by a cookie of its own; or, for a link that is not valid, a page that says so."""
    invitation = await asyncio.to_thread(site.services.control.find_invitation, secret[:_MOST_SECRET])
    if invitation is None and not message:
        status = HTTPStatus.NOT_FOUND
    cookie = site.logins.form_cookie(request)
    token = await asyncio.to_thread(site.services.accounts.form_token, cookie.value or "")
    page = site.html(
        request,
        "join.html",
        status,
        invitation=invitation,
        secret=secret,
        form_token=token,
        message=message,
        email=email,
        min_password=MIN_PASSWORD,
        max_password=MAX_PASSWORD,
    )
    page.set_cookie(cookie)
    return page


HANDLERS = (join_page, join)
"""Outside the guard: nobody is logged in."""
