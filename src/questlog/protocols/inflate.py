"""Content codings of request bodies, undone with a cap on what comes out."""

from codecs import BOM_UTF8

from isal import isal_zlib

from questlog.model.reasons import Reason, RequestRejected

# The library's stubs declare its exception as an instance.
_DAMAGED: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]
_GZIP = 31
_ZLIB = 15
_RAW_DEFLATE = -15
# A member costs a decompressor and a copy of the rest: real clients send one.
_MAX_MEMBERS = 16


def inflate(body: bytes, content_coding: str, max_bytes: int) -> bytes:
    """The body without its content coding: none, `identity`, `gzip` (also of several members) or `deflate`.

    A UTF-8 byte order mark at its beginning is left out.

    Never holds more than about `max_bytes` of output. Raises `RequestRejected`: `UNKNOWN_CONTENT_CODING`,
    `BAD_COMPRESSION` (damaged, cut short, followed by other bytes) or `INFLATED_BODY_TOO_LARGE` (a plain body too).
    """
    plain = _without_coding(body, content_coding, max_bytes)
    return plain.removeprefix(BOM_UTF8) if plain.startswith(BOM_UTF8) else plain


def _without_coding(body: bytes, content_coding: str, max_bytes: int) -> bytes:
    match content_coding.strip().lower():
        case "gzip" | "x-gzip":
            return _gunzip(body, max_bytes)
        case "" | "identity":
            return _within(body, max_bytes)
        case "deflate":
            return _inflate_deflate(body, max_bytes)
        case other:
            raise RequestRejected(Reason.UNKNOWN_CONTENT_CODING, f"content coding {other[:40]!r}: use gzip or none")


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    plain, rest = _inflate_member(body, _GZIP, max_bytes)
    if not rest:
        return plain
    members = [plain]
    left = max_bytes - len(plain)
    while rest:
        if len(members) == _MAX_MEMBERS:
            raise RequestRejected(Reason.BAD_COMPRESSION, f"more than {_MAX_MEMBERS} gzip members")
        plain, rest = _inflate_member(rest, _GZIP, left)
        members.append(plain)
        left -= len(plain)
    return b"".join(members)


def _inflate_deflate(body: bytes, max_bytes: int) -> bytes:
    """RFC 9110 means zlib's format; some clients send the bare deflate stream."""
    try:
        plain, rest = _inflate_member(body, _ZLIB, max_bytes)
    except RequestRejected as rejected:
        if rejected.reason is not Reason.BAD_COMPRESSION:
            raise
        plain, rest = _inflate_member(body, _RAW_DEFLATE, max_bytes)
    if rest:
        raise RequestRejected(Reason.BAD_COMPRESSION, "bytes after the end of the deflate stream")
    return plain


def _inflate_member(body: bytes, window_bits: int, max_bytes: int) -> tuple[bytes, bytes]:
    """The first stream of `body` inflated, and the bytes after it."""
    decompressor = isal_zlib.decompressobj(window_bits)
    try:
        plain = decompressor.decompress(body, max_bytes + 1)
    except _DAMAGED as error:
        raise RequestRejected(Reason.BAD_COMPRESSION, "the compressed body is damaged") from error
    _within(plain, max_bytes)
    if not decompressor.eof:
        raise RequestRejected(Reason.BAD_COMPRESSION, "the compressed body is cut short")
    return plain, decompressor.unused_data


def _within(plain: bytes, max_bytes: int) -> bytes:
    if len(plain) > max_bytes:
        raise RequestRejected(Reason.INFLATED_BODY_TOO_LARGE, f"the body inflates to more than {max_bytes} bytes")
    return plain
