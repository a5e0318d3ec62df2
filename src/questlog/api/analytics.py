"""`/api/v1/games/{game}/query`, `/explore`, `/retention`, …: every analysis, one route each.

The body is the question: one of the types of `questlog.analytics`. The answer comes in the form that is asked for,
with an `ETag`: while neither data nor definitions nor the UTC day have changed, `If-None-Match` is answered 304.
A question whose asker has gone away is stopped.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from questlog.analytics.cohorts import Cohort
from questlog.analytics.explore import Explore
from questlog.analytics.query import Query
from questlog.analytics.retention import Retention
from questlog.analytics.segments import Segment
from questlog.api.answers import written
from questlog.api.departures import stopped_when_gone
from questlog.api.errors import AnyRequest, ApiError
from questlog.api.games import Services
from questlog.api.services import ConsoleServices
from questlog.api.sql import MEDIA_TYPES, Form, Gate, accepted_form
from questlog.store.contract import Cancellation, QueryRefused

Answered = Response[bytes] | Stream
Format = Annotated[
    Form | None, QueryParameter(name="format", description="Form of the answer; wins over the Accept header.")
]

_VERSION = importlib.metadata.version("questlog")
_DAY_US = 86_400_000_000


class _Made(msgspec.Struct):
    """An answer written down; `content` is None where the asker has it already."""

    tag: str
    content: bytes | Iterator[bytes] | None


@post("/games/{game:str}/query", status_code=HTTPStatus.OK)
async def ask_query(
    services: Services, gate: Gate, request: AnyRequest, game: FromPath[str], data: JSONBody[Query], form: Format = None
) -> Answered:
    """Metrics over time, by dimensions."""
    return await _answer(services, gate, request, Asking(game, data, form))


@post("/games/{game:str}/explore", status_code=HTTPStatus.OK)
async def ask_explore(
    services: Services,
    gate: Gate,
    request: AnyRequest,
    game: FromPath[str],
    data: JSONBody[Explore],
    form: Format = None,
) -> Answered:
    """An event tree, node by node, or a histogram of its values."""
    return await _answer(services, gate, request, Asking(game, data, form))


@post("/games/{game:str}/retention", status_code=HTTPStatus.OK)
async def ask_retention(
    services: Services,
    gate: Gate,
    request: AnyRequest,
    game: FromPath[str],
    data: JSONBody[Retention],
    form: Format = None,
) -> Answered:
    """Who came back: cohort by cohort, or added up as a curve."""
    return await _answer(services, gate, request, Asking(game, data, form))


@post("/games/{game:str}/cohorts", status_code=HTTPStatus.OK)
async def ask_cohorts(
    services: Services,
    gate: Gate,
    request: AnyRequest,
    game: FromPath[str],
    data: JSONBody[Cohort],
    form: Format = None,
) -> Answered:
    """What the players of a cohort brought and did by age: LTV, playtime, sessions."""
    return await _answer(services, gate, request, Asking(game, data, form))


@post("/games/{game:str}/segments", status_code=HTTPStatus.OK)
async def ask_segment(
    services: Services,
    gate: Gate,
    request: AnyRequest,
    game: FromPath[str],
    data: JSONBody[Segment],
    form: Format = None,
) -> Answered:
    """How large a segment is now, or who is in it."""
    return await _answer(services, gate, request, Asking(game, data, form))


class Asking(msgspec.Struct):
    """A question about a game, and the form of its answer, where one was asked for."""

    game: str
    question: msgspec.Struct
    form: Form | None


async def _answer(services: ConsoleServices, gate: Gate, request: AnyRequest, asking: Asking) -> Answered:
    form = asking.form or accepted_form(request.headers.get("accept", ""))
    seen = request.headers.get("if-none-match", "")
    cancellation = Cancellation()
    async with stopped_when_gone(request.receive, cancellation):
        made = await gate.run(lambda: _make(services, asking, form, seen, cancellation))
    headers = {"ETag": made.tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    if made.content is None:
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers, media_type=MEDIA_TYPES[form])
    if isinstance(made.content, bytes):
        return Response(made.content, headers=headers, media_type=MEDIA_TYPES[form])
    return Stream(made.content, headers=headers, media_type=MEDIA_TYPES[form])


def _make(services: ConsoleServices, asking: Asking, form: Form, seen: str, cancellation: Cancellation) -> _Made:
    """Ask, and write the answer down. Raises `ApiError`, `ControlError`, `QuestionRefused`."""
    game_id = services.control.find_game(asking.game).game_id
    try:
        tag = _tag(services, game_id, asking.question, form)
        if _is_seen(tag, seen):
            return _Made(tag, None)
        return _Made(tag, written(services.analytics.ask(game_id, asking.question, cancellation), form))
    except QueryRefused as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "query_refused", str(error)) from None


def _tag(services: ConsoleServices, game_id: int, question: msgspec.Struct, form: Form) -> str:
    """Another one whenever the answer could be another one. Asked for before the answer: it is never too new."""
    made_of = (
        _VERSION,
        services.analytics.data_version(),
        services.control.version(),
        services.clock.now_us() // _DAY_US,
        game_id,
        form,
        type(question).__name__,
        question,
    )
    return f'"{hashlib.sha256(msgspec.json.encode(made_of)).hexdigest()[:32]}"'


def _is_seen(tag: str, if_none_match: str) -> bool:
    """The weak comparison of RFC 9110 §13.1.2."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in if_none_match.split(","))


ANALYTICS_HANDLERS = [ask_query, ask_explore, ask_retention, ask_cohorts, ask_segment]
