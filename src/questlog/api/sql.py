"""`POST /api/v1/sql`: one read-only statement, answered in the form that is asked for."""

import enum
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Annotated

import msgspec
import pyarrow as pa
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from litestar.response import Stream

from questlog.api.errors import AnyRequest, ApiError
from questlog.api.games import Services
from questlog.api.gate import QueryGate
from questlog.api.result import arrow_bytes, compact_json, csv_bytes, json_rows, parquet_bytes
from questlog.api.services import ConsoleServices
from questlog.store.contract import QueryRefused

Gate = NamedDependency[SkipValidation[QueryGate]]
Statement = Annotated[str, msgspec.Meta(min_length=1, description="One read-only SQL statement.")]


class Form(enum.StrEnum):
    """The form of an answer."""

    JSON = "json"
    COMPACT = "compact"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA_TYPES = {
    Form.JSON: "application/json",
    Form.COMPACT: "application/json",
    Form.CSV: "text/csv",
    Form.PARQUET: "application/vnd.apache.parquet",
    Form.ARROW: "application/vnd.apache.arrow.stream",
}

_WRITERS: dict[Form, Callable[[pa.Table], bytes | Iterator[bytes]]] = {
    Form.JSON: json_rows,
    Form.COMPACT: compact_json,
    Form.CSV: csv_bytes,
    Form.PARQUET: parquet_bytes,
    Form.ARROW: arrow_bytes,
}

_ACCEPTED = {
    "application/json": Form.JSON,
    "text/csv": Form.CSV,
    "application/vnd.apache.parquet": Form.PARQUET,
    "application/vnd.apache.arrow.stream": Form.ARROW,
    "application/*": Form.JSON,
    "*/*": Form.JSON,
}


class SqlQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in SQL. `format` wins over the Accept header; without either the answer is JSON.

    `json` is a list of objects; `compact` is `{"columns": [{"name", "type"}], "rows": [[…]]}`.
    """

    sql: Statement
    format: Form | None = None


@post("/sql", status_code=HTTPStatus.OK)
async def answer_sql(
    services: Services, gate: Gate, request: AnyRequest, data: JSONBody[SqlQuestion]
) -> Response[bytes] | Stream:
    """Answer one read-only statement."""
    form = data.format or accepted_form(request.headers.get("accept", ""))
    written = await gate.run(lambda: _WRITERS[form](whole_answer(services, data.sql)))
    if isinstance(written, bytes):
        return Response(written, media_type=MEDIA_TYPES[form])
    return Stream(written, media_type=MEDIA_TYPES[form])


def whole_answer(services: ConsoleServices, statement: str) -> pa.Table:
    """The answer with all its rows. Raises `QueryRefused` where they are too many: nothing is cut off in silence."""
    max_rows = services.limits.sql_max_rows
    table = services.tables.sql(statement, max_rows + 1, services.limits.sql_timeout_s)
    if table.num_rows > max_rows:
        raise QueryRefused(f"the answer has more than {max_rows} rows (console.sql_max_rows); add a LIMIT, or sum up")
    return table


def accepted_form(accept: str) -> Form:
    """The form that an Accept header likes best. Raises `ApiError` 406 when none of ours is in it."""
    if not accept.strip():
        return Form.JSON
    ranges = sorted((_range(part) for part in accept.split(",")), key=lambda part: -part[1])
    for media_type, quality in ranges:
        if quality > 0 and media_type in _ACCEPTED:
            return _ACCEPTED[media_type]
    known = ", ".join(name for name in _ACCEPTED if "*" not in name)
    raise ApiError(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", f"answers come as {known}", field="Accept")


def _range(part: str) -> tuple[str, float]:
    """A media range and its quality (RFC 9110 §12.4.2)."""
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0
