"""Changes to a request, drawn from a given source of randomness: bytes, JSON values, compression, headers."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

from tests.support.hostile_text import HOSTILE_TEXTS

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 1e308),
    *(
        "",
        "0",
        "x" * 129,
        "x" * 5_000,
        "1" * 400,
        "\ud800",
        "\0",
        "é" * 70,
        "2026-11-21T19:09:50Z",
        "9999-12-31T23:59:59Z",
    ),
    *([], {}, [[]], [{}], {"": ""}, {"a": None}, [None], [1, "a", {}]),
    *HOSTILE_TEXTS.values(),
)
_BYTES = (
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\\ud800",
    b"[",
    b"{",
    b'"',
    b"\\",
    b",",
    b"1e999",
)
_CODINGS = ("gzip", "deflate", "identity", "br", "GZIP", "gzip, gzip", "x-gzip", "", "\xff")


def mutated_body(body: bytes, source: random.Random) -> bytes:
    """The body with one or a few changes; sometimes as it was."""
    for _ in range(source.choice((0, 1, 1, 1, 2, 4))):
        body = source.choice(_CHANGES)(body, source)
    return body


def mutated_headers(headers: dict[str, str], source: random.Random) -> dict[str, str]:
    """The headers, one time in five with one changed, added or left out."""
    if source.random() > 0.2:
        return headers
    name = source.choice((*headers, "Content-Encoding", "X-Forwarded-For", "X-Odd"))
    if source.random() < 0.3:
        return {each: value for each, value in headers.items() if each != name}
    odd = (
        "",
        "\xff\xfe",
        "a" * 5_000,
        "'; DROP TABLE events; --",
        "0",
        "Bearer x",
        "Basic eDo=",
        "\t",
        "[::1]:80, 8.8.8.8",
    )
    value = source.choice(_CODINGS if name == "Content-Encoding" else odd)
    return {**headers, name: value}


def _flip(body: bytes, source: random.Random) -> bytes:
    if not body:
        return b"\x00"
    place = source.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << source.randrange(8))]) + body[place + 1 :]


def _cut(body: bytes, source: random.Random) -> bytes:
    start = source.randrange(len(body) + 1)
    return body[:start] + body[start + source.randrange(50) :]


def _insert(body: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(body) + 1)
    return body[:place] + source.choice(_BYTES) * source.choice((1, 1, 3, 2_000)) + body[place:]


def _repeat(body: bytes, source: random.Random) -> bytes:
    start = source.randrange(len(body) + 1)
    piece = body[start : start + source.randrange(1, 200)]
    return body[:start] + piece * source.choice((2, 3, 50)) + body[start:]


def _zip(body: bytes, source: random.Random) -> bytes:
    return source.choice((gzip.compress, zlib.compress))(body)


def _change_json(body: bytes, source: random.Random) -> bytes:
    """One value, or one name, replaced, removed or doubled; a body that is no JSON is left as it is."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    places = list(_containers(value))
    if not places:
        return json.dumps(source.choice(_VALUES)).encode()
    container = source.choice(places)
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    if not keys:
        return body
    key = source.choice(keys)
    match source.randrange(5):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[str(source.choice(_VALUES))] = container.pop(key)
        case 1:
            container.extend([container[key]] * source.choice((1, 20)))
        case _:
            container[key] = source.choice(_VALUES)
    return json.dumps(value, ensure_ascii=source.random() < 0.7).encode("utf-8", "surrogatepass")


def _containers(value: Any) -> Any:
    """Every list and every object in the value."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


_Change = Callable[[bytes, random.Random], bytes]
# Changes within JSON are the ones that get far.
_CHANGES: tuple[_Change, ...] = (_flip, _cut, _insert, _repeat, _zip, *[_change_json] * 10)
