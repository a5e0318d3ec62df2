"""Coverage-guided fuzzing of Satori's decoders: nothing but `RequestRejected` and storable values may come out.

    PYTHONPATH=src:. python tests/fuzz/satori.py CORPUS_DIR -max_total_time=300 -rss_limit_mb=1024

The first byte of an input chooses the function, the rest is what a stranger sends. CORPUS_DIR is filled with the
recorded requests when it is empty.
"""

import base64
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from questlog.collector.routing import Router
from questlog.collector.satori import SATORI
from questlog.model.event import DECODED_COLUMNS, Source, Type
from questlog.model.reasons import RequestRejected
from questlog.protocols.satori.auth import parse_basic, parse_bearer, read_refresh_token, read_token
from questlog.protocols.satori.codec import decode_events, to_columns, undeclared
from questlog.protocols.satori.timestamps import parse_timestamp
from questlog.protocols.satori.wire import (
    decode_authenticate,
    decode_identify,
    decode_logout,
    decode_refresh,
    decode_update_properties,
)

RECORDED = Path(__file__).parents[1] / "corpus" / "satori"
SIGNING_KEY = "the fuzzer's signing key, 32 bytes"
NOW_S = 1_795_288_190
ROUTER = Router((SATORI,), fallback=SATORI)


def events_of(source: Source) -> Callable[[bytes], None]:
    """Decode, decode again with some events refused, and make columns."""

    def run(data: bytes) -> None:
        decoded = decode_events(data, source=source)
        places = sorted([*decoded.indexes, *(event.index for event in decoded.dropped)])
        assert places == list(range(len(places)))
        assert_storable(to_columns(decoded.events))
        refused = undeclared(decoded, frozenset())
        again = decode_events(data, source=source, refused=refused)
        assert [index for index in decoded.indexes if index not in refused] == list(again.indexes)
        lenient = decode_events(data, source=source, is_lenient=True)
        assert set(decoded.indexes) <= set(lenient.indexes)
        assert lenient.lenient == len(lenient.indexes) - len(decoded.indexes)
        assert_storable(to_columns(lenient.events))

    return run


def header(data: bytes) -> None:
    """A header as the server hands it over."""
    text = data.decode("latin-1")
    parse_basic(text)
    token = parse_bearer(text)
    if token:
        read_token(token, SIGNING_KEY, NOW_S)


def jwt_parts(data: bytes) -> None:
    """Base64 is hard to guess: make the three parts of a token from lines."""
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in data.split(b"\n", 2)]
    read_refresh_token(".".join(parts), SIGNING_KEY, NOW_S)


def timestamp(data: bytes) -> None:
    """A time of the years 1 to 9999, or None."""
    time_us = parse_timestamp(data.decode("utf-8", "replace"))
    assert time_us is None or -62_135_596_800_000_000 <= time_us < 253_402_300_800_000_000


def path(data: bytes) -> None:
    """A method and a path."""
    method, _, rest = data.decode("latin-1").partition(" ")
    ROUTER.route(method, rest)


def texts_of(decode: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """A decoded request: every text in it can be stored."""

    def run(data: bytes) -> None:
        repr(decode(data)).encode()

    return run


TARGETS: Sequence[Callable[[bytes], None]] = (
    events_of(Source.SATORI_CLIENT),
    events_of(Source.SATORI_SERVER),
    events_of(Source.SATORI_SYSTEM),
    texts_of(decode_authenticate),
    texts_of(decode_identify),
    texts_of(decode_update_properties),
    texts_of(decode_logout),
    texts_of(decode_refresh),
    header,
    jwt_parts,
    timestamp,
    path,
)


def one_input(data: bytes) -> None:
    """What a fuzzer calls. Raises for anything that a stranger must not be able to cause."""
    if not data:
        return
    try:
        TARGETS[data[0] % len(TARGETS)](data[1:])
    except RequestRejected as rejection:
        assert rejection.detail.encode()  # noqa: PT017 - the fuzzer is no test


def assert_storable(columns: object) -> None:
    """Texts are UTF-8 without NUL, integers fit 64 bits, numbers are finite."""
    assert isinstance(columns, dict)
    for name, values in columns.items():
        for value in values:
            if value is None:
                continue
            match DECODED_COLUMNS[name]:
                case Type.TEXT:
                    assert "\0" not in value.encode().decode()
                case Type.JSON:
                    attributes = json.loads(value.encode())
                    invalid = attributes.get("invalid")
                    texts = [*attributes.items(), *(invalid.items() if isinstance(invalid, dict) else ())]
                    assert all("\0" not in text for item in texts for text in item)
                case Type.INTEGER | Type.TIME:
                    assert -(2**63) <= value < 2**63
                case Type.NUMBER:
                    assert abs(value) < float("inf")


def write_seeds(directory: Path) -> None:
    """The recorded bodies for every function that takes one."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        return
    bodies = {base64.b64decode(json.loads(file.read_text())["body_base64"]) for file in RECORDED.rglob("*.json")}
    for number, body in enumerate(sorted(bodies)):
        for target in range(8):
            directory.joinpath(f"seed-{number}-{target}").write_bytes(bytes([target]) + body)
    for number, body in enumerate(
        (
            b'{"events":[{"name":"a","value":nan,"metadata":{"b":-inf,"c":"NaN"}}]}',
            b'{"events":[{"name":"a","id":[],"timestamp":5,"value":{},"metadata":[1],"sessionIssuedAt":-1}]}',
        )
    ):
        for target in range(4):
            directory.joinpath(f"body-{number}-{target}").write_bytes(bytes([target]) + body)
    for target, text in (
        (8, "Bearer a.b.c"),
        (9, '{"alg":"HS256"}\n{"iid":"x"}\nx'),
        (10, "2026-11-21T19:17:29.5+03:00"),
    ):
        directory.joinpath(f"seed-{target}").write_bytes(bytes([target]) + text.encode())


def main() -> None:
    """Fuzz until stopped."""
    write_seeds(Path(sys.argv[1]))
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
