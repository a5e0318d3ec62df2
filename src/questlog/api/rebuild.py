"""`/api/v1/rebuild`: compute every rollup again from the events."""

from http import HTTPStatus

from litestar import delete, get, post

from questlog.api.games import Services
from questlog.console import recomputing
from questlog.console.access import Right, Scope, needs
from questlog.loader.rebuild import RebuildStatus


@post(
    "/rebuild",
    sync_to_thread=True,
    status_code=HTTPStatus.ACCEPTED,
    opt=needs(Right.MANAGE, Scope.ALL_GAMES),
)
def start_rebuild(services: Services) -> RebuildStatus:
    """Have every rollup computed again; the answer says how far it is. Asking again while it runs starts nothing."""
    recomputing.start_rebuild(services)
    return services.rebuild.status


@get("/rebuild", sync_to_thread=True, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def rebuild_status(services: Services) -> RebuildStatus:
    """How far the last rebuild is."""
    return services.rebuild.status


@delete("/rebuild", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def cancel_rebuild(services: Services) -> RebuildStatus:
    """End the rebuild that waits or runs: within seconds, and with nothing changed. The answer says how far it is."""
    recomputing.cancel_rebuild(services)
    return services.rebuild.status


REBUILD_HANDLERS = [start_rebuild, rebuild_status, cancel_rebuild]
