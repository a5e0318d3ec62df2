"""`/api/v1/rebuild`: compute every rollup again from the events."""

from http import HTTPStatus

from litestar import delete, get, post

from questlog.api.authentication import Audit
from questlog.api.games import Services
from questlog.console.access import Right, Scope, needs
from questlog.control.audit_log import Action
from questlog.loader.rebuild import RebuildState, RebuildStatus


@post(
    "/rebuild",
    sync_to_thread=True,
    status_code=HTTPStatus.ACCEPTED,
    opt=needs(Right.MANAGE, Scope.ALL_GAMES),
)
def start_rebuild(services: Services, audit: Audit) -> RebuildStatus:
    """Have every rollup computed again; the answer says how far it is. Asking again while it runs starts nothing."""
    if services.rebuild.status.state not in (RebuildState.WAITING, RebuildState.RUNNING):
        services.rebuild.request()
        audit.record(Action.REBUILD)
    return services.rebuild.status


@get("/rebuild", sync_to_thread=True, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def rebuild_status(services: Services) -> RebuildStatus:
    """How far the last rebuild is."""
    return services.rebuild.status


@delete("/rebuild", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def cancel_rebuild(services: Services, audit: Audit) -> RebuildStatus:
    """End the rebuild that waits or runs: within seconds, and with nothing changed. The answer says how far it is."""
    services.rebuild.cancel()
    audit.record(Action.REBUILD_CANCEL)
    return services.rebuild.status


REBUILD_HANDLERS = [start_rebuild, rebuild_status, cancel_rebuild]
