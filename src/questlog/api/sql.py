"""`POST /api/v1/sql`: one read-only statement, answered in the form that is asked for."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Annotated

import msgspec
import pyarrow as pa
from litestar import Response, post
from litestar.params import JSONBody
from litestar.response import Stream

from questlog.api.asking import Queries
from questlog.api.errors import AnyRequest, ApiError
from questlog.api.response_formats import MEDIA_TYPES, ResponseFormat, accepted_form
from questlog.api.result import arrow_bytes, compact_json, csv_bytes, json_rows, parquet_bytes
from questlog.store.contract import QueryAborted

Statement = Annotated[str, msgspec.Meta(min_length=1, description="One read-only SQL statement.")]


_WRITERS: dict[ResponseFormat, Callable[[pa.Table], bytes | Iterator[bytes]]] = {
    ResponseFormat.JSON: json_rows,
    ResponseFormat.COMPACT: compact_json,
    ResponseFormat.CSV: csv_bytes,
    ResponseFormat.PARQUET: parquet_bytes,
    ResponseFormat.ARROW: arrow_bytes,
}


class SqlQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in SQL. `format` wins over the Accept header; without either the answer is JSON.

    `json` is a list of objects; `compact` is `{"columns": [{"name", "type"}], "rows": [[…]]}`.
    """

    sql: Statement
    format: ResponseFormat | None = None


@post("/sql", status_code=HTTPStatus.OK)
async def answer_sql(queries: Queries, request: AnyRequest, data: JSONBody[SqlQuestion]) -> Response[bytes] | Stream:
    """Answer one read-only statement."""
    form = data.format or accepted_form(request.headers.get("accept", ""))
    try:
        written = await queries.sql(data.sql, _WRITERS[form])
    except QueryAborted as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "query_aborted", str(error), field="sql") from None
    if isinstance(written, bytes):
        return Response(written, media_type=MEDIA_TYPES[form])
    return Stream(written, media_type=MEDIA_TYPES[form])
