"""`/api/v1/games/{game}/query`, `/explore`, `/retention`, …: every analysis, one route each.

The body is the question: one of the types of `questlog.analytics`. The answer comes in the form that is asked for,
with an `ETag`: while neither data nor definitions nor the time that counts have changed, `If-None-Match` gives 304.
A question whose asker has gone away is stopped.
"""

from http import HTTPStatus
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.economy import Balances, Economy
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.realtime import Realtime
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.question.query import Query
from questlog.analytics.selection.cardinality import Cardinality
from questlog.analytics.selection.segments import Segment
from questlog.api.asking import Answered, QueryService
from questlog.api.response_formats import ResponseFormat

Asking = NamedDependency[SkipValidation[QueryService]]
Format = Annotated[
    ResponseFormat | None,
    QueryParameter(name="format", description="Format of the answer; wins over the Accept header."),
]


@post("/games/{game:str}/query", status_code=HTTPStatus.OK)
async def ask_query(asker: Asking, game: FromPath[str], data: JSONBody[Query], form: Format = None) -> Answered:
    """Metrics over time, by dimensions."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/explore", status_code=HTTPStatus.OK)
async def ask_explore(asker: Asking, game: FromPath[str], data: JSONBody[Explore], form: Format = None) -> Answered:
    """An event tree, node by node, or a histogram of its values."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/retention", status_code=HTTPStatus.OK)
async def ask_retention(asker: Asking, game: FromPath[str], data: JSONBody[Retention], form: Format = None) -> Answered:
    """Who came back: cohort by cohort, or added up as a curve."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/cohorts", status_code=HTTPStatus.OK)
async def ask_cohorts(asker: Asking, game: FromPath[str], data: JSONBody[Cohort], form: Format = None) -> Answered:
    """What the players of a cohort brought and did by age: LTV, playtime, sessions."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/funnel", status_code=HTTPStatus.OK)
async def ask_funnel(asker: Asking, game: FromPath[str], data: JSONBody[Funnel], form: Format = None) -> Answered:
    """How many get from step to step, how fast, and who drops."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/progression", status_code=HTTPStatus.OK)
async def ask_progression(
    asker: Asking, game: FromPath[str], data: JSONBody[Progression], form: Format = None
) -> Answered:
    """The levels: drop-off from one to the next, difficulty, time to complete."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/economy", status_code=HTTPStatus.OK)
async def ask_economy(asker: Asking, game: FromPath[str], data: JSONBody[Economy], form: Format = None) -> Answered:
    """What flows into the game's economy and out of it, by currency, item type or item."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/balances", status_code=HTTPStatus.OK)
async def ask_balances(asker: Asking, game: FromPath[str], data: JSONBody[Balances], form: Format = None) -> Answered:
    """What players have left of a currency on a day's end."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/segments", status_code=HTTPStatus.OK)
async def ask_segment(asker: Asking, game: FromPath[str], data: JSONBody[Segment], form: Format = None) -> Answered:
    """How large a segment is now, or who is in it."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/realtime", status_code=HTTPStatus.OK)
async def ask_realtime(asker: Asking, game: FromPath[str], data: JSONBody[Realtime], form: Format = None) -> Answered:
    """The last hour by minute, or the last day by hour, beside the same time a week ago."""
    return await asker.answer(game, data, form)


@post("/games/{game:str}/cardinality", status_code=HTTPStatus.OK)
async def ask_cardinality(
    asker: Asking, game: FromPath[str], data: JSONBody[Cardinality], form: Format = None
) -> Answered:
    """Which fields had more values on a day than are shown, and the first value above the limit."""
    return await asker.answer(game, data, form)


ANALYTICS_HANDLERS = [
    ask_query,
    ask_explore,
    ask_retention,
    ask_cohorts,
    ask_funnel,
    ask_progression,
    ask_economy,
    ask_balances,
    ask_segment,
    ask_realtime,
    ask_cardinality,
]
