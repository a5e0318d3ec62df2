"""What was not stored among the events, as rows with a reason."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pyarrow as pa

from questlog.loader.times import EARLIEST_US, LATEST_US
from questlog.model.event import Source
from questlog.model.reasons import DroppedEvent, FieldError, Reason
from questlog.model.record import Envelope
from questlog.store.contract import STAGED_REJECTED

RAW_BYTES = 16_384
"""How much of what was sent is kept with its reason."""

_DETAIL_CHARACTERS = 1000


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


class _Owner(msgspec.Struct):
    """The fields by which either protocol names an event's player."""

    user_id: object = None
    identity_id: object = None
    identity_id_camel: object = msgspec.field(default=None, name="identityId")


_owner_decoder = msgspec.json.Decoder(_Owner)
_errors_encoder = msgspec.json.Encoder()


def dropped_row(envelope: Envelope, source: Source, dropped: DroppedEvent) -> RejectedRow:
    """One event of a readable request."""
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
        player_id=envelope.player_id or _player_of(dropped.raw),
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


def _player_of(raw: bytes) -> str | None:
    """Whose the event is, so that erasing a player finds it."""
    try:
        owner = _owner_decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    for player_id in (owner.user_id, owner.identity_id, owner.identity_id_camel):
        if isinstance(player_id, str) and player_id:
            return player_id
    return None
