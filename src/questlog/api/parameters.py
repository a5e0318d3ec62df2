"""Reads query parameters so that a wrong one is named, never passed over."""

import difflib
from datetime import UTC, datetime
from http import HTTPStatus

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from questlog.api.errors import ApiError, bad_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def parse_time(field: str, text: str | None) -> int | None:
    """UTC microseconds of an RFC 3339 time or an ISO date (its midnight, UTC). Raises `ApiError` 400."""
    if text is None:
        return None
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
