"""`/api/v1/server`: how the server is."""

from litestar import get

from questlog.api.games import Services
from questlog.console.access import Right, Scope, needs
from questlog.console.server_state import ServerState, server_state


@get("/server", sync_to_thread=True, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def get_server(services: Services) -> ServerState:
    """The version, the room that data take, the checks of `questlog doctor`, and the tasks of maintenance.

    Sizes are bytes, times UTC microseconds.
    """
    return server_state(services)
