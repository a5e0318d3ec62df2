"""What one journal record holds: an envelope, then the request's body as received."""

import enum

import msgspec


class Kind(enum.IntEnum):
    """What the body of a record is. Numbers are on disk: never reuse one."""

    GAMEANALYTICS_EVENTS = 1
    SATORI_CLIENT_EVENTS = 2
    SATORI_SERVER_EVENTS = 3
    SATORI_SYSTEM_EVENTS = 4  # made by the server itself; body: Satori's EventRequest
    PLAYER_PROPERTIES = 5  # body: {"default": {…}, "custom": {…}}, all values text; the player's whole state
    PLAYER_ERASURE = 6  # no body
    REJECTED_REQUEST = 7  # body: the first bytes of what was received


class Envelope(msgspec.Struct, array_like=True, omit_defaults=True, frozen=True):
    """Everything that the body does not say and that decoding it again needs.

    `received_at`, `session_issued_at` and `session_expires_at` are UTC microseconds. `country` is ISO 3166 alpha-2.
    `player_id` and `session_id` come from a session token. `refused` lists the places of events that a rule outside the
    body refused (a strict game's undeclared names), and `is_lenient` says whether annotations could be invalid: so
    decoding again gives the same answer. `reason`, `detail` and `source` (a `Source`, as far as the request told)
    belong to a rejected request. Fields are positional on disk: only append.
    """

    kind: int
    game_id: int
    received_at: int
    content_coding: str = ""
    country: str | None = None
    api_key_name: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    session_issued_at: int | None = None
    session_expires_at: int | None = None
    refused: tuple[int, ...] = ()
    reason: str | None = None
    detail: str | None = None
    source: str | None = None
    is_lenient: bool = False


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the journal: the byte at which a record of a writer's segment starts, or ends and the next starts."""

    writer: int
    segment: int
    offset: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)
_HEAD_BYTES = 2


def encode_record(envelope: Envelope, body: bytes) -> bytes:
    """The record's bytes: the envelope's length (2 bytes), the envelope (MessagePack), the body."""
    head = _encoder.encode(envelope)
    return len(head).to_bytes(_HEAD_BYTES, "big") + head + body


def decode_record(record: bytes) -> tuple[Envelope, bytes]:
    """The inverse of `encode_record`. Raises `ValueError` for bytes that it did not write."""
    end = _HEAD_BYTES + int.from_bytes(record[:_HEAD_BYTES], "big")
    return _decoder.decode(record[_HEAD_BYTES:end]), record[end:]
