"""JSON as bytes, and the ways of not being it."""

import re
from typing import TypeVar

import msgspec

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.numbers import with_nulls

_T = TypeVar("_T")

# A half of a surrogate pair without the other; escaped backslashes must not be in the text.
_HALF_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def read_json(decoder: msgspec.json.Decoder[_T], body: bytes | msgspec.Raw) -> _T:
    """Decode, with every way of being unreadable as `RequestRejected`: `NOT_JSON` (also bad UTF-8) or `TOO_DEEP`.

    Raises `msgspec.ValidationError` for JSON of another shape than the decoder's.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise RequestRejected(Reason.TOO_DEEP, "the JSON is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRejected(Reason.NOT_JSON, str(error)) from error


def read_mended_json(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """`read_json`, for a whole body: what is no JSON is read once more as `mended`."""
    try:
        return read_json(decoder, body)
    except RequestRejected as rejected:
        if rejected.reason is not Reason.NOT_JSON or (other := mended(body)) == body:
            raise
    return read_json(decoder, other)


def mended(body: bytes) -> bytes:
    """A body that is no JSON with what can be known to be meant in place of what JSON does not have."""
    return with_nulls(with_storable_text(body))


def check_utf8(body: bytes) -> None:
    """Raise `RequestRejected` (`NOT_JSON`) for bad UTF-8: msgspec does not look into strings that it skips."""
    try:
        body.isascii() or body.decode()
    except UnicodeDecodeError as error:
        raise RequestRejected(Reason.NOT_JSON, str(error)) from error


def with_storable_text(body: bytes) -> bytes:
    r"""Write escapes that JSON allows and the store does not as \ufffd, the character for what cannot be shown.

    They are NUL, which the store keeps for itself, and halves of a surrogate pair, which a client makes by cutting a
    text within an emoji and which UTF-8 cannot write (RFC 8259 §8.2).
    """
    if b"\0" in body:
        return body  # no JSON, so that the byte can stand for an escaped backslash in the others
    escaped = body.replace(rb"\\", b"\0")
    mended = _HALF_PAIR.sub(rb"\\ufffd", escaped).replace(rb"\u0000", rb"\ufffd")
    return mended.replace(b"\0", rb"\\")
