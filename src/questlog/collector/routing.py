"""Which operation a method and a path mean; found once for a request, before its body is read."""

from collections.abc import Sequence
from typing import NamedTuple

from questlog.collector.operation import (
    AnyOperation,
    Operation,
    WireProtocol,
    always,
    anyone,
    no_body,
    nothing,
    rejecting,
)
from questlog.model.reasons import Reason

_SHOWN_PATH = 200


class Route(NamedTuple):
    """What a request asks for: an operation of a protocol, and the item that its path names, as sent."""

    protocol: WireProtocol
    operation: AnyOperation
    item: str = ""


class _Path(NamedTuple):
    protocol: WireProtocol
    routes: dict[str, Route]  # by method


class _Pattern(NamedTuple):
    """A path with an item between these two texts."""

    prefix: str
    suffix: str
    path: _Path


class Router:
    """Finds operations by method and path. A path that no protocol has is rejected in the words of `fallback`."""

    def __init__(self, protocols: Sequence[WireProtocol], fallback: WireProtocol) -> None:
        self._unknown = Route(fallback, rejecting(Reason.UNKNOWN_ROUTE, "Not Found"))
        paths: dict[str, _Path] = {}
        for protocol in protocols:
            for operation in (*_preflights(protocol), *protocol.operations):
                path = paths.setdefault(operation.path, _Path(protocol, {}))
                path.routes.update(dict.fromkeys(operation.methods.split(), Route(protocol, operation)))
        self._exact = {text: path for text, path in paths.items() if "{}" not in text}
        self._patterns = [_pattern(text, path) for text, path in paths.items() if "{}" in text]

    def route(self, method: str, path: str) -> Route:
        """What is asked for; `path` is without the query.

        A path that nobody has, and a known one with a method that it does not have, are operations too: they reject.
        """
        if "//" in path or path.endswith("/"):
            path = _with_single_slashes(path)
        found = self._exact.get(path)
        if found is not None:
            return found.routes.get(method) or _wrong_method(found.protocol, path)
        for prefix, suffix, found in self._patterns:
            if path.startswith(prefix) and path.endswith(suffix):
                item = path[len(prefix) : len(path) - len(suffix)]
                if item and "/" not in item:
                    protocol, operation, _ = found.routes.get(method) or _wrong_method(found.protocol, path)
                    return Route(protocol, operation, item)
        return self._unknown


def _pattern(text: str, path: _Path) -> _Pattern:
    prefix, _, suffix = text.partition("{}")
    return _Pattern(prefix, suffix, path)


def _wrong_method(protocol: WireProtocol, path: str) -> Route:
    detail = protocol.wrong_method.format(path=path[:_SHOWN_PATH])
    return Route(protocol, rejecting(Reason.METHOD_NOT_ALLOWED, detail))


def _preflights(protocol: WireProtocol) -> list[AnyOperation]:
    """OPTIONS on every path of the protocol."""
    if protocol.preflight is None:
        return []
    answer = always(protocol.preflight)
    paths = {operation.path: None for operation in protocol.operations}
    return [Operation("preflight", "OPTIONS", path, anyone, nothing, answer, no_body) for path in paths]


def _with_single_slashes(path: str) -> str:
    """Without the repeated and trailing slashes that come of putting an address together: `//v1/event/`."""
    return "/" + "/".join(filter(None, path.split("/")))
