"""`/api/v1/rebuild`: compute every rollup again from the events."""

from http import HTTPStatus

from litestar import get, post

from questlog.api.games import Services
from questlog.api.services import RebuildStatus


@post("/rebuild", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED)
def start_rebuild(services: Services) -> RebuildStatus:
    """Have every rollup computed again; the answer says how far it is. Asking again while it runs starts nothing."""
    services.rebuilding.request_rebuild()
    return services.rebuilding.rebuild_status()


@get("/rebuild", sync_to_thread=True)
def rebuild_status(services: Services) -> RebuildStatus:
    """How far the last rebuild is."""
    return services.rebuilding.rebuild_status()


REBUILD_HANDLERS = [start_rebuild, rebuild_status]
