"""JSON as bytes, and the ways of not being it."""

import re
from typing import TypeVar

import msgspec

from questlog.model.reasons import Reason, RequestRejected

_T = TypeVar("_T")
_MAX_MENDED_BYTES = 1_048_576

# An escaped backslash or a whole pair (kept), or half a pair.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
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


def check_utf8(body: bytes) -> None:
    """Raise `RequestRejected` (`NOT_JSON`) for bad UTF-8: msgspec does not look into strings that it skips."""
    try:
        body.isascii() or body.decode()
    except UnicodeDecodeError as error:
        raise RequestRejected(Reason.NOT_JSON, str(error)) from error


def with_whole_surrogates(body: bytes) -> bytes:
    r"""Write halves of a surrogate pair, which a client makes by cutting a text within an emoji, as \ufffd.

    JSON's grammar allows them (RFC 8259 §8.2), UTF-8 does not. A body above 1 MiB is left as it is: this takes long.
    """
    if len(body) > _MAX_MENDED_BYTES:
        return body
    return _SURROGATES.sub(lambda match: rb"\ufffd" if match[1] else match[0], body)
