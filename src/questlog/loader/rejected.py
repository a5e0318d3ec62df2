"""What was not stored among the events, as rows with a reason."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pyarrow as pa

from questlog.loader.resends import resend_key
from questlog.loader.times import EARLIEST_US, LATEST_US
from questlog.model.event import Source
from questlog.model.reasons import DroppedEvent, FieldError, Reason
from questlog.model.record import Envelope, Position
from questlog.model.taxonomy import CUSTOM
from questlog.store.contract import STAGED_REJECTED

RAW_BYTES = 16_384
"""How much of what was sent is kept with its reason."""

_DETAIL_CHARACTERS = 1000
_TEXT_CHARACTERS = 300


class RejectedRow(NamedTuple):
    """One row of `STAGED_REJECTED`, in its order."""

    game_id: int
    received_at: int
    source: str
    api_key_name: str | None
    is_whole_request: bool
    reason: str
    detail: str
    errors: str | None
    raw: str
    player_id: str | None
    category: str | None = None
    event_id: str | None = None
    session_id: str | None = None
    build: str | None = None
    sdk_version: str | None = None
    country: str | None = None
    session_issued_at: int | None = None
    session_expires_at: int | None = None
    writer: int | None = None
    segment: int | None = None
    record_offset: int | None = None
    record_index: int | None = None
    resend_key: str | None = None
    is_complete: bool = False


class DroppedAt(NamedTuple):
    """Where a request lies in the journal, and what tells that its body is sent again."""

    start: Position
    digest: str


class _Said(msgspec.Struct):
    """What an event of either protocol says of itself, whatever types its values have."""

    user_id: object = None
    identity_id: object = None
    identity_id_camel: object = msgspec.field(default=None, name="identityId")
    category: object = None
    event_id: object = None
    name: object = None
    session_id: object = None
    session_id_camel: object = msgspec.field(default=None, name="sessionId")
    build: object = None
    sdk_version: object = None


_said_decoder = msgspec.json.Decoder(_Said)
_NOTHING_SAID = _Said()
_errors_encoder = msgspec.json.Encoder()


def dropped_row(envelope: Envelope, source: Source, dropped: DroppedEvent, at: DroppedAt) -> RejectedRow:
    """One event of a readable request, with what it takes to decode it again."""
    said = _said(dropped.raw)
    is_of_satori = source is not Source.GAMEANALYTICS
    return RejectedRow(
        game_id=envelope.game_id,
        received_at=_storable(envelope.received_at),
        source=source,
        api_key_name=envelope.api_key_name,
        is_whole_request=False,
        reason=dropped.reason,
        detail=dropped.detail[:_DETAIL_CHARACTERS],
        errors=_errors(dropped.errors),
        raw=_text(dropped.raw),
        player_id=envelope.player_id or _player_of(said),
        category=CUSTOM if is_of_satori else _first_text(said.category),
        event_id=_first_text(said.name if is_of_satori else said.event_id),
        session_id=envelope.session_id or _first_text(said.session_id, said.session_id_camel),
        build=_first_text(said.build),
        sdk_version=_first_text(said.sdk_version),
        country=envelope.country,
        session_issued_at=_storable_or_none(envelope.session_issued_at),
        session_expires_at=_storable_or_none(envelope.session_expires_at),
        writer=at.start.writer,
        segment=at.start.segment,
        record_offset=at.start.offset,
        record_index=dropped.index,
        resend_key=resend_key(at.digest, dropped.index),
        is_complete=_is_complete(dropped.raw),
    )


def request_row(envelope: Envelope, source: Source | str, reason: str, detail: str, raw: bytes) -> RejectedRow:
    """A whole request."""
    return RejectedRow(
        game_id=envelope.game_id,
        received_at=_storable(envelope.received_at),
        source=source,
        api_key_name=envelope.api_key_name,
        is_whole_request=True,
        reason=reason,
        detail=detail[:_DETAIL_CHARACTERS],
        errors=None,
        raw=_text(raw),
        player_id=envelope.player_id,
        country=envelope.country,
        is_complete=_is_complete(raw),
    )


def damage_row(detail: str, raw: bytes, now_us: int) -> RejectedRow:
    """Bytes of the journal that are no record: nobody knows whose they were."""
    envelope = Envelope(kind=0, game_id=0, received_at=now_us)
    return request_row(envelope, Source.UNKNOWN, Reason.CORRUPT_RECORD, detail, raw)


def rejected_table(rows: Iterable[RejectedRow]) -> pa.Table:
    """The rows as `STAGED_REJECTED`."""
    columns = list(zip(*rows, strict=True)) or [()] * len(STAGED_REJECTED)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, STAGED_REJECTED, strict=True)]
    return pa.Table.from_arrays(arrays, schema=STAGED_REJECTED)


def _storable(micros: int) -> int:
    return min(max(micros, EARLIEST_US), LATEST_US)


def _errors(errors: tuple[FieldError, ...]) -> str | None:
    return _errors_encoder.encode(errors).decode() if errors else None


def _text(raw: bytes) -> str:
    return raw[:RAW_BYTES].decode(errors="replace")


def _storable_or_none(micros: int | None) -> int | None:
    return None if micros is None else _storable(micros)


def _is_complete(raw: bytes) -> bool:
    """Whether the text that is kept says every byte."""
    try:
        return len(raw) <= RAW_BYTES and raw.decode() is not None
    except UnicodeDecodeError:
        return False


def _said(raw: bytes) -> _Said:
    try:
        return _said_decoder.decode(raw)
    except (ValueError, RecursionError):
        return _NOTHING_SAID


def _player_of(said: _Said) -> str | None:
    """Whose the event is, so that erasing a player finds it."""
    for player_id in (said.user_id, said.identity_id, said.identity_id_camel):
        if isinstance(player_id, str) and player_id:
            return player_id
    return None


def _first_text(*values: object) -> str | None:
    """The first that is a text with characters, cut to a bound; what no column can hold becomes U+FFFD."""
    for value in values:
        if isinstance(value, str) and value:
            return value[:_TEXT_CHARACTERS].replace("\0", "\ufffd").encode(errors="replace").decode()
    return None
