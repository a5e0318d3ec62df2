"""Which call a method and a path are (satori.md §3)."""

import enum
from typing import NamedTuple
from urllib.parse import unquote

from questlog.model.reasons import Reason, RequestRejected


class Operation(enum.Enum):
    """One call of the client API."""

    HEALTHCHECK = enum.auto()
    READYCHECK = enum.auto()
    AUTHENTICATE = enum.auto()
    AUTHENTICATE_REFRESH = enum.auto()
    AUTHENTICATE_LOGOUT = enum.auto()
    IDENTIFY = enum.auto()
    DELETE_IDENTITY = enum.auto()
    EVENT = enum.auto()
    SERVER_EVENT = enum.auto()
    LIST_PROPERTIES = enum.auto()
    UPDATE_PROPERTIES = enum.auto()
    GET_FLAGS = enum.auto()
    GET_FLAG_OVERRIDES = enum.auto()
    GET_EXPERIMENTS = enum.auto()
    GET_LIVE_EVENTS = enum.auto()
    JOIN_LIVE_EVENT = enum.auto()
    GET_MESSAGES = enum.auto()
    UPDATE_MESSAGE = enum.auto()
    DELETE_MESSAGE = enum.auto()
    PREFLIGHT = enum.auto()


class Auth(enum.Enum):
    """What a call must carry in `Authorization`."""

    NONE = enum.auto()
    API_KEY = enum.auto()
    TOKEN = enum.auto()
    API_KEY_OR_TOKEN = enum.auto()


class Route(NamedTuple):
    """A call, what it must carry, and the id in its path (of a message or a live event), decoded."""

    operation: Operation
    auth: Auth
    item_id: str | None = None


_PREFLIGHT = Route(Operation.PREFLIGHT, Auth.NONE)

_PATHS: dict[str, dict[str, Route]] = {
    "/healthcheck": {
        "GET": Route(Operation.HEALTHCHECK, Auth.NONE),
        "HEAD": Route(Operation.HEALTHCHECK, Auth.NONE),
    },
    "/readycheck": {
        "GET": Route(Operation.READYCHECK, Auth.NONE),
        "HEAD": Route(Operation.READYCHECK, Auth.NONE),
    },
    "/v1/authenticate": {"POST": Route(Operation.AUTHENTICATE, Auth.API_KEY)},
    "/v1/authenticate/refresh": {"POST": Route(Operation.AUTHENTICATE_REFRESH, Auth.API_KEY)},
    "/v1/authenticate/logout": {"POST": Route(Operation.AUTHENTICATE_LOGOUT, Auth.TOKEN)},
    "/v1/identify": {"PUT": Route(Operation.IDENTIFY, Auth.TOKEN)},
    "/v1/identity": {"DELETE": Route(Operation.DELETE_IDENTITY, Auth.TOKEN)},
    "/v1/event": {"POST": Route(Operation.EVENT, Auth.TOKEN)},
    "/v1/server-event": {"POST": Route(Operation.SERVER_EVENT, Auth.API_KEY)},
    "/v1/properties": {
        "GET": Route(Operation.LIST_PROPERTIES, Auth.TOKEN),
        "PUT": Route(Operation.UPDATE_PROPERTIES, Auth.TOKEN),
    },
    "/v1/flag": {"GET": Route(Operation.GET_FLAGS, Auth.API_KEY_OR_TOKEN)},
    "/v1/flag/override": {"GET": Route(Operation.GET_FLAG_OVERRIDES, Auth.API_KEY_OR_TOKEN)},
    "/v1/experiment": {"GET": Route(Operation.GET_EXPERIMENTS, Auth.TOKEN)},
    "/v1/live-event": {"GET": Route(Operation.GET_LIVE_EVENTS, Auth.TOKEN)},
    "/v1/message": {"GET": Route(Operation.GET_MESSAGES, Auth.TOKEN)},
}

_MESSAGE = "/v1/message/"
_LIVE_EVENT = "/v1/live-event/"
_PARTICIPATION = "/participation"
_MESSAGE_METHODS = {
    "PUT": Route(Operation.UPDATE_MESSAGE, Auth.TOKEN),
    "DELETE": Route(Operation.DELETE_MESSAGE, Auth.TOKEN),
}
_PARTICIPATION_METHODS = {"POST": Route(Operation.JOIN_LIVE_EVENT, Auth.TOKEN)}


def route(method: str, path: str) -> Route | None:
    """The call, or None for a path that is not Satori's. `OPTIONS` on any of its paths is a preflight.

    `path` is without the query. Raises `RequestRejected(METHOD_NOT_ALLOWED)` for one of Satori's paths with a method
    that it does not have.
    """
    methods, item_id = _PATHS.get(path), None
    if methods is None:
        methods, item_id = _item(path)
    if methods is None:
        return None
    if method == "OPTIONS":
        return _PREFLIGHT
    found = methods.get(method)
    if found is None:
        raise RequestRejected(Reason.METHOD_NOT_ALLOWED, "Method Not Allowed")
    return found if item_id is None else found._replace(item_id=item_id)


def _item(path: str) -> tuple[dict[str, Route] | None, str | None]:
    """The methods of a path with an id in it, and the id."""
    if path.startswith(_MESSAGE):
        methods, item = _MESSAGE_METHODS, path.removeprefix(_MESSAGE)
    elif path.startswith(_LIVE_EVENT) and path.endswith(_PARTICIPATION):
        methods, item = _PARTICIPATION_METHODS, path[len(_LIVE_EVENT) : -len(_PARTICIPATION)]
    else:
        return None, None
    return (methods, unquote(item)) if item and "/" not in item else (None, None)
