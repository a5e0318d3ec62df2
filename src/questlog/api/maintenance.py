"""`/api/v1/maintenance`: how the tasks go that the server does to its data now and then."""

from collections.abc import Sequence

from litestar import get

from questlog.api.games import Services
from questlog.console.access import Right, Scope, needs
from questlog.loader.maintenance.task import MaintenanceStatus


@get("/maintenance", sync_to_thread=True, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def maintenance_status(services: Services) -> Sequence[MaintenanceStatus]:
    """Every task of maintenance: its state, its last and its next run, how long it took, and why it failed."""
    return services.progress.maintenance()
