"""Reports: pages made of cards. The page comes at once; its cards are asked for one by one, each at its own address."""

import asyncio
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from questlog.analytics.question.answer import Answer
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.registry import ANALYSES
from questlog.console.access import NotPermitted, Right, needs
from questlog.console.concurrency import TooBusy
from questlog.console.disconnects import Gone, gone_when_disconnected
from questlog.console.marks import marks_of
from questlog.console.personal_data import reads_personal_data
from questlog.console.queries import GameQuestion
from questlog.console.table_formats import csv_bytes
from questlog.control.audit_log import Action
from questlog.control.errors import ControlError
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.cards import Asked, Card, CardOrigin, ChartMark, Drawing, origin_of
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark
from questlog.web.view import View, view_of
from questlog.web.who import add_who

_ANALYSES = {analysis.question: analysis for analysis in ANALYSES}
_log = structlog.get_logger(__name__)


class Report(NamedTuple):
    """A page made of cards. `name` is the page's in the navigation; `serves` says in a sentence what it answers.

    `values` are what a template of its own needs, as `page_values`.
    """

    name: str
    serves: str
    cards: Sequence[Card]
    template: str = "report.html"
    right: Right = Right.VIEW
    values: Callable[[View], Mapping[str, Any]] = lambda _: {}


class Problem(NamedTuple):
    """Why a card has no answer, and what to do. `is_passing`: trying again helps."""

    message: str
    advice: str = ""
    is_passing: bool = False


class Drawn(NamedTuple):
    """A card as it is shown: drawn, or with a problem."""

    card: Card
    view: View
    drawing: Drawing | None
    origin: CardOrigin | None
    problem: Problem | None = None


