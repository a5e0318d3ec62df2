"""`/healthcheck`, `/readycheck`: for load balancers and supervisors; no token needed."""

from http import HTTPStatus

import msgspec
from litestar import HttpMethod, Response, route
from litestar.openapi import ResponseSpec

from questlog.api.games import Services

_METHODS = [HttpMethod.GET, HttpMethod.HEAD]


class NotReady(msgspec.Struct, frozen=True):
    """What keeps the server from its work."""

    reasons: list[str]


@route("/healthcheck", http_method=_METHODS, tags=["Operation"], security=[])
async def healthcheck() -> dict[str, str]:
    """`{}`: the process answers."""
    return {}


@route(
    "/readycheck",
    http_method=_METHODS,
    sync_to_thread=True,
    tags=["Operation"],
    security=[],
    responses={HTTPStatus.SERVICE_UNAVAILABLE: ResponseSpec(NotReady, description="It does not do its work")},
)
def readycheck(services: Services) -> Response[NotReady | dict[str, str]]:
    """`{}` when the server does its work, 503 with the reasons when it does not."""
    reasons = list(services.progress.reasons_not_ready())
    if reasons:
        return Response(NotReady(reasons), status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    return Response({})
