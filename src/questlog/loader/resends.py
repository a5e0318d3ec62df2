"""Requests that a client may send again although most of their events are stored (metrics.md §7)."""

import hashlib

from questlog.loader.sources import Decoded
from questlog.model.record import Envelope

_DIGEST_BYTES = 16
_SALT_BYTES = hashlib.blake2b.SALT_SIZE


def resend_digest(envelope: Envelope, body: bytes, decoded: Decoded) -> str | None:
    """What tells that an inflated body is sent again; None for a request that the client takes for done.

    The player of a token is part of it: a body of Satori does not name its player, and two can send the same.

    Both protocols answer 400 where they drop some events of a request and store the others (`replies.events`,
    `replies.invalid_events`), and some clients then send all of it again. The game may have become lenient meanwhile:
    so a request with events that only a lenient game takes counts too.
    """
    if not decoded.events or not (decoded.dropped or decoded.lenient):
        return None
    return request_digest(envelope, body)


def request_digest(envelope: Envelope, body: bytes) -> str:
    """What tells an inflated body, and whose it is, from others."""
    kind = envelope.kind.to_bytes(2, "big")
    player = hashlib.blake2b((envelope.player_id or "").encode(), digest_size=_SALT_BYTES).digest()
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES, person=kind, salt=player).hexdigest()


def resend_key(digest: str, index: int) -> str:
    """The key of the event at this place of a request with this digest."""
    return f"{digest}:{index}"
