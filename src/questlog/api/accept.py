"""Which format a request likes best, by its `Accept` header."""

from http import HTTPStatus

from questlog.api.errors import ApiError
from questlog.console.response_formats import ResponseFormat

_ACCEPTED = {
    "application/json": ResponseFormat.JSON,
    "text/csv": ResponseFormat.CSV,
    "application/vnd.apache.parquet": ResponseFormat.PARQUET,
    "application/vnd.apache.arrow.stream": ResponseFormat.ARROW,
    "application/*": ResponseFormat.JSON,
    "*/*": ResponseFormat.JSON,
}


def accepted_format(accept: str) -> ResponseFormat:
    """The format that an Accept header likes best. Raises `ApiError` 406 when none of ours is in it."""
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
