"""Numbers as clients write them: without a JSON form, or a little beside the integer that they mean (metrics.md §7)."""

import re

_NEAR = 1e-6
# What C, Python, Lua, Godot and old Windows runtimes print: NaN, -nan(ind), Infinity, inf, 1.#INF, -1.#IND, 1.#QNAN00.
_NO_NUMBER = re.compile(
    rb"[+-]?(?<![\w.])(?:nan(?:\((?:ind|snan)\))?|inf(?:inity)?|1\.#(?:inf|ind|qnan|snan)0*)(?![\w.#(])", re.IGNORECASE
)
# Stand-ins of the same length for what ends no string; no JSON holds these bytes as they are.
_ESCAPED_BACKSLASH, _ESCAPED_QUOTE = b"\0\0", b"\0\1"


def nearest_integer(number: float) -> int | None:
    """The integer that is within a millionth of a finite number: clients compute cents in floats."""
    nearest = round(number)
    return nearest if abs(number - nearest) <= _NEAR else None


def with_nulls(body: bytes) -> bytes:
    """The body with null in place of every bare NaN and infinity; strings stay as they are. Takes linear time."""
    if b"\0" in body or b"\1" in body:
        return body
    marked = body.replace(rb"\\", _ESCAPED_BACKSLASH).replace(rb"\"", _ESCAPED_QUOTE)
    parts = marked.split(b'"')
    outside = b'"'.join(parts[::2])
    mended = _NO_NUMBER.sub(b"null", outside)
    if mended == outside:
        return body
    parts[::2] = mended.split(b'"')
    return b'"'.join(parts).replace(_ESCAPED_QUOTE, rb"\"").replace(_ESCAPED_BACKSLASH, rb"\\")