def report_handler(report: Report) -> HTTPRouteHandler:
    """The route of a report."""

    async def show(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
        view = await site.view(request, report.name)
        drawn: Mapping[str, Drawn] = {}
        if view.is_inline:
            found = [await draw(site, request, card, view) for card in report.cards]
            drawn = {each.card.name: each for each in found}
        values = report.values(view)
        return await site.page(
            request, report.template, page=report.name, view=view, report=report, drawn=drawn, page_values=values
        )

    show.__name__ = f"show_{report.name}"
    show.__doc__ = report.serves
    return get(f"/games/{{game:str}}/{report.name}", opt=needs(report.right))(show)


@get("/games/{game:str}/cards/{name:str}", opt=needs(Right.VIEW))
async def show_card(site: ThisSite, request: AnyRequest, game: FromPath[str], name: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The inside of a card."""
    card, view = await _asked_for(site, request, name)
    drawn = await draw(site, request, card, view)
    return site.html(request, "cards/card.html", drawn=drawn)


@get("/games/{game:str}/cards/{name:str}/about", opt=needs(Right.VIEW))
async def about_card(site: ThisSite, request: AnyRequest, game: FromPath[str], name: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """How a card's numbers come about: definitions, questions, sources."""
    card, view = await _asked_for(site, request, name)
    questions = card.questions(view)
    answers: Mapping[str, Answer] = {}
    problem: Problem | None = None
    try:
        answers = await ask_all(site, request, questions)
    except _PROBLEMS as error:
        problem = problem_of(error)
    said = [
        {
            "name": each,
            "analysis": _ANALYSES[type(question)].name,
            "json": msgspec.json.format(msgspec.json.encode(question), indent=2).decode(),
            "answer": answers.get(each),
        }
        for each, question in questions.items()
    ]
    host = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return await site.page(
        request, "about_card.html", page=view.page, view=view, card=card, questions=said, host=host, problem=problem
    )


@get("/games/{game:str}/cards/{name:str}/csv", opt=needs(Right.VIEW))
async def card_csv(site: ThisSite, request: AnyRequest, game: FromPath[str], name: FromPath[str]) -> Response[bytes]:  # noqa: ARG001
    """A card's numbers as CSV, with all rows: the question is `question`, by default the first."""
    card, view = await _asked_for(site, request, name)
    questions = card.questions(view)
    wanted = request.query_params.get("question", next(iter(questions), ""))
    if wanted not in questions:
        raise NotFoundException(detail=f"the card has no question {wanted[:100]!r}")
    await site.record(request, Action.EXPORT, f"csv of {name}")
    answers = await ask_all(site, request, {wanted: questions[wanted]})
    file = urllib.parse.quote(f"{name}-{view.period.start}-{view.period.end}.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file}"}
    return Response(csv_bytes(answers[wanted].table), headers=headers, media_type="text/csv; charset=utf-8")


async def draw(site: Site, request: AnyRequest, card: Card, view: View) -> Drawn:
    """A card of a view; what goes wrong is told in its place."""
    translate = site.translate(request)
    try:
        if not caller_of(request).may(card.right, view.game.game_id):
            raise NotPermitted(card.right)
        questions = card.questions(view)
        answers = await ask_all(site, request, questions)
        marks = await _marks(site, request, view) if card.takes_marks else ()
        asked = Asked(view, answers, site.formats(request), translate, marks)
        drawing = card.draw(asked)
        if "spec" in drawing.values and caller_of(request).may(Right.PERSONAL_DATA, view.game.game_id):
            add_who(drawing.values["spec"], view, questions)
        return Drawn(card, view, drawing, origin_of(list(answers.values()), drawing.about))
    except _PROBLEMS as error:
        return Drawn(card, view, None, None, problem_of(error))


async def ask_all(site: Site, request: AnyRequest, questions: Mapping[str, msgspec.Struct]) -> dict[str, Answer]:
    """The answers to questions about the game of the page, by their names.

    Raises `ControlError`, `InvalidQuery`, `NotPermitted`, `QueryAborted`, `StoreFailed`, `TooBusy`.
    """
    game, caller = game_of(request), caller_of(request)
    for question in questions.values():
        analysis = _ANALYSES[type(question)]
        if reads_personal_data(analysis, question):
            if not caller.may(Right.PERSONAL_DATA, game.game_id):
                raise NotPermitted(Right.PERSONAL_DATA, f" for the game {game.name!r}")
            subject = f"{analysis.name} {msgspec.json.encode(question)[:2_000].decode(errors='replace')}"
            await site.record(request, Action.READ, subject)

    async def ask(question: msgspec.Struct, gone: Gone) -> Answer:
        asked = GameQuestion(str(game.game_id), question, _ANALYSES[type(question)].freshness)
        return await site.queries.ask(asked, gone)

    async with until_gone(request) as gone:
        answers = await asyncio.gather(*(ask(question, gone) for question in questions.values()))
    return dict(zip(questions, answers, strict=True))


@asynccontextmanager
async def until_gone(request: AnyRequest) -> AsyncIterator[Gone]:
    """What tells several at once that the asker has gone away: a connection can be asked by one only."""
    gone = asyncio.Event()

    async def watch() -> None:
        await gone_when_disconnected(request.receive)()
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        yield gone.wait
    finally:
        watching.cancel()


def problem_of(error: Exception) -> Problem:
    """What a page says of a question that was not answered."""
    match error:
        case InvalidQuery():
            hint = f" ({error.nearest})" if error.nearest else ""
            return Problem(f"{error.field}: {error.detail}{hint}", mark("Change the filter or the period."))
        case TooBusy():
            return Problem(mark("Too many questions at once."), mark("It is asked again in a moment."), is_passing=True)
        case QueryAborted():
            return Problem(str(error), mark("Choose a shorter period, or fewer groups."))
        case NotPermitted():
            return Problem(str(error), mark("An owner can give you another role."))
        case StoreFailed():
            _log.error("store_failed", reason=str(error))
            return Problem(mark("The store cannot answer now."), mark("The server's log says why."), is_passing=True)
    return Problem(str(error))


_PROBLEMS = (InvalidQuery, TooBusy, QueryAborted, NotPermitted, StoreFailed, ControlError)


async def _asked_for(site: Site, request: AnyRequest, name: str) -> tuple[Card, View]:
    card = site.cards.get(name)
    if card is None:
        raise NotFoundException(detail=f"there is no card {name[:100]!r}")
    page = name.partition(".")[0]
    parameters = [(each, value) for each, value in request.query_params.multi_items() if each != "question"]
    return card, view_of(await site.game_here(request), page, parameters)


async def _marks(site: Site, request: AnyRequest, view: View) -> Sequence[ChartMark]:
    async with until_gone(request) as gone:
        found = await marks_of(site.services, site.queries, view.game.game_id, view.period, gone)
    return [ChartMark(each.day.isoformat(), each.kind.value, each.text) for each in found]
