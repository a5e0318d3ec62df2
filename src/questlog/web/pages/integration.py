"""Integration: what arrives per SDK and build, what does not and what to do, and replaying it after a fix."""

import asyncio
import urllib.parse
from typing import Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Right, needs
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.integration import Book, FindingKind, Integration, RejectionGroup, TakenIf, error_json
from questlog.control.audit_log import Action
from questlog.loader.replay import ReplayState
from questlog.store.contract import RejectedFilter
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.pages.live import pretty
from questlog.web.site import ThisSite
from questlog.web.translations import mark
from questlog.web.view import View

_DAY_US = 86_400_000_000
_MOST_DAYS: Final = 31
_MOST_TEXT = 300
_RUNNING = (ReplayState.WAITING, ReplayState.RUNNING)
TITLES = {
    FindingKind.UNKNOWN_CURRENCY: mark("Unknown currency"),
    FindingKind.CLOCK_AHEAD: mark("Clocks that are ahead"),
    FindingKind.CLOCK_WRONG: mark("Clocks that were never set"),
    FindingKind.NO_TIME: mark("Events without a time"),
    FindingKind.LATE: mark("Late events"),
    FindingKind.NO_SESSION_END: mark("Sessions without an end"),
    FindingKind.DUPLICATES: mark("Duplicates"),
    FindingKind.WARNED: mark("Annotations that break their rule"),
    FindingKind.LIMIT_REACHED: mark("Too many different values"),
    FindingKind.REJECTED_CUT: mark("Too many rejected events"),
}
STATES = {
    ReplayState.WAITING: mark("The replay waits for the loader."),
    ReplayState.RUNNING: mark("The replay is running."),
    ReplayState.DONE: mark("The replay is done."),
    ReplayState.FAILED: mark("The replay failed."),
    ReplayState.CANCELLED: mark("The replay was cancelled. What was stored stays."),
}


class BookLinks(NamedTuple):
    """The events behind the counts of a book."""

    stored: str
    rejected: str


