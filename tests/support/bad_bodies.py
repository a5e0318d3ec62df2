"""Bodies of events requests that no client should send, and what must come of them."""

import gzip
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

GIB = 1 << 30
_BLOCK = 16 << 20

GAMEANALYTICS_EVENT: dict[str, Any] = {
    "v": 2,
    "user_id": "player-1",
    "client_ts": 1_763_750_000,
    "sdk_version": "rest api v2",
    "os_version": "ios 17.4",
    "manufacturer": "apple",
    "device": "iPhone15,2",
    "platform": "ios",
    "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014",
    "session_num": 1,
    "category": "design",
    "event_id": "a:b",
}
SATORI_EVENT: dict[str, Any] = {
    "name": "gameStarted",
    "timestamp": "2026-11-21T19:17:29Z",
    "identity_id": "player-0001",
}


class BadBody(NamedTuple):
    """A body, its headers, and what must come of it.

    `reasons` are those of the rejected rows, one each; `stored` the number of events that are rows all the same.
    """

    name: str
    body: bytes
    status: int
    reasons: tuple[str, ...] = ()
    stored: int = 0
    headers: Mapping[str, str] = {}


def gzip_bomb(size: int, members: int = 1) -> bytes:
    """Zeros, in about a thousandth of their size: one compressed block again and again, since all are alike."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(_BLOCK)) + compressor.flush(zlib.Z_FULL_FLUSH)
    member_size = size // members
    stream = block * (member_size // _BLOCK) + compressor.flush()
    checksum = _checksum_of_zeros(member_size) if members > 1 else 0  # a single one is never read to its end
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return (head + stream + struct.pack("<II", checksum, member_size & 0xFFFFFFFF)) * members


def _checksum_of_zeros(size: int) -> int:
    checksum = 0
    for _ in range(size // _BLOCK):
        checksum = zlib.crc32(bytes(_BLOCK), checksum)
    return checksum


def _event(text: str) -> bytes:
    """A request of one event, whose last field is written by hand."""
    return b"[" + json.dumps(GAMEANALYTICS_EVENT).encode()[:-1] + b"," + text.encode() + b"}]"


def _server_event(text: str) -> bytes:
    return b'{"events":[' + json.dumps(SATORI_EVENT).encode()[:-1] + b"," + text.encode() + b"}]}"


GOOD = json.dumps([GAMEANALYTICS_EVENT]).encode()
GOOD_SERVER_EVENTS = json.dumps({"events": [SATORI_EVENT]}).encode()
_ZIPPED = gzip.compress(GOOD)
_FLIPPED = _ZIPPED[:40] + bytes([_ZIPPED[40] ^ 1]) + _ZIPPED[41:]
_GZIP = {"Content-Encoding": "gzip"}
_DEFLATE = {"Content-Encoding": "deflate"}
_DEEP = 100_000

GAMEANALYTICS = (
    # Compression
    BadBody("gzip of nothing", b"", 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip that is none", GOOD, 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip header alone", _ZIPPED[:10], 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip cut short", _ZIPPED[:-9], 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip without its checksum", _ZIPPED[:-8], 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip with another checksum", _ZIPPED[:-8] + bytes(8), 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip with a flipped bit", _FLIPPED, 400, ("bad_compression",), headers=_GZIP),
    BadBody("gzip and more behind it", _ZIPPED + b"more", 400, ("bad_compression",), headers=_GZIP),
    BadBody("deflate that is none", GOOD, 400, ("bad_compression",), headers=_DEFLATE),
    BadBody("an unknown coding", GOOD, 400, ("unknown_content_coding",), headers={"Content-Encoding": "br"}),
    BadBody("two codings", _ZIPPED, 400, ("unknown_content_coding",), headers={"Content-Encoding": "gzip, gzip"}),
    BadBody("a bomb of 1 GiB", gzip_bomb(GIB), 413, ("inflated_body_too_large",), headers=_GZIP),
    BadBody("a bomb in 64 members", gzip_bomb(GIB, 64), 413, ("inflated_body_too_large",), headers=_GZIP),
    BadBody("a deflated bomb", zlib.compress(bytes(64 << 20)), 413, ("inflated_body_too_large",), headers=_DEFLATE),
    # JSON
    BadBody("nothing", b"", 400, ("not_json",)),
    BadBody("white space", b" \n\t ", 400, ("not_json",)),
    BadBody("half a list", GOOD[:-1], 400, ("not_json",)),
    BadBody("a list and more", GOOD + b"]", 400, ("not_json",)),
    BadBody("an object", GOOD[1:-1], 400, ("not_a_list",)),
    BadBody("null", b"null", 400, ("not_a_list",)),
    BadBody("a text", b'"x"', 400, ("not_a_list",)),
    BadBody("no objects", b'[1, null, "x", [], true]', 400, ("failed_validation",) * 5),
    BadBody("an empty object", b"[{}]", 400, ("failed_validation",)),
    BadBody("lists without end", b"[" * _DEEP, 400, ("too_deep",)),
    BadBody("deep lists", b"[" * _DEEP + b"]" * _DEEP, 400, ("too_deep",)),
    BadBody("deep objects", b"[" + b'{"a":' * _DEEP + b"1" + b"}" * _DEEP + b"]", 400, ("too_deep",)),
    BadBody("a deep field", _event('"custom_fields":' + '{"a":' * _DEEP + "1" + "}" * _DEEP), 400, ("too_deep",)),
    BadBody("a deep unknown field", _event('"zzz":' + "[" * _DEEP + "]" * _DEEP), 400, ("too_deep",)),
    BadBody("NaN", _event('"value":NaN'), 200, stored=1),
    BadBody("infinity", _event('"value":-Infinity'), 200, stored=1),
    BadBody("NaN in half a list", _event('"value":NaN')[:-1], 400, ("not_json",)),
    BadBody("two NaN of three bytes", _event('"value":NaNNaN'), 400, ("not_json",)),
    BadBody("a number beyond doubles", _event('"value":1e999'), 400, ("failed_validation",)),
    BadBody("an integer of 400 digits", _event('"value":' + "9" * 400), 400, ("failed_validation",)),
    BadBody("an integer of 100 000 digits", _event('"value":' + "9" * 100_000), 400, ("failed_validation",)),
    BadBody("an unknown field of 100 000 digits", _event('"zzz":' + "9" * 100_000), 400, ("failed_validation",)),
    BadBody("a session_num beyond 64 bits", _event('"session_num":18446744073709551616'), 400, ("failed_validation",)),
    BadBody("a number near nothing", _event('"value":1e-999'), 200, stored=1),
    BadBody("broken UTF-8", GOOD.replace(b"player-1", b"player-\xff"), 400, ("not_json",)),
    BadBody("overlong UTF-8", GOOD.replace(b"player-1", b"player-\xc0\x80"), 400, ("not_json",)),
    BadBody("a surrogate in UTF-8", GOOD.replace(b"player-1", b"player-\xed\xa0\x80"), 400, ("not_json",)),
    BadBody("half a surrogate pair", GOOD.replace(b"player-1", b"player-\\ud800"), 200, stored=1),
    BadBody("a byte order mark", b"\xef\xbb\xbf" + GOOD, 200, stored=1),
    BadBody("two byte order marks", b"\xef\xbb\xbf" * 2 + GOOD, 400, ("not_json",)),
    BadBody("UTF-16", GOOD.decode().encode("utf-16"), 400, ("not_json",)),
    BadBody("a NUL byte", GOOD.replace(b"player-1", b"player-\0"), 400, ("not_json",)),
    BadBody("an escaped NUL", GOOD.replace(b"player-1", b"player-\\u0000"), 200, stored=1),
    BadBody("a field twice", _event('"user_id":"player-2"'), 200, stored=1),
    BadBody("a wrong field after a right one", _event('"user_id":7'), 400, ("failed_validation",)),
    BadBody(
        "a right event among wrong ones", b"[{}," + GOOD[1:-1] + b",{}]", 400, ("failed_validation",) * 2, stored=1
    ),
    BadBody("a field of 900 kB", _event('"zzz":"' + "x" * 900_000 + '"'), 200, stored=1),
    BadBody("70 000 unknown fields", _event(",".join(f'"f{n}":1' for n in range(70_000))), 200, stored=1),
    BadBody("half a million events", b"[" + b"1," * 500_000 + b"1]", 413, ("body_too_large",)),
    BadBody("10 001 events", b"[" + b"{}," * 10_000 + b"{}]", 413, ("body_too_large",)),
)
"""Of `POST /v2/<key>/events`."""

SATORI = (
    BadBody("gzip that is none", GOOD_SERVER_EVENTS, 400, ("bad_compression",), headers=_GZIP),
    BadBody("a bomb of 1 GiB", gzip_bomb(GIB), 413, ("inflated_body_too_large",), headers=_GZIP),
    BadBody("nothing", b"", 200),
    BadBody("a list", b"[]", 400, ("not_an_object",)),
    BadBody("null", b"null", 400, ("not_an_object",)),
    BadBody("events that are no list", b'{"events":{}}', 400, ("bad_field",)),
    BadBody("deep lists", b'{"events":' + b"[" * _DEEP + b"]" * _DEEP + b"}", 400, ("too_deep",)),
    BadBody("a deep unknown field", _server_event('"zzz":' + "[" * _DEEP + "]" * _DEEP), 400, ("too_deep",)),
    BadBody("broken UTF-8", GOOD_SERVER_EVENTS.replace(b"gameStarted", b"game\xff"), 400, ("not_json",)),
    BadBody("half a surrogate pair", GOOD_SERVER_EVENTS.replace(b"gameStarted", b"game\\ud800"), 400, ("not_json",)),
    BadBody("NaN", _server_event('"value":nan'), 200, stored=1),
    BadBody("a byte order mark", b"\xef\xbb\xbf" + GOOD_SERVER_EVENTS, 200, stored=1),
    BadBody("an escaped NUL", _server_event('"value":"\\u0000"'), 400, ("INVALID_VALUE",)),
    BadBody("a NUL in metadata", _server_event('"metadata":{"a":"\\u0000"}'), 400, ("INVALID_METADATA",)),
    BadBody("a name of a megabyte", _server_event(f'"name":"{"x" * 900_000}"'), 400, ("INVALID_NAME",)),
    BadBody(
        "times beyond all years", _server_event('"session_issued_at":9223372036854775807'), 400, ("INVALID_TIMESTAMP",)
    ),
    BadBody(
        "a number of 100 000 digits", _server_event('"session_issued_at":' + "9" * 100_000), 400, ("INVALID_TIMESTAMP",)
    ),
    BadBody("the year 10 000", _server_event('"timestamp":"10000-01-01T00:00:00Z"'), 400, ("INVALID_TIMESTAMP",)),
    BadBody("half a million values", _server_event('"zzz":[' + "1," * 500_000 + "1]"), 413, ("body_too_large",)),
    BadBody(
        "50 000 keys",
        _server_event('"metadata":{' + ",".join(f'"{n}":1' for n in range(50_000)) + "}"),
        400,
        ("METADATA_SIZE_EXCEEDED",),
    ),
    BadBody("a name twice", _server_event('"name":"other"'), 200, stored=1),
)
"""Of `POST /v1/server-event`."""
