"""Keys: the game key and secret of GameAnalytics, and the API keys of Satori. For people with the right `keys`."""

import asyncio
from http import HTTPStatus

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Right, needs
from questlog.console.keys import shown_api_key, shown_secret
from questlog.control.errors import Refused
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

_DAY_S = 86_400
KEEP_CHOICES = (
    (0, mark("at once")),
    (_DAY_S, mark("after 1 day")),
    (7 * _DAY_S, mark("after 7 days")),
    (30 * _DAY_S, mark("after 30 days")),
    (90 * _DAY_S, mark("after 90 days")),
)
"""When an old key ends, in seconds."""

DONE = {
    "ended": mark("The old secret key is not accepted any more."),
    "revoked": mark("The API key is revoked. Collectors follow within seconds."),
}


class ShownKey(msgspec.Struct, frozen=True):
    """A key that this answer alone shows: the secret key, or an API key with its `name`."""

    key: str
    name: str | None = None
    is_new: bool = False


@get("/games/{game:str}/keys", opt=needs(Right.KEYS))
async def keys_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The keys, none of them in full."""
    return await _page(site, request)


@post("/games/{game:str}/keys/secret", opt=needs(Right.KEYS, is_sensitive=True), status_code=HTTPStatus.OK)
async def show_secret(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The page with the secret key."""
    await sent_form(site, request)
    services, key = site.services, game_of(request).game_key
    shown = await asyncio.to_thread(shown_secret, services.control, services.audit, key)
    return await _page(site, request, shown=ShownKey(shown.secret_key))


@post("/games/{game:str}/keys/rotate", opt=needs(Right.KEYS, is_sensitive=True), status_code=HTTPStatus.OK)
async def rotate_secret(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """Make a new secret key, and show it."""
    form = await sent_form(site, request)
    rotate = site.services.control.rotate_secret
    made = await asyncio.to_thread(rotate, game_of(request).game_key, form.number("keep_old_s") or 0)
    return await _page(site, request, shown=ShownKey(made.secret_key, is_new=True))


@post("/games/{game:str}/keys/end-old", opt=needs(Right.KEYS, is_sensitive=True))
async def end_old_secret(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Refuse the old secret key from now on."""
    await sent_form(site, request)
    await asyncio.to_thread(site.services.control.end_old_secret, game_of(request).game_key)
    return _done(request, "ended")


@post("/games/{game:str}/keys/api", opt=needs(Right.KEYS, is_sensitive=True), status_code=HTTPStatus.OK)
async def change_api_keys(
    site: ThisSite,
    request: AnyRequest,
    game: FromPath[str],  # noqa: ARG001
) -> Response[str] | Redirect:
    """Make, show, replace or revoke an API key, as the button says that was pressed."""
    form = await sent_form(site, request)
    try:
        shown = await asyncio.to_thread(_change_api_keys, site, request, form)
    except Refused as error:
        return await _page(site, request, HTTPStatus.BAD_REQUEST, problem=str(error), form=form)
    return _done(request, "revoked") if shown is None else await _page(site, request, shown=shown)


def _change_api_keys(site: Site, request: AnyRequest, form: SentForm) -> ShownKey | None:
    services, game, name = site.services, game_of(request).game_key, form.text("name")
    match form.text("action"):
        case "create":
            return ShownKey(services.control.create_api_key(game, name).key, name, is_new=True)
        case "rotate":
            made = services.control.rotate_api_key(game, name, form.number("keep_old_s") or 0)
            return ShownKey(made.key, name, is_new=True)
        case "revoke":
            services.control.revoke_api_key(game, name)
            return None
    return ShownKey(shown_api_key(services.control, services.audit, game, name).key, name)


def _done(request: AnyRequest, what: str) -> Redirect:
    return Redirect(f"/games/{game_of(request).game_id}/keys?done={what}", status_code=SEE_OTHER)


async def _page(
    site: Site,
    request: AnyRequest,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    shown: ShownKey | None = None,
    problem: str = "",
    form: SentForm | None = None,
) -> Response[str]:
    control, game_key = site.services.control, game_of(request).game_key
    game = await asyncio.to_thread(control.find_game, game_key)
    now_us = site.services.clock.now_us()
    api_keys = await asyncio.to_thread(control.list_api_keys, game_key)
    return await site.page(
        request,
        "settings/keys.html",
        status,
        page="keys",
        here=game,
        has_old_secret=game.old_secret_key_at(now_us) is not None,
        api_keys=[key for key in api_keys if key.revoked_at is None or key.revoked_at > now_us],
        shown=shown,
        problem=problem,
        typed=form.typed if form else {},
        done=site.done(request, DONE),
        keep_choices=KEEP_CHOICES,
    )


HANDLERS = (keys_page, show_secret, rotate_secret, end_old_secret, change_api_keys)
