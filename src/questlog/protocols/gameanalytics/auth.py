"""Who signed a request (spec §1.1)."""

import binascii
import hmac


def is_signed_by(secret_key: bytes | str, body: bytes, authorization: bytes | str) -> bool:
    """Whether `authorization` is the base64 of the HMAC-SHA256 of `body`, exactly as sent, under `secret_key`.

    Takes the same time for any wrong value of the right length. A header that is not ASCII is only a wrong one.
    """
    key = secret_key.encode() if isinstance(secret_key, str) else secret_key
    sent = authorization.encode("utf-8", "replace") if isinstance(authorization, str) else authorization
    return hmac.compare_digest(signature(key, body), sent)


def signature(secret_key: bytes, body: bytes) -> bytes:
    """What a client must send as `Authorization` with `body`."""
    return binascii.b2a_base64(hmac.digest(secret_key, body, "sha256"), newline=False)
