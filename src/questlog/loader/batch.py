"""From journal entries to one batch: every record decoded, or kept with a reason."""

from collections.abc import Mapping

import msgspec

from questlog.journal.contract import Entry
from questlog.loader.columns import EventGroup, events_table
from questlog.loader.decoding import Decoding
from questlog.loader.rejected import DroppedAt, RejectedRow, damage_row, dropped_row, rejected_table, request_row
from questlog.loader.resends import request_digest, resend_digest
from questlog.loader.sources import SOURCE_OF_KIND, EventSource
from questlog.model.event import Source
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, Position, decode_record
from questlog.protocols.inflate import inflate
from questlog.store.contract import Batch, PlayerErasure, PlayerProperties

DATA_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What decoding and conversion raise for a value they cannot take; pyarrow's and msgspec's errors are among them."""


class ValuesRefused(Exception):
    """Values of the batch that their columns cannot hold."""


class _Properties(msgspec.Struct):
    default: dict[str, str]
    custom: dict[str, str]


_properties_decoder = msgspec.json.Decoder(_Properties)


class BatchBuilder:
    """Gathers entries, in the order they were read, into one batch."""

    def __init__(self, decoding: Decoding, now_us: int) -> None:
        """`now_us` dates what has no time of its own: damage."""
        self._decoding = decoding
        self._now_us = now_us
        self._groups: dict[int, EventGroup] = {}
        self._rejected: list[RejectedRow] = []
        self._properties: list[PlayerProperties] = []
        self._erasures: list[PlayerErasure] = []
        self._positions: dict[int, Position] = {}
        self._newest_received_at: int | None = None
        self._oldest_received_at: int | None = None
        self._fault: ValuesRefused | None = None
        self.entries: list[Entry] = []
        self.event_count = 0

    @property
    def is_closed(self) -> bool:
        """Whether the batch ends here, because a fault has to be found."""
        return self._fault is not None

    @property
    def positions(self) -> Mapping[int, Position]:
        """Where each writer's journal has been read to, with this batch."""
        return self._positions

    @property
    def received_between(self) -> tuple[int, int] | None:
        """When the oldest and the newest request of the batch was received (UTC microseconds)."""
        if self._oldest_received_at is None or self._newest_received_at is None:
            return None
        return self._oldest_received_at, self._newest_received_at

    def add(self, entry: Entry) -> None:
        """Take an entry; whatever is wrong with it becomes a rejected row."""
        self._advance(entry)
        if entry.record is None:
            self._rejected.append(damage_row(f"unreadable {_stretch(entry)}", b"", self._now_us))
            return
        try:
            envelope, body = decode_record(entry.record)
        except DATA_FAULTS as error:
            self._rejected.append(damage_row(f"no record: {_stretch(entry)}: {error}", entry.record, self._now_us))
            return
        self._note_time(envelope.received_at)
        try:
            self._add_record(entry, envelope, body)
        except RequestRejected as rejection:
            self._reject_request(envelope, rejection.reason, rejection.detail, body)
        except DATA_FAULTS as error:
            self._reject_request(envelope, Reason.CORRUPT_RECORD, told(error), body)

    def add_refused(self, entry: Entry, detail: str) -> None:
        """Take an entry as one that cannot be stored: a rejected row with its raw bytes, whatever is in it."""
        self._advance(entry)
        record = entry.record or b""
        try:
            envelope, body = decode_record(record)
        except DATA_FAULTS:
            self._rejected.append(damage_row(detail, record, self._now_us))
        else:
            self._note_time(envelope.received_at)
            self._reject_request(envelope, Reason.CORRUPT_RECORD, detail, body)

    def build(self) -> Batch:
        """The batch. Raises `ValuesRefused`."""
        if self._fault is not None:
            raise self._fault
        try:
            events = events_table(list(self._groups.values()))
            rejected = rejected_table(self._rejected)
        except DATA_FAULTS as error:
            raise ValuesRefused(told(error)) from error
        return Batch(
            events=events,
            rejected=rejected,
            properties=self._properties,
            erasures=self._erasures,
            positions=self._positions,
        )

    def _advance(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._positions[entry.end.writer] = entry.end

    def _note_time(self, received_at: int) -> None:
        newest, oldest = self._newest_received_at, self._oldest_received_at
        self._newest_received_at = received_at if newest is None else max(newest, received_at)
        self._oldest_received_at = received_at if oldest is None else min(oldest, received_at)

    def _add_record(self, entry: Entry, envelope: Envelope, body: bytes) -> None:
        source = self._decoding.sources.get(envelope.kind)
        if source is not None:
            self._add_events(entry, envelope, body, source)
        elif envelope.kind == Kind.PLAYER_PROPERTIES:
            self._add_properties(envelope, body)
        elif envelope.kind == Kind.PLAYER_ERASURE:
            self._erasures.append(PlayerErasure(envelope.game_id, _player_of(envelope), envelope.received_at))
        elif envelope.kind == Kind.REJECTED_REQUEST:
            self._reject_request(envelope, envelope.reason or Reason.CORRUPT_RECORD, envelope.detail or "", body)
        else:
            raise ValueError(f"unknown kind of record: {envelope.kind}")

    def _add_events(self, entry: Entry, envelope: Envelope, body: bytes, source: EventSource) -> None:
        plain = inflate(body, envelope.content_coding, self._decoding.max_inflated_bytes)
        decoded = source.decode_events(plain, envelope)
        if decoded.dropped:
            at = DroppedAt(entry.start, request_digest(envelope, plain))
            self._rejected.extend(dropped_row(envelope, source.source, each, at) for each in decoded.dropped)
        if not decoded.events:
            return
        group = self._groups.get(envelope.kind)
        if group is None:
            group = self._groups[envelope.kind] = EventGroup(source, self._decoding)
        self.event_count += len(decoded.events)
        try:
            group.add(len(self.entries), entry.start, envelope, decoded, resend_digest(envelope, plain, decoded))
        except DATA_FAULTS as error:  # perhaps an earlier record's
            self._fault = ValuesRefused(told(error))

    def _add_properties(self, envelope: Envelope, body: bytes) -> None:
        _properties_decoder.decode(body)
        self._properties.append(
            PlayerProperties(envelope.game_id, _player_of(envelope), envelope.received_at, body.decode())
        )

    def _reject_request(self, envelope: Envelope, reason: str, detail: str, body: bytes) -> None:
        source = SOURCE_OF_KIND.get(envelope.kind) or envelope.source or Source.UNKNOWN
        self._rejected.append(request_row(envelope, source, reason, detail, body))


def _player_of(envelope: Envelope) -> str:
    if not envelope.player_id:
        raise ValueError("a record about a player that names none")
    return envelope.player_id


def told(error: Exception) -> str:
    """The kind of error and its message."""
    return f"{type(error).__name__}: {error}"


def _stretch(entry: Entry) -> str:
    start, end = entry.start, entry.end
    return f"bytes {start.offset} to {end.offset} of segment {start.segment} of writer {start.writer}"
