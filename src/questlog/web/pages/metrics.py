"""Metrics: what every number means, and a builder of metrics of one's own that shows them before they are saved."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.analytics.analyses.metric_preview import NAME, MetricPreview
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.metric import DAY_FAMILIES, Group, metric_named
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Granularity, Query
from questlog.console import short_forms
from questlog.console.access import Right, needs
from questlog.console.definition_checks import InUse, NameNotAllowed
from questlog.console.definition_kinds import CUSTOM_METRIC
from questlog.console.saved import find_saved, forget, list_saved, save
from questlog.control.errors import AlreadyExists, NotAllowed
from questlog.model.taxonomy import CATEGORIES
from questlog.web.cards import Asked, Card, Drawing
from questlog.web.charts import time_series
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.questions import point_length
from questlog.web.reports import Drawn, draw
from questlog.web.site import Site, ThisSite
from questlog.web.titles import title_of
from questlog.web.translations import mark
from questlog.web.view import View

_PAGE = "/games/{game:str}/metrics"
_BUILD = "metrics/build"
_DEFAULT = "dau"
_MOST_NAME = 100
_FIELDS = ("kind", "category", "event_id", "is_prefix", "where", "description", "is_low_better")
_KINDS = {
    CustomMetricKind.COUNT: mark("Number of events"),
    CustomMetricKind.BINOMIAL: mark("Players who had the event"),
    CustomMetricKind.SUM: mark("Sum of the values"),
    CustomMetricKind.DURATION: mark("Sum of the values, in seconds"),
    CustomMetricKind.REVENUE: mark("Revenue"),
}
_GROUPS = {
    Group.PLAYERS: mark("Players"),
    Group.ENGAGEMENT: mark("Engagement"),
    Group.RETENTION: mark("Retention"),
    Group.MONEY: mark("Money"),
    Group.PROGRESSION: mark("Progression"),
    Group.ECONOMY: mark("Economy"),
    Group.DESIGN: mark("Design"),
    Group.ERRORS: mark("Errors"),
    Group.ADS: mark("Ads"),
    Group.HEALTH: mark("Health"),
}


class ListedMetric(NamedTuple):
    """A metric of the catalogue. `url` shows it over time; of a family (`retention_dN`) the one of day 7."""

    name: str
    title: str
    unit: str
    definition: str
    url: str


class ListedGroup(NamedTuple):
    """A group of the catalogue."""

    title: str
    metrics: Sequence[ListedMetric]


# Cards: they can stand on boards.


def _metric_question(view: View) -> Mapping[str, msgspec.Struct]:
    """The metric that the address names, the game's own or one of the catalogue."""
    question = Query(
        metrics=(view.own.get("metric") or _DEFAULT,),
        period=view.period,
        granularity=point_length(view, Granularity.DAY),
        filter=view.filter,
        compare=view.compare,
        totals=True,
    )
    return {"series": question}


def _draw_metric(asked: Asked) -> Drawing:
    return time_series(asked, metrics=(asked.view.own.get("metric") or _DEFAULT,))


def _preview_question(view: View) -> Mapping[str, msgspec.Struct]:
    """The metric that is built. Raises `InvalidQuery`."""
    question = MetricPreview(
        metric=built(view.own),
        period=view.period,
        granularity=point_length(view, Granularity.DAY),
        filter=view.filter,
        compare=view.compare,
    )
    return {"preview": question}


def _draw_preview(asked: Asked) -> Drawing:
    return time_series(asked, metrics=(NAME,))


METRIC_CARD = Card(
    "metrics.metric",
    mark("Over time"),
    _metric_question,
    _draw_metric,
    span=12,
    takes_marks=True,
    open_page="metrics",
)
PREVIEW_CARD = Card(
    "metrics.preview",
    mark("Preview"),
    _preview_question,
    _draw_preview,
    span=12,
    empty=mark("No such event in this period."),
)
CARDS = (METRIC_CARD, PREVIEW_CARD)


def built(own: Mapping[str, str]) -> CustomMetric:
    """The metric that the fields of the builder say. Raises `InvalidQuery`."""
    where = [line for line in own.get("where", "").splitlines() if line.strip()]
    try:
        condition = short_forms.all_of(where)
    except ValueError as error:
        raise InvalidQuery("where", str(error)) from None
    body: dict[str, Any] = {
        "kind": own.get("kind") or CustomMetricKind.COUNT.value,
        "event": {"category": own.get("category") or None, "event_id": own.get("event_id") or None},
        "description": own.get("description", ""),
        "is_high_better": not own.get("is_low_better"),
    }
    try:
        metric = msgspec.convert(body, CustomMetric)
    except msgspec.ValidationError as error:
        raise InvalidQuery("metric", str(error)) from None
    event = EventMatch(metric.event.category, metric.event.event_id, bool(own.get("is_prefix")), condition)
    event.check("event")
    return msgspec.structs.replace(metric, event=event)


def _fields_of(metric: CustomMetric) -> dict[str, str]:
    """A saved metric as the fields of the builder. What they cannot say of its filter stays as it is, unseen."""
    return {
        "kind": metric.kind.value,
        "category": metric.event.category or "",
        "event_id": metric.event.event_id or "",
        "is_prefix": "1" if metric.event.is_prefix else "",
        "where": "\n".join(_lines(metric.event.filter) or []),
        "description": metric.description,
        "is_low_better": "" if metric.is_high_better else "1",
    }


# Pages


