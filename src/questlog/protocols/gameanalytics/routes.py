"""Which request is meant (spec §1)."""

import enum
import re
from typing import NamedTuple

from questlog.model.reasons import Reason, RequestRejected


class RouteKind(enum.Enum):
    """What a request asks for."""

    INIT = enum.auto()
    REMOTE_CONFIGS_INIT = enum.auto()
    EVENTS = enum.auto()
    PREFLIGHT = enum.auto()


class Route(NamedTuple):
    """A request of this protocol.

    `game_key` is empty when what was sent cannot be one, so that no game has it. `configs_hash` is what the client has
    (remote configs only).
    """

    kind: RouteKind
    game_key: str
    configs_hash: str = ""


_GAME_KEY = re.compile(r"[A-Za-z0-9]{32}")
_KINDS_BY_LAST_SEGMENT = {"events": RouteKind.EVENTS, "init": RouteKind.INIT}
_REMOTE_CONFIGS_PATH = "/remote_configs/v1/init"


def route(method: str, path: str, query: str) -> Route | None:
    """Find the route; None for a path that is not this protocol's.

    `path` is without the query, `query` without the question mark. Raises `RequestRejected` (`METHOD_NOT_ALLOWED`) for
    a path of ours with another method than POST or OPTIONS.
    """
    found = _route_by_path(path, query)
    if found is None or method == "POST":
        return found
    if method == "OPTIONS":
        return Route(RouteKind.PREFLIGHT, found.game_key)
    raise RequestRejected(Reason.METHOD_NOT_ALLOWED, f"use POST for {path[:200]}")


def _route_by_path(path: str, query: str) -> Route | None:
    segments = path.split("/", 4)
    if len(segments) == 4 and segments[1] == "v2" and not segments[0]:
        kind = _KINDS_BY_LAST_SEGMENT.get(segments[3])
        return None if kind is None else Route(kind, _game_key(segments[2]))
    if path == _REMOTE_CONFIGS_PATH:
        parameters = dict(part.partition("=")[::2] for part in query.split("&"))
        game_key = _game_key(parameters.get("game_key", ""))
        return Route(RouteKind.REMOTE_CONFIGS_INIT, game_key, parameters.get("configs_hash", ""))
    return None


def _game_key(text: str) -> str:
    return text if _GAME_KEY.fullmatch(text) else ""
