import contextlib
import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.inflate import inflate

PLAIN = b'[{"v":2}]' * 50


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def reason_of(body: bytes, coding: str, max_bytes: int) -> Reason:
    with pytest.raises(RequestRejected) as rejected:
        inflate(body, coding, max_bytes)
    return rejected.value.reason


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (PLAIN, ""),
        (PLAIN, "identity"),
        (gzip.compress(PLAIN, mtime=0), "gzip"),
        (gzip.compress(PLAIN, mtime=0), " GZip "),
        (gzip.compress(PLAIN, mtime=0), "x-gzip"),
        (gzip.compress(PLAIN[:7], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(PLAIN[7:], mtime=0), "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (bare_deflate(PLAIN), "deflate"),
    ],
)
def test_every_coding_gives_the_plain_body(body: bytes, coding: str) -> None:
    assert inflate(body, coding, len(PLAIN)) == PLAIN


@pytest.mark.parametrize(("coding", "code"), [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_byte_order_mark_is_skipped_in_every_coding(coding: str, code: Callable[[bytes], bytes]) -> None:
    assert inflate(code(BOM_UTF8 + PLAIN), coding, 10_000) == PLAIN
    assert inflate(code(BOM_UTF8), coding, 10_000) == b""
    assert inflate(code(PLAIN + BOM_UTF8), coding, 10_000) == PLAIN + BOM_UTF8


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"", "gzip"),
        (PLAIN, "gzip"),
        (gzip.compress(PLAIN, mtime=0)[:-1], "gzip"),
        (gzip.compress(PLAIN, mtime=0)[:20], "gzip"),
        (gzip.compress(PLAIN, mtime=0)[:-8] + bytes(8), "gzip"),
        (gzip.compress(PLAIN, mtime=0) + b"x", "gzip"),
        (gzip.compress(PLAIN, mtime=0) + gzip.compress(PLAIN, mtime=0)[:-1], "gzip"),
        (PLAIN, "deflate"),
        (zlib.compress(PLAIN) + b"x", "deflate"),
        (zlib.compress(PLAIN)[:-1], "deflate"),
    ],
)
def test_damage_is_named(body: bytes, coding: str) -> None:
    assert reason_of(body, coding, 1 << 20) is Reason.BAD_COMPRESSION


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "\x00"])
def test_an_unknown_coding_is_named(coding: str) -> None:
    assert reason_of(PLAIN, coding, 1 << 20) is Reason.UNKNOWN_CONTENT_CODING


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (PLAIN, ""),
        (gzip.compress(PLAIN, mtime=0), "gzip"),
        (gzip.compress(PLAIN[:-1], mtime=0) + gzip.compress(PLAIN[-1:], mtime=0), "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (bare_deflate(PLAIN), "deflate"),
    ],
)
def test_one_byte_above_the_cap_is_too_much(body: bytes, coding: str) -> None:
    assert reason_of(body, coding, len(PLAIN) - 1) is Reason.INFLATED_BODY_TOO_LARGE


def test_a_bomb_is_not_inflated_beyond_the_cap() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert reason_of(bomb, "gzip", 1000) is Reason.INFLATED_BODY_TOO_LARGE


def test_many_members_are_refused_because_each_costs_a_copy_of_the_rest() -> None:
    assert inflate(gzip.compress(b"x", mtime=0) * 16, "gzip", 16) == b"x" * 16
    assert reason_of(gzip.compress(b"x", mtime=0) * 17, "gzip", 17) is Reason.BAD_COMPRESSION


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "br"]), st.integers(0, 1000))
def test_any_bytes_are_a_body_or_a_rejection(body: bytes, coding: str, max_bytes: int) -> None:
    with contextlib.suppress(RequestRejected):
        assert len(inflate(body, coding, max_bytes)) <= max_bytes