@get(_PAGE, opt=needs(Right.VIEW))
async def metrics_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """The catalogue, or one metric over time."""
    view = await site.view(request, "metrics")
    return await _shown(site, request, view)


@get(f"{_PAGE}/build", opt=needs(Right.DEFINE))
async def build_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The builder of a metric, with its preview."""
    view = await site.view(request, _BUILD)
    name = view.own.get("name", "")
    if name and not any(view.own.get(field) for field in _FIELDS):
        saved = await asyncio.to_thread(
            find_saved, site.services.control, view.game.game_id, CUSTOM_METRIC, name, CustomMetric
        )
        if _lines(saved.event.filter) is None:
            problem = mark("The filter of this metric is nested: change it over the API.")
            return await _builder(site, request, view.changed(own={"name": name}), problem)
        view = view.changed(own={"name": name, **_fields_of(saved)})
    return await _builder(site, request, view)


@post(f"{_PAGE}/build", opt=needs(Right.DEFINE))
async def save_metric(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Save the metric that was built."""
    form = await sent_form(site, request)
    view = await site.view(request, _BUILD)
    here, name = game_of(request), form.text("name", _MOST_NAME)
    own = {field: form.text(field) for field in _FIELDS if form.text(field)}
    try:
        metric = built(own)
        is_new = not form.is_set("is_change")
        owner = caller_of(request).name
        await asyncio.to_thread(
            lambda: save(site.services.control, here.game_id, CUSTOM_METRIC, name, metric, owner, is_new=is_new)
        )
    except (InvalidQuery, NameNotAllowed, AlreadyExists, NotAllowed) as error:
        return await _builder(site, request, view.changed(own={**own, "name": name}), str(error))
    return Redirect(view.changed(page="metrics", own={"metric": name}).url(), status_code=SEE_OTHER)


@post(f"{_PAGE}/delete", opt=needs(Right.DEFINE))
async def delete_metric(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Delete a metric of the game's own; one that is in use stays."""
    form = await sent_form(site, request)
    view = await site.view(request, "metrics")
    try:
        name = form.text("name", _MOST_NAME)
        await asyncio.to_thread(forget, site.services.control, view.game.game_id, CUSTOM_METRIC, name)
    except InUse as error:
        return await _shown(site, request, view, str(error))
    return Redirect(view.changed(own={}).url(), status_code=SEE_OTHER)


async def _shown(site: Site, request: AnyRequest, view: View, problem: str = "") -> Response[str]:
    game_id = view.game.game_id
    saved = await asyncio.to_thread(list_saved, site.services.control, game_id, CUSTOM_METRIC, CustomMetric)
    name = view.own.get("metric", "")
    chosen = None
    if name:
        try:
            chosen = metric_named("metric", name, CATALOGUE, dict(saved))
        except InvalidQuery as error:
            problem = problem or f"{error.detail}"
    return await site.page(
        request,
        "metrics.html",
        HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        page="metrics",
        view=view,
        groups_of_metrics=_groups(view),
        custom=saved,
        kinds=_KINDS,
        chosen=chosen,
        card=METRIC_CARD,
        drawn=await _drawn(site, request, view, METRIC_CARD) if chosen else {},
        problem=problem,
        may_define=caller_of(request).may(Right.DEFINE, game_id),
    )


async def _builder(site: Site, request: AnyRequest, view: View, problem: str = "") -> Response[str]:
    is_asked = any(view.own.get(field) for field in ("kind", "category", "event_id"))
    saved = await asyncio.to_thread(list_saved, site.services.control, view.game.game_id, CUSTOM_METRIC, CustomMetric)
    name = view.own.get("name", "")
    return await site.page(
        request,
        "metric_build.html",
        HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        page="metrics",
        view=view,
        typed={field: view.own.get(field, "") for field in (*_FIELDS, "name")},
        kinds=_KINDS,
        categories=CATEGORIES,
        is_change=name in dict(saved),
        is_asked=is_asked,
        card=PREVIEW_CARD,
        drawn=await _drawn(site, request, view, PREVIEW_CARD) if is_asked else {},
        problem=problem,
    )


async def _drawn(site: Site, request: AnyRequest, view: View, card: Card) -> Mapping[str, Drawn]:
    return {card.name: await draw(site, request, card, view)} if view.is_inline else {}


def _lines(condition: Filter | None) -> list[str] | None:
    """The conditions of a filter, one a line; None for a filter that is nested, or has no short form."""
    if condition is None:
        return []
    every = condition.filters if isinstance(condition, AllOf) else (condition,)
    shorts = [short_forms.in_short(each) if isinstance(each, Condition) else None for each in every]
    return None if None in shorts else [short for short in shorts if short is not None]


def _groups(view: View) -> Sequence[ListedGroup]:
    rows = [
        (
            metric.group,
            ListedMetric(
                metric.name, title_of(metric.name), metric.unit, metric.definition, view.with_own(metric=metric.name)
            ),
        )
        for metric in CATALOGUE.values()
    ]
    rows += [
        (
            family.group,
            ListedMetric(
                f"{name}_dN", f"{name}_dN", family.unit, family.defined("N"), view.with_own(metric=f"{name}_d7")
            ),
        )
        for name, family in DAY_FAMILIES.items()
    ]
    return [
        ListedGroup(title, [metric for its, metric in rows if its is group])
        for group, title in _GROUPS.items()
        if any(its is group for its, _ in rows)
    ]


HANDLERS = (metrics_page, build_page, save_metric, delete_metric)
