"""`/api/v1/games/{game}/query`, `/explore`, `/retention`, …: a route for each analysis of the registry.

The body is the question: one of the types of `questlog.analytics`. The answer comes in the form that is asked for,
with an `ETag`: while neither data nor definitions nor the time that counts have changed, `If-None-Match` gives 304.
A question whose asker has gone away is stopped.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from questlog.analytics.engine.analysis import Analysis
from questlog.api.asking import Answered, RequestQueries
from questlog.api.authentication import ThisAccess, encoded
from questlog.console.access import Right, needs
from questlog.console.personal_data import reads_personal_data
from questlog.console.response_formats import ResponseFormat

Asking = NamedDependency[SkipValidation[RequestQueries]]
Format = Annotated[
    ResponseFormat | None,
    QueryParameter(name="format", description="Format of the answer; wins over the Accept header."),
]


def question_handlers(analyses: Iterable[Analysis]) -> Sequence[HTTPRouteHandler]:
    """The routes of these analyses."""
    return [_handler(analysis) for analysis in analyses]


def _handler(analysis: Analysis) -> HTTPRouteHandler:
    async def ask(asker: Asking, access: ThisAccess, game: FromPath[str], data: Any, form: Format = None) -> Answered:
        if not analysis.is_personal and reads_personal_data(analysis, data):
            await access.read_personal_data(f"{analysis.name} {encoded(data)}")
        return await asker.answer(game, data, form, analysis.freshness)

    ask.__name__ = f"ask_{analysis.name.replace('-', '_')}"
    ask.__doc__ = analysis.summary
    # Litestar reads the type that each route has; a checker of types cannot.
    ask.__annotations__["data"] = JSONBody[analysis.question]  # type: ignore[misc, name-defined]
    right = Right.PERSONAL_DATA if analysis.is_personal else Right.VIEW
    return post(f"/games/{{game:str}}/{analysis.name}", status_code=HTTPStatus.OK, opt=needs(right))(ask)
