"""Reads query parameters so that a wrong one is named, never passed over."""

import difflib
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from questlog.api.errors import ApiError, bad_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def refuse_unknown_parameters(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """Litestar guard. Raises `ApiError` 400 for a query parameter that the route does not have, or that comes twice."""
    known = known_parameters(handler)
    for name in connection.query_params.dict():
        if name not in known:
            raise ApiError(HTTPStatus.BAD_REQUEST, "unknown_parameter", _unknown(name, known), field=name)
        if len(connection.query_params.getall(name)) > 1:
            raise bad_value(name, f"`{name}` is given more than once")


def known_parameters(handler: BaseRouteHandler) -> list[str]:
    """The names of a route's query parameters, in the order of its signature."""
    fields = handler.parsed_fn_signature.parameters.values()
    queries = ((field.name, field.kwarg_definition) for field in fields)
    return [query.name or name for name, query in queries if isinstance(query, QueryParameter)]


From = Annotated[
    str | None, QueryParameter(name="from", description="The first UTC day, or an RFC 3339 time: at or after it.")
]
To = Annotated[str | None, QueryParameter(name="to", description="The last UTC day, or an RFC 3339 time: before it.")]
After = Annotated[str | None, QueryParameter(name="after", description="`next` of the page before.")]


def parse_from(text: str | None, field: str = "from") -> int | None:
    """UTC microseconds of an RFC 3339 time, or of the beginning of a UTC day. Raises `ApiError` 400."""
    return None if text is None else _time_of(field, text)


def parse_to(text: str | None, field: str = "to") -> int | None:
    """The same of an exclusive end: of the end of the day where `text` is a day. Raises `ApiError` 400."""
    if text is None:
        return None
    day = _day_of(text)
    if day == date.max:
        raise bad_value(field, f"`{field}` is too late: {text!r}")
    return _time_of(field, text if day is None else (day + _DAY).isoformat())


def parse_day(field: str, text: str | None) -> date | None:
    """A day, as `2026-01-31`. Raises `ApiError` 400."""
    if text is None:
        return None
    if (day := _day_of(text)) is None:
        raise bad_value(field, f"`{field}` is no day like 2026-01-31: {text!r}")
    return day


def _day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _time_of(field: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        example = "2026-01-31 or 2026-01-31T12:00:00Z"
        raise bad_value(field, f"`{field}` is no date or time like {example}: {text!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_epoch = moment - _EPOCH
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"this route has no query parameters, so no `{name}`"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known are {', '.join(known)}"
    return f"unknown query parameter `{name}`: {hint}"
