"""All pages together: the routers that the console port serves beside the API."""

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices
from questlog.web.assets import assets_router, load_assets
from questlog.web.cards import Card
from questlog.web.error_pages import ErrorPages
from questlog.web.guard import page_guard
from questlog.web.pages import (
    account,
    ads,
    annotations,
    boards,
    components,
    data,
    economy,
    engagement,
    errors,
    event_names,
    explore,
    funnels,
    game,
    health,
    home,
    integration,
    join,
    keys,
    live,
    log_in,
    metrics,
    monetization,
    overview,
    paths,
    players,
    progression,
    realtime,
    retention,
    search,
    segments,
    server,
    sql,
    start,
    status,
    team,
    who,
)
from questlog.web.reports import Report, about_card, card_csv, report_handler, show_card
from questlog.web.site import Site

REPORTS: Sequence[Report] = (
    overview.REPORT,
    explore.REPORT,
    funnels.REPORT,
    paths.REPORT,
    players.REPORT,
    errors.REPORT,
    errors.ONE_ERROR,
    health.REPORT,
    ads.REPORT,
    realtime.REPORT,
    engagement.REPORT,
    retention.REPORT,
    monetization.REPORT,
    progression.REPORT,
    economy.REPORT,
)
"""The pages that are made of cards."""

CARDS: Sequence[Card] = (*players.ONE_PLAYER.cards, *metrics.CARDS)
"""Cards of other pages, which boards may show."""

HANDLERS: Sequence[HTTPRouteHandler] = (
    home.home,
    home.games_page,
    home.set_preferences,
    home.suggest_values,
    search.search,
    event_names.suggest_events,
    status.status_page,
    *start.HANDLERS,
    components.components_page,
    *players.HANDLERS,
    *segments.HANDLERS,
    *who.HANDLERS,
    *game.HANDLERS,
    *keys.HANDLERS,
    *data.HANDLERS,
    *team.HANDLERS,
    *server.HANDLERS,
    *account.HANDLERS,
    *live.HANDLERS,
    *integration.HANDLERS,
    *boards.HANDLERS,
    *metrics.HANDLERS,
    *sql.HANDLERS,
    *annotations.HANDLERS,
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
        exception_handlers=ErrorPages(site).handlers(),
        include_in_schema=False,
    )
    outside = Router(
        "/",
        route_handlers=[log_in.login_page, log_in.log_in, log_in.log_out, *join.HANDLERS],
        dependencies=site_of,
        exception_handlers=ErrorPages(site).handlers(),
        include_in_schema=False,
    )
    return [guarded, outside, assets_router(assets)]


def _names(handlers: Sequence[HTTPRouteHandler]) -> list[str]:
    """The last parts of the addresses of game pages."""
    start = "/games/{game:str}/"
    return [path.removeprefix(start) for handler in handlers for path in handler.paths if path.startswith(start)]
