"""Coverage-guided fuzzing of GameAnalytics' decoders: nothing but `RequestRejected` and storable values may come out.

    PYTHONPATH=src:. python tests/fuzz/gameanalytics.py CORPUS_DIR -max_total_time=300 -rss_limit_mb=1024

The first byte of an input chooses the function, the rest is what a stranger sends. CORPUS_DIR is filled with the
recorded requests when it is empty.
"""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from questlog.collector.gameanalytics import GAMEANALYTICS
from questlog.collector.routing import Router
from questlog.model.event import DECODED_COLUMNS, Type
from questlog.model.reasons import DroppedEvent, RequestRejected
from questlog.protocols.gameanalytics import replies
from questlog.protocols.gameanalytics.auth import is_signed_by
from questlog.protocols.gameanalytics.codec import MAX_DEPTH, decode_events, to_columns
from questlog.protocols.gameanalytics.init import parse_init
from questlog.protocols.gameanalytics.json_text import with_storable_text
from questlog.protocols.inflate import inflate
from questlog.protocols.numbers import with_nulls
from tests.support.judged import assert_the_collector_agrees

MAX_INFLATED_BYTES = 1 << 20
ROUTER = Router((GAMEANALYTICS,), fallback=GAMEANALYTICS)


def events(data: bytes) -> None:
    """Decode, make columns, answer; and the same again with what was stored and dropped each by itself."""
    assert_the_collector_agrees(data)
    decoded = decode_events(data)
    places = sorted([*decoded.indexes, *(drop.index for drop in decoded.dropped)])
    assert places == list(range(len(places)))
    columns = to_columns(decoded.events)
    assert_storable(columns)
    assert all(len(column) == len(decoded.events) for column in columns.values())
    assert_answered(decoded.dropped)
    for drop in decoded.dropped[:20]:
        (again,) = decode_events(b"[" + drop.raw + b"]").dropped
        assert again.errors == drop.errors


def lenient_events(data: bytes) -> None:
    """Of a lenient game: only less is dropped, and what is taken for it alone is counted."""
    assert_the_collector_agrees(data, is_lenient=True)
    lenient, others = decode_events(data, is_lenient=True), decode_events(data)
    assert set(others.indexes) <= set(lenient.indexes)
    assert lenient.lenient == len(lenient.indexes) - len(others.indexes)
    assert_storable(to_columns(lenient.events))


def one_event(data: bytes) -> None:
    """An event that differs from a right one in what the input says."""
    extra = data.removeprefix(b"{").removesuffix(b"}")
    events(b"[" + PLAIN_EVENT[:-1] + b"," + extra + b"}," + PLAIN_EVENT + b"]")


def init(data: bytes) -> None:
    """An init request: every text in it is text."""
    repr(parse_init(data)).encode("utf-8", "backslashreplace")


def coded(coding: str) -> Callable[[bytes], None]:
    """A compressed body, and what is in it."""

    def run(data: bytes) -> None:
        plain = inflate(data, coding, MAX_INFLATED_BYTES)
        assert len(plain) <= MAX_INFLATED_BYTES
        decode_events(plain)

    return run


def header(data: bytes) -> None:
    """An Authorization header as the server hands it over, or as bytes."""
    assert not is_signed_by("secret", b"body", data.decode("latin-1"))
    assert not is_signed_by(b"secret", b"body", data)


def path(data: bytes) -> None:
    """A method and a path, with a query or without."""
    method, _, target = data.decode("latin-1").partition(" ")
    for path_ in (target, target.partition("?")[0]):
        found = ROUTER.route(method, path_)
        assert "/" not in found.item


def mended(data: bytes) -> None:
    """Mending what is mended changes nothing, and nothing that is JSON is mended but its text."""
    once = with_storable_text(data)
    assert with_storable_text(once) == once
    without_nan = with_nulls(data)
    assert with_nulls(without_nan) == without_nan
    if without_nan != data:
        with suppress(ValueError, RecursionError):
            msgspec.json.decode(data)
            raise AssertionError("JSON was changed")


