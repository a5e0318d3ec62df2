"""All pages together: the routers that the console port serves beside the API."""

from collections.abc import Sequence
from http import HTTPStatus

import structlog
from litestar import MediaType, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import NotPermitted
from questlog.console.concurrency import TooBusy
from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices
from questlog.control.errors import AlreadyExists, ControlError, ControlUnavailable, NotFound
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.assets import assets_router, load_assets
from questlog.web.cards import Card
from questlog.web.guard import LoginNeeded, page_guard
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.pages import ads, errors, health, home, log_in, overview, players, segments, status, who
from questlog.web.reports import Report, about_card, card_csv, report_handler, show_card
from questlog.web.site import Site
from questlog.web.translations import mark

_log = structlog.get_logger(__name__)

REPORTS: Sequence[Report] = (overview.REPORT, players.REPORT, errors.REPORT, errors.ONE_ERROR, health.REPORT, ads.REPORT)
"""The pages that are made of cards."""

CARDS: Sequence[Card] = players.ONE_PLAYER.cards
"""Cards of other pages, which boards may show."""

HANDLERS: Sequence[HTTPRouteHandler] = (
    home.home,
    home.games_page,
    home.set_preferences,
    home.suggest_values,
    status.status_page,
    *players.HANDLERS,
    *segments.HANDLERS,
    *who.HANDLERS,
)
"""The routes of all other pages; those of pages in the navigation are at `/games/{game}/NAME`."""


def pages(services: ConsoleServices, queries: QueryService) -> list[Router]:
    """The routers of all pages, for `questlog.api.app.create_app`."""
    cards = [card for report in REPORTS for card in report.cards]
    assets = load_assets()
    site = Site(services, queries, assets, [*cards, *CARDS])
    handlers = [*map(report_handler, REPORTS), show_card, about_card, card_csv, *HANDLERS]
    site.built_pages = frozenset(_names(handlers))
    site_of = {"site": Provide(lambda: site, sync_to_thread=False)}
    guarded = Router(
        "/",
        route_handlers=handlers,
        guards=[page_guard(services, site.logins)],
        dependencies=site_of,
        exception_handlers=_error_pages(site),
        include_in_schema=False,
    )
    outside = Router(
        "/",
        route_handlers=[log_in.login_page, log_in.log_in, log_in.log_out],
        dependencies=site_of,
        exception_handlers=_error_pages(site),
        include_in_schema=False,
    )
    return [guarded, outside, assets_router(assets)]


def _names(handlers: Sequence[HTTPRouteHandler]) -> list[str]:
    """The last parts of the addresses of game pages."""
    start = "/games/{game:str}/"
    return [path.removeprefix(start) for handler in handlers for path in handler.paths if path.startswith(start)]


def _error_pages(site: Site) -> ExceptionHandlersMap:
    """Errors as pages for people; a card's place gets a line."""

    def page(request: AnyRequest, status: HTTPStatus, heading: str, message: str) -> Response[str]:
        translate = site.translate(request)
        return site.html(request, "error.html", status, heading=translate(heading), message=translate(message))

    def login_needed(request: AnyRequest, error: LoginNeeded) -> Response[str] | Redirect:
        if _is_part(request):  # the script goes to the log-in itself: a form would land in a card's place
            headers = {"X-Log-In": error.url}
            return Response("", status_code=HTTPStatus.UNAUTHORIZED, headers=headers, media_type=MediaType.HTML)
        return Redirect(error.url, status_code=SEE_OTHER)

    def http_error(request: AnyRequest, error: HTTPException) -> Response[str]:
        status = HTTPStatus(error.status_code)
        if status is HTTPStatus.NOT_FOUND:
            return page(request, status, mark("There is nothing here"), error.detail)
        heading = status.phrase
        return page(request, status, heading, error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else "")

    def not_permitted(request: AnyRequest, error: NotPermitted) -> Response[str]:
        return page(request, HTTPStatus.FORBIDDEN, mark("Your role does not allow this"), str(error))

    def control_error(request: AnyRequest, error: ControlError) -> Response[str]:
        match error:
            case ControlUnavailable():
                _log.error("control_unavailable", reason=str(error))
                text = mark("The control database does not answer. Try again in a moment.")
                return page(request, HTTPStatus.SERVICE_UNAVAILABLE, mark("Not now"), text)
            case NotFound():
                return page(request, HTTPStatus.NOT_FOUND, mark("There is nothing here"), str(error))
            case AlreadyExists():
                return page(request, HTTPStatus.CONFLICT, mark("This is there already"), str(error))
        return page(request, HTTPStatus.BAD_REQUEST, mark("This cannot be done"), str(error))

    def not_now(request: AnyRequest, error: Exception) -> Response[str]:
        if isinstance(error, StoreFailed):
            _log.error("store_failed", reason=str(error))
            text = mark("The store cannot answer now. Try again in a moment.")
        else:
            text = str(error)
        return page(request, HTTPStatus.SERVICE_UNAVAILABLE, mark("Not now"), text)

    def invalid(request: AnyRequest, error: InvalidQuery) -> Response[str]:
        return page(request, HTTPStatus.BAD_REQUEST, mark("This cannot be asked"), str(error))

    def unexpected(request: AnyRequest, error: Exception) -> Response[str]:
        """The one boundary of pages: what nobody foresaw is logged whole and shown without details."""
        _log.error("page_failed", method=request.method, path=request.url.path, exc_info=error)
        text = mark("Something went wrong. The server's log says what.")
        return page(request, HTTPStatus.INTERNAL_SERVER_ERROR, mark("Something went wrong"), text)

    return {
        LoginNeeded: login_needed,
        HTTPException: http_error,
        NotPermitted: not_permitted,
        ControlError: control_error,
        TooBusy: not_now,
        QueryAborted: not_now,
        StoreFailed: not_now,
        InvalidQuery: invalid,
        Exception: unexpected,
    }


def _is_part(request: AnyRequest) -> bool:
    """Whether a script asks for a part of a page."""
    return "/cards/" in request.url.path or request.headers.get("hx-request") == "true"
