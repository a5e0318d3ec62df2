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
    operations: dict[str, AnyOperation]


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
            for operation in protocol.operations:
                path = paths.setdefault(operation.path, _Path(protocol, _preflight(protocol)))
                path.operations.update(dict.fromkeys(operation.methods.split(), operation))
        self._exact = {text: path for text, path in paths.items() if "{}" not in text}
        self._patterns = [_pattern(text, path) for text, path in paths.items() if "{}" in text]

    def route(self, method: str, path: str) -> Route:
        """What is asked for; `path` is without the query.

        A path that nobody has, and a known one with a method that it does not have, are operations too: they reject.
        """
        path = _with_single_slashes(path)
        found, item = self._exact.get(path), ""
        if found is None:
            found, item = self._with_item(path)
            if found is None:
                return self._unknown
        protocol, operations = found
        operation = operations.get(method)
        if operation is None:
            detail = protocol.wrong_method.format(path=path[:_SHOWN_PATH])
            operation = rejecting(Reason.METHOD_NOT_ALLOWED, detail)
        return Route(protocol, operation, item)

    def _with_item(self, path: str) -> tuple[_Path | None, str]:
        for prefix, suffix, found in self._patterns:
            if path.startswith(prefix) and path.endswith(suffix):
                item = path[len(prefix) : len(path) - len(suffix)]
                if item and "/" not in item:
                    return found, item
        return None, ""


def _pattern(text: str, path: _Path) -> _Pattern:
    prefix, _, suffix = text.partition("{}")
    return _Pattern(prefix, suffix, path)


def _preflight(protocol: WireProtocol) -> dict[str, AnyOperation]:
    if protocol.preflight is None:
        return {}
    preflight = Operation("preflight", "OPTIONS", "", anyone, nothing, always(protocol.preflight), no_body)
    return {"OPTIONS": preflight}


def _with_single_slashes(path: str) -> str:
    """Without the repeated and trailing slashes that come of putting an address together: `//v1/event/`."""
    if "//" not in path and not path.endswith("/"):
        return path
    return "/" + "/".join(filter(None, path.split("/")))
