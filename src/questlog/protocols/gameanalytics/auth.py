"""Who signed a request (spec §1.1)."""

import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _hashlib import HASH

_REMEMBERED_KEYS = 4_096
_BLOCK_BYTES = 64
_INNER, _OUTER = 0x36, 0x5C  # RFC 2104 §2


def is_signed_by(secret_key: bytes | str, body: bytes, authorization: bytes | str) -> bool:
    """Whether `authorization` is the base64 of the HMAC-SHA256 of `body`, exactly as sent, under `secret_key`.

    Takes the same time for any wrong value of the right length. Any header, also one that is not ASCII, is only wrong.
    """
    sent = authorization.encode("utf-8", "replace") if isinstance(authorization, str) else authorization
    return hmac.compare_digest(signature(secret_key, body), sent)


def signature(secret_key: bytes | str, body: bytes) -> bytes:
    """What a client must send as `Authorization` with `body`."""
    inner, outer = (begun.copy() for begun in _begun(secret_key))
    inner.update(body)
    outer.update(inner.digest())
    return binascii.b2a_base64(outer.digest(), newline=False)


@lru_cache(_REMEMBERED_KEYS)
def _begun(secret_key: bytes | str) -> "tuple[HASH, HASH]":
    """The two hashes of HMAC, the key taken in: setting them up costs more than hashing a small body."""
    key = secret_key.encode() if isinstance(secret_key, str) else secret_key
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (_INNER, _OUTER))
    return hashlib.sha256(inner), hashlib.sha256(outer)
