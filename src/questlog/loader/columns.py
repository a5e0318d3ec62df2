"""From decoded events to the columns that a store takes (`STAGED_EVENTS`)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.loader.decoding import Decoding
from questlog.loader.money import Converter
from questlog.loader.resends import resend_key
from questlog.loader.sources import Decoded, EventSource
from questlog.loader.times import DAY_US, Micros, Senders, event_times, known_times, time_column, timestamps
from questlog.model.event import DECODED_COLUMNS, NIL_UUID, Type
from questlog.model.record import Envelope, Position
from questlog.store.contract import STAGED_EVENTS

CHUNK_EVENTS = 2000
"""Events turned into columns at a time: so few that they are still in the processor's cache."""


class _Chunk(NamedTuple):
    """How many events, and those of their `DECODED_COLUMNS` that they have."""

    events: int
    arrays: dict[str, pa.Array]


class OrderedEvents(NamedTuple):
    """Some events, and for each the place of its request among all of the batch."""

    ordinals: npt.NDArray[np.int64]
    columns: pa.RecordBatch


class EventGroup:
    """The events of all requests of one kind in a batch.

    What they say themselves is turned into columns chunk by chunk; the rest, which costs as much for few events as for
    many, once for all of them.
    """

    def __init__(self, source: EventSource, decoding: Decoding) -> None:
        self._source = source
        self._decoding = decoding
        self._events: list[Any] = []
        self._chunks: list[_Chunk] = []
        self._indexes: list[int] = []
        self._envelopes: list[Envelope] = []
        self._starts: list[Position] = []
        self._ordinals: list[int] = []
        self._counts: list[int] = []
        self._digests: list[str | None] = []

    def add(
        self, ordinal: int, start: Position, envelope: Envelope, decoded: Decoded, digest: str | None = None
    ) -> None:
        """Take a request's events. `ordinal` is the request's place among all of the batch; `digest`: `resend_digest`.

        Raises what pyarrow does (`ArrowInvalid`, `ArrowTypeError`, `OverflowError`, `UnicodeEncodeError`) for a value
        of this or an earlier request that its column cannot hold.
        """
        self._events.extend(decoded.events)
        self._indexes.extend(decoded.indexes)
        self._envelopes.append(envelope)
        self._starts.append(start)
        self._ordinals.append(ordinal)
        self._counts.append(len(decoded.events))
        self._digests.append(digest)
        if len(self._events) >= CHUNK_EVENTS:
            self._convert()

    def finish(self) -> OrderedEvents:
        """All events as `STAGED_EVENTS`, in the order they were added. Raises as `add` does."""
        self._convert()
        ordinals = np.repeat(np.array(self._ordinals, dtype=np.int64), self._counts)
        columns = self._columns()
        arrays = [columns[name] for name in STAGED_EVENTS.names]
        return OrderedEvents(ordinals, pa.RecordBatch.from_arrays(arrays, schema=STAGED_EVENTS))

    def _convert(self) -> None:
        columns = self._source.to_columns(self._events)
        arrays = {name: _array(name, DECODED_COLUMNS[name], values) for name, values in columns.items()}
        self._chunks.append(_Chunk(len(self._events), arrays))
        self._events = []

    def _columns(self) -> dict[str, pa.Array]:
        columns = self._request_columns() | {name: self._decoded_column(name) for name in DECODED_COLUMNS}
        if self._source.is_player_from_token:
            columns |= self._token_columns()
        for name in ("session_issued_at", "session_expires_at"):
            columns[name] = known_times(columns[name], self._decoding.earliest_us)
        columns["country"] = pc.coalesce(columns["country"], self._per_request_text(lambda each: each.country))
        received_at = self._per_request(np.int64, lambda each: each.received_at)
        senders = Senders(self._rows(), columns["player_id"])
        event_time = event_times(columns["client_time"], received_at, senders, self._decoding.earliest_us)
        columns["received_at"] = timestamps(received_at)
        columns["event_time"] = timestamps(event_time)
        columns |= _dollar_columns(columns, event_time, self._decoding.converter)
        columns["receipt_state"] = self._decoding.receipts.states(columns)
        columns["resend_key"] = self._resend_keys(columns["client_event_id"])
        return columns

    def _resend_keys(self, client_event_ids: pa.Array) -> pa.Array:
        """Keys for the events without an id of requests that may come again."""
        if not any(self._digests):
            return pa.nulls(len(self._indexes), pa.string())
        keys: list[str | None] = [None] * len(self._indexes)
        end = 0
        for digest, count in zip(self._digests, self._counts, strict=True):
            start, end = end, end + count
            if digest is not None:
                for row in range(start, end):
                    if not client_event_ids[row].is_valid:
                        keys[row] = resend_key(digest, self._indexes[row])
        return pa.array(keys, pa.string())

    def _decoded_column(self, name: str) -> pa.Array:
        kind = STAGED_EVENTS.field(name).type
        if not any(name in chunk.arrays for chunk in self._chunks):
            return pa.nulls(len(self._indexes), kind)
        return pa.concat_arrays(
            [chunk.arrays[name] if name in chunk.arrays else pa.nulls(chunk.events, kind) for chunk in self._chunks]
        )

    def _request_columns(self) -> dict[str, pa.Array]:
        """What the envelopes and their places say, repeated for each event."""
        places = np.array([(each.writer, each.segment, each.offset) for each in self._starts], dtype=np.int64)
        writers, segments, offsets = np.repeat(places, self._counts, axis=0).T
        return {
            "game_id": pa.array(self._per_request(np.int32, lambda each: each.game_id)),
            "source": pa.repeat(pa.scalar(self._source.source.value), len(self._indexes)),
            "api_key_name": self._per_request_text(lambda each: each.api_key_name),
            "writer": pa.array(writers.astype(np.int32)),
            "segment": pa.array(np.ascontiguousarray(segments)),
            "offset": pa.array(np.ascontiguousarray(offsets)),
            "index": pa.array(np.array(self._indexes, dtype=np.int32)),
        }

    def _token_columns(self) -> dict[str, pa.Array]:
        rows = self._rows()
        return {
            "player_id": self._per_request_text(_player_of_token),
            "session_id": self._per_request_text(lambda each: each.session_id),
            "session_issued_at": time_column([each.session_issued_at for each in self._envelopes]).take(rows),
            "session_expires_at": time_column([each.session_expires_at for each in self._envelopes]).take(rows),
        }

    def _rows(self) -> npt.NDArray[np.int64]:
        """For each event the place of its request in this group."""
        return np.repeat(np.arange(len(self._counts)), self._counts)

    def _per_request(self, dtype: Any, value: Callable[[Envelope], int]) -> Micros:
        return np.repeat(np.array([value(each) for each in self._envelopes], dtype=dtype), self._counts)

    def _per_request_text(self, value: Callable[[Envelope], str | None]) -> pa.Array:
        texts = pa.array([value(each) for each in self._envelopes], pa.string())
        if texts.null_count == len(texts):
            return pa.nulls(len(self._indexes), pa.string())
        return texts.take(self._rows())


def events_table(groups: Sequence[EventGroup]) -> pa.Table:
    """The events of all groups in the order of their requests. Raises as `EventGroup.add` does."""
    finished = [group.finish() for group in groups]
    table = pa.Table.from_batches([events.columns for events in finished], schema=STAGED_EVENTS)
    if len(finished) > 1:
        order = np.argsort(np.concatenate([events.ordinals for events in finished]), kind="stable")
        table = table.take(order)
    return table.combine_chunks()


def _player_of_token(envelope: Envelope) -> str | None:
    return None if envelope.player_id == NIL_UUID else envelope.player_id


def _array(name: str, kind: Type, values: Sequence[object]) -> pa.Array:
    return time_column(values) if kind is Type.TIME else pa.array(values, STAGED_EVENTS.field(name).type)


def _dollar_columns(columns: dict[str, pa.Array], event_time: Micros, converter: Converter) -> dict[str, pa.Array]:
    days = (event_time // DAY_US).astype(np.int32)
    currencies = columns["currency"]
    return {
        "amount_usd": converter.amounts_usd(columns["amount"], currencies, days),
        "ad_revenue_usd": converter.revenues_usd(columns["ad_revenue"], currencies, days),
    }