def lenient_event(data: bytes) -> None:
    """An event of a lenient game that differs from a right one in what the input says."""
    extra = data.removeprefix(b"{").removesuffix(b"}")
    lenient_events(b"[" + PLAIN_EVENT[:-1] + b"," + extra + b"}]")


TARGETS: Sequence[Callable[[bytes], None]] = (
    events,
    lenient_events,
    one_event,
    init,
    coded("gzip"),
    coded("deflate"),
    header,
    path,
    mended,
    lenient_event,
)

PLAIN_EVENT = json.dumps(
    {
        "v": 2,
        "user_id": "p",
        "sdk_version": "rest api v2",
        "os_version": "ios 17.4",
        "manufacturer": "apple",
        "device": "x",
        "platform": "ios",
        "session_id": "942a012a-4911-4d6c-aff7-f42bf5d9c3fc",
        "session_num": 1,
        "category": "user",
    }
).encode()


def one_input(data: bytes) -> None:
    """What a fuzzer calls. Raises for anything that a stranger must not be able to cause."""
    if not data:
        return
    try:
        TARGETS[data[0] % len(TARGETS)](data[1:])
    except RequestRejected as rejection:
        assert json.loads(replies.rejected(rejection).body)  # noqa: PT017 - no test


def assert_answered(dropped: Sequence[DroppedEvent]) -> None:
    """The answer is JSON, and echoes every dropped event."""
    if len(dropped) <= 100:
        answered = json.loads(replies.events(dropped).body, parse_int=str)  # longer than Python converts
        assert len(answered) == len(dropped)
        assert all(failure["errors"] for failure in answered)


def assert_storable(columns: object) -> None:
    """Texts are UTF-8 without NUL, integers fit 64 bits, numbers are finite, JSON is a flat enough object."""
    assert isinstance(columns, dict)
    for name, values in columns.items():
        for value in values:
            if value is None:
                continue
            match DECODED_COLUMNS[name]:
                case Type.TEXT:
                    assert "\0" not in value.encode().decode()
                case Type.JSON:
                    assert isinstance(json.loads(value.encode()), dict)
                    assert rb"\u0000" not in value.encode().replace(rb"\\", b"")
                    assert depth_of(json.loads(value)) <= MAX_DEPTH + 1  # `invalid` of lenient games
                case Type.INTEGER | Type.TIME:
                    assert type(value) is int
                    assert -(2**63) <= value < 2**63
                case Type.NUMBER:
                    assert abs(value) < float("inf")


def depth_of(value: object) -> int:
    """Levels of objects and lists."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def write_seeds(directory: Path) -> None:
    """The recorded bodies, as sent and inflated, for every function that takes one."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        return
    recordings = importlib.import_module("tests.support.gameanalytics").recordings
    for recording in recordings():
        name = recording.name.replace("/", "-")
        for target in range(4):
            directory.joinpath(f"{name}-{target}").write_bytes(bytes([target]) + recording.plain_body)
        directory.joinpath(f"{name}-4").write_bytes(bytes([4]) + recording.body)
        request_line = f"{recording.method} {recording.path}?{recording.query}"
        directory.joinpath(f"{name}-7").write_bytes(bytes([7]) + request_line.encode())
    for number, body in enumerate((b'[{"a":nan,"b":-Infinity,"nan":"inf"}]', b'["\\"nan",1.#INF,-nan(ind)]')):
        directory.joinpath(f"nan-{number}").write_bytes(bytes([8]) + body)
        directory.joinpath(f"nan-{number}-0").write_bytes(bytes([0]) + body)
    for number, fields in enumerate((b'"build":5', b'"custom_01":[1],"invalid":1', b'"client_ts":1e13,"gender":"x"')):
        directory.joinpath(f"lenient-{number}").write_bytes(bytes([9]) + fields)
    for number, fields in enumerate((b'"a":[[[1e999]]]', rb'"z":"\ud83d\u0000"', b'"v":2.0,"uuid":"x","amount":1e30')):
        directory.joinpath(f"fields-{number}").write_bytes(bytes([2]) + fields)


def main() -> None:
    """Fuzz until stopped."""
    write_seeds(Path(sys.argv[1]))
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
