"""The forms of answers, and which of them a request likes best."""

import enum
from http import HTTPStatus

from questlog.api.errors import ApiError


class ResponseFormat(enum.StrEnum):
    """The form of an answer."""

    JSON = "json"
    COMPACT = "compact"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA_TYPES = {
    ResponseFormat.JSON: "application/json",
    ResponseFormat.COMPACT: "application/json",
    ResponseFormat.CSV: "text/csv",
    ResponseFormat.PARQUET: "application/vnd.apache.parquet",
    ResponseFormat.ARROW: "application/vnd.apache.arrow.stream",
}

EXPORTS = frozenset({ResponseFormat.CSV, ResponseFormat.PARQUET, ResponseFormat.ARROW})
"""The forms of answers that are kept as files."""

_ACCEPTED = {
    "application/json": ResponseFormat.JSON,
    "text/csv": ResponseFormat.CSV,
    "application/vnd.apache.parquet": ResponseFormat.PARQUET,
    "application/vnd.apache.arrow.stream": ResponseFormat.ARROW,
    "application/*": ResponseFormat.JSON,
    "*/*": ResponseFormat.JSON,
}


def accepted_form(accept: str) -> ResponseFormat:
    """The form that an Accept header likes best. Raises `ApiError` 406 when none of ours is in it."""
    if not accept.strip():
        return ResponseFormat.JSON
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
