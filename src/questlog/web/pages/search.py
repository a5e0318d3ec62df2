"""Search everything of a game: pages, metrics, events, players and what is saved."""

import asyncio
from typing import NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from questlog.analytics.analyses.values import Values
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import Right, needs
from questlog.console.concurrency import TooBusy
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import AnyRequest
from questlog.web.navigation import groups_for
from questlog.web.reports import ask_all
from questlog.web.site import Site, ThisSite
from questlog.web.titles import title_of
from questlog.web.translations import mark
from questlog.web.view import View

_MOST_OF_A_KIND = 6
_MOST_TYPED = 200
_PAGE_OF_GROUP = {
    "players": "engagement",
    "engagement": "engagement",
    "retention": "retention",
    "money": "monetization",
    "progression": "progression",
    "economy": "economy",
    "errors": "errors",
    "ads": "ads",
    "health": "health",
}
_KINDS = {"segment": "segments", "funnel": "funnels", "board": "boards", "paths": "paths", "explore": "explore"}


class Found(NamedTuple):
    """Something found: what kind it is, its name, where it is; `is_data` for names that players or games made."""

    kind: str
    name: str
    url: str
    is_data: bool = False


@get("/games/{game:str}/search", opt=needs(Right.VIEW))
async def search(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """What the typed text may mean, as options of the palette."""
    typed = request.query_params.get("q", "").strip()[:_MOST_TYPED]
    view = await site.view(request, "overview")
    view = view.changed(own={})
    found = [*_pages(site, request, view, typed), *_metrics(site, request, view, typed)]
    if typed:
        found += await asyncio.to_thread(_saved, site, request, view, typed)
        found += await _events(site, request, view, typed)
        if caller_of(request).may(Right.PERSONAL_DATA, view.game.game_id):
            found.append(Found(mark("Players"), typed, view.url("players", own={"q": typed}), is_data=True))
    return site.html(request, "parts/found.html", found=found)


def _pages(site: Site, request: AnyRequest, view: View, typed: str) -> list[Found]:
    translate = site.translate(request)
    groups = groups_for(caller_of(request), view.game.game_id, site.built_pages)
    return [
        Found(group.title, translate(place.title), view.url(place.name))
        for group in groups
        for place in group.places
        if typed.lower() in f"{translate(place.title)} {place.name}".lower()
    ][: None if not typed else _MOST_OF_A_KIND]


def _metrics(site: Site, request: AnyRequest, view: View, typed: str) -> list[Found]:
    if not typed:
        return []
    translate = site.translate(request)
    return [
        Found(mark("Metric"), translate(title_of(name)), view.url(_PAGE_OF_GROUP[metric.group.value]))
        for name, metric in CATALOGUE.items()
        if metric.group.value in _PAGE_OF_GROUP
        and not name.endswith(("_valid", "_invalid", "_unchecked"))
        and typed.lower() in f"{translate(title_of(name))} {name}".lower()
    ][:_MOST_OF_A_KIND]


def _saved(site: Site, request: AnyRequest, view: View, typed: str) -> list[Found]:
    saved = site.services.control.definitions_of(game_of(request).game_id)
    return [
        Found(each.kind, each.name, view.url(_KINDS[each.kind], own={"name": each.name}), is_data=True)
        for each in saved
        if each.kind in _KINDS and typed.lower() in each.name.lower()
    ][:_MOST_OF_A_KIND]


async def _events(site: Site, request: AnyRequest, view: View, typed: str) -> list[Found]:
    question = Values("event_id", view.period, prefix=typed, limit=_MOST_OF_A_KIND)
    try:
        rows = (await ask_all(site, request, {"values": question}))["values"].table.to_pylist()
    except (InvalidQuery, TooBusy, QueryAborted, StoreFailed):
        return []
    return [
        Found(mark("Event"), row["value"], view.adding("event_id", row["value"]), is_data=True)
        for row in rows
        if row["value"] is not None and row["events"]
    ]