@get("/games/{game:str}/integration", opt=needs(Right.VIEW))
async def integration_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The places of books, findings and rejections, which are asked for one by one."""
    view = await site.view(request, "integration")
    game_id, caller = view.game.game_id, caller_of(request)
    status = Integration(site.services).replay_status(game_id)
    return await site.page(
        request,
        "integration/page.html",
        page="integration",
        view=view,
        parts_query=urllib.parse.urlencode(view.parameters()),
        may_see_events=caller.may(Right.PERSONAL_DATA, game_id),
        may_replay=caller.may(Right.MANAGE, game_id),
        replay=status,
        is_replaying=status.state in _RUNNING,
        states=STATES,
        days=min(view.period.days, _MOST_DAYS),
        is_cut=view.period.days > _MOST_DAYS,
    )


@get("/games/{game:str}/cards/integration/books", opt=needs(Right.VIEW))
async def books_part(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:
    """Books by sender, and findings."""
    view = await site.view(request, "integration")
    since, until = _span(view)
    gone = gone_when_disconnected(request.receive)
    report = await site.queries.run(
        lambda cancellation: Integration(site.services).report(game, since, until, cancellation), gone
    )
    return site.html(
        request,
        "integration/books.html",
        view=view,
        report=report,
        titles=TITLES,
        links=[_links(view, book) for book in report.books],
        may_see_events=caller_of(request).may(Right.PERSONAL_DATA, view.game.game_id),
    )


@get("/games/{game:str}/cards/integration/rejections", opt=needs(Right.PERSONAL_DATA))
async def rejections_part(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:
    """What was rejected, by sender, field and rule."""
    view = await site.view(request, "integration")
    since, until = _span(view)
    gone = gone_when_disconnected(request.receive)
    groups = await site.queries.run(
        lambda cancellation: Integration(site.services).rejections(game, since, until, cancellation), gone
    )
    await site.record(request, Action.READ, "rejections")
    return site.html(
        request,
        "integration/rejections.html",
        view=view,
        groups=[(group, pretty(group.raw), _live_url(view, group)) for group in groups],
        may_replay=caller_of(request).may(Right.MANAGE, view.game.game_id),
        form_token=await asyncio.to_thread(site.logins.form_token, request),
        back=view.url(),
        taken_if=TakenIf,
    )


@get("/games/{game:str}/cards/integration/replay", opt=needs(Right.MANAGE))
async def replay_part(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """How far the replay is."""
    here = game_of(request)
    status = Integration(site.services).replay_status(here.game_id)
    return site.html(
        request,
        "integration/replay.html",
        game=here,
        replay=status,
        is_replaying=status.state in _RUNNING,
        states=STATES,
        form_token=await asyncio.to_thread(site.logins.form_token, request),
    )


@post("/games/{game:str}/integration/replay", opt=needs(Right.MANAGE))
async def start_replay(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Replay the events of one group, or see what would come of it."""
    form, here = await sent_form(site, request), game_of(request)
    error_type, field = form.text("error_type", _MOST_TEXT), form.text("field", _MOST_TEXT)
    is_of_sender = form.is_set("is_of_sender")
    which = RejectedFilter(
        game_id=here.game_id,
        source=form.text("source", _MOST_TEXT) or None,
        reason=form.text("reason", _MOST_TEXT) or None,
        error=error_json(error_type, field) if error_type else None,
        sdk_version=form.raw("sdk_version", _MOST_TEXT) if is_of_sender else None,
        build=form.raw("build", _MOST_TEXT) if is_of_sender else None,
    )
    is_dry_run = form.is_set("dry_run")
    is_started = await asyncio.to_thread(
        lambda: Integration(site.services).start_replay(str(here.game_id), which, is_dry_run=is_dry_run)
    )
    if is_started:
        subject = " ".join(filter(None, ("trial" if is_dry_run else "", which.source, which.reason, error_type, field)))
        await asyncio.to_thread(
            lambda: site.services.audit.record(Action.REPLAY, game=(here.game_id, here.name), subject=subject)
        )
    return Redirect(f"/games/{here.game_id}/integration#replay", status_code=SEE_OTHER)


@post("/games/{game:str}/integration/replay/cancel", opt=needs(Right.MANAGE))
async def cancel_replay(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """End the replay."""
    await sent_form(site, request)
    here = game_of(request)
    Integration(site.services).cancel_replay(here.game_id)
    await asyncio.to_thread(lambda: site.services.audit.record(Action.REPLAY_CANCEL, game=(here.game_id, here.name)))
    return Redirect(f"/games/{here.game_id}/integration#replay", status_code=SEE_OTHER)


def _span(view: View) -> tuple[int, int]:
    """The period in UTC microseconds, its last days where it is long; up to now where it is not over."""
    start, end = view.game.zone.bounds(view.period.start, view.period.end)
    end = max(min(end, view.game.now_us), start + 1)
    return max(start, end - _MOST_DAYS * _DAY_US), end


def _links(view: View, book: Book) -> BookLinks:
    """What has no text cannot be filtered by: events without a build are among those of their SDK."""
    of_sender = {"source": book.source, "sdk_version": book.sdk_version, "build": book.build}
    own = {name: text for name, text in of_sender.items() if text}
    return BookLinks(
        view.url("live", own={"status": "stored", **own}), view.url("live", own={"status": "rejected", **own})
    )


def _live_url(view: View, group: RejectionGroup) -> str:
    parts = {"reason": group.reason, "source": group.source, "sdk_version": group.sdk_version, "build": group.build}
    return view.url("live", own={"status": "rejected", **{name: text for name, text in parts.items() if text}})


HANDLERS = (
    integration_page,
    books_part,
    rejections_part,
    replay_part,
    start_replay,
    cancel_replay,
)
