"""`POST /api/v1/sql`: one read-only statement, answered in the form that is asked for; and the tables it can read."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody
from litestar.response import Stream

from questlog.api.accept import accepted_format
from questlog.api.asking import Queries
from questlog.api.authentication import ThisAccess
from questlog.api.errors import AnyRequest, ApiError
from questlog.console.access import Right, Scope, needs
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.response_formats import EXPORTS, MEDIA_TYPES, ResponseFormat
from questlog.console.sql_tables import SqlTable, sql_tables
from questlog.console.table_formats import write_table
from questlog.control.audit_log import Action
from questlog.store.contract import QueryAborted, SqlValue

Statement = Annotated[str, msgspec.Meta(min_length=1, description="One read-only SQL statement.")]


class SqlQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in SQL. `format` wins over the Accept header; without either the answer is JSON.

    `json` is a list of objects; `compact` is `{"columns": [{"name", "type"}], "rows": [[…]]}`. `parameters` are the
    values of the statement's `$name`s.
    """

    sql: Statement
    parameters: Annotated[dict[str, SqlValue], msgspec.Meta(max_length=100)] = {}
    format: ResponseFormat | None = None


@post("/sql", status_code=HTTPStatus.OK, opt=needs(Right.SQL, Scope.ANY_GAME))
async def answer_sql(
    queries: Queries, request: AnyRequest, access: ThisAccess, data: JSONBody[SqlQuestion]
) -> Response[bytes] | Stream:
    """Answer one read-only statement, over the games that the caller may ask about."""
    form = data.format or accepted_format(request.headers.get("accept", ""))
    await access.record(Action.SQL, f"{form} of {data.sql}" if form in EXPORTS else data.sql)
    try:
        gone, games = gone_when_disconnected(request.receive), access.caller.games_with(Right.SQL)
        written = await queries.sql(data.sql, lambda table: write_table(table, form), gone, games, data.parameters)
    except QueryAborted as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "query_aborted", str(error), field="sql") from None
    if isinstance(written, bytes):
        return Response(written, media_type=MEDIA_TYPES[form])
    return Stream(written, media_type=MEDIA_TYPES[form])


@get("/sql/tables", opt=needs(Right.SQL, Scope.ANY_GAME))
async def list_sql_tables(access: ThisAccess) -> Sequence[SqlTable]:
    """The tables and columns that the caller's statements can read."""
    return sql_tables(access.caller.games_with(Right.SQL))
