"""Numbers as clients write them: without a JSON form, or a little beside the integer that they mean (metrics.md §7)."""

import re

_NEAR = 1e-6
# What C, Python, Lua, Godot and old Windows runtimes print: NaN, -nan(ind), Infinity, inf, 1.#INF, -1.#IND, 1.#QNAN00.
# Begun by a set of letters, and without IGNORECASE, it looks through megabytes five times as fast.
_NO_NUMBER = re.compile(
    rb"[nNiI1](?:(?<=[nN])[aA][nN](?:\((?:ind|snan)\))?"
    rb"|(?<=[iI])[nN][fF](?:[iI][nN][iI][tT][yY])?"
    rb"|(?<=1)\.#(?:INF|IND|QNAN|SNAN)0*)(?![\w.#(])"
)
_SIGNS = b"+-"
_ENDS_NO_WORD = frozenset(b" \t\r\n[,:")
_MOST = 600_000
"""More of them than a body may have values are not looked at."""


def nearest_integer(number: float) -> int | None:
    """The integer that is within a millionth of a finite number: clients compute cents in floats."""
    nearest = round(number)
    return nearest if abs(number - nearest) <= _NEAR else None


def with_nulls(body: bytes) -> bytes:
    """The body with null in place of every bare NaN and infinity; strings stay as they are. Takes linear time."""
    marked = _without_escapes(body)
    pieces: list[bytes] = []
    end = counted = quotes = 0
    for number, found in enumerate(_NO_NUMBER.finditer(marked)):
        if number == _MOST:
            return body
        quotes += marked.count(b'"', counted, found.start())
        counted = found.start()
        start = _start_of_value(marked, found.start())
        if quotes % 2 == 0 and start is not None:
            pieces += (body[end:start], b"null")
            end = found.end()
    return b"".join((*pieces, body[end:])) if pieces else body


def _without_escapes(body: bytes) -> bytes:
    """As long as the body, but every quote in it begins or ends a string."""
    return body.replace(rb"\\", b"  ").replace(rb"\"", b"  ") if b"\\" in body else body


def _start_of_value(body: bytes, place: int) -> int | None:
    """Where the value with its sign begins whose first letter is at this place; None within another word."""
    start = place - 1 if place and body[place - 1] in _SIGNS else place
    return start if start == 0 or body[start - 1] in _ENDS_NO_WORD else None
