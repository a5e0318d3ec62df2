"""From decoded events to the columns that a store takes (`STAGED_EVENTS`)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.loader.money import Converter
from questlog.loader.receipts import Receipts
from questlog.loader.sources import Decoded, EventSource
from questlog.loader.times import DAY_US, Micros, event_times, time_column, timestamps
from questlog.model.event import DECODED_COLUMNS, Columns, Type
from questlog.model.record import Envelope, Position
from questlog.store.contract import STAGED_EVENTS

CHUNK_EVENTS = 2000
"""Events turned into columns at a time: so few that they are still in the processor's cache."""


class OrderedChunk(NamedTuple):
    """Some events, and for each the place of its request among all of the batch."""

    ordinals: npt.NDArray[np.int64]
    columns: pa.RecordBatch


class EventGroup:
    """The events of all requests of one kind in a batch, turned into columns chunk by chunk."""

    def __init__(self, source: EventSource, converter: Converter, receipts: Receipts) -> None:
        self._source = source
        self._converter = converter
        self._receipts = receipts
        self._chunks: list[OrderedChunk] = []
        self._clear()

    def _clear(self) -> None:
        self._events: list[Any] = []
        self._indexes: list[int] = []
        self._envelopes: list[Envelope] = []
        self._starts: list[Position] = []
        self._ordinals: list[int] = []
        self._counts: list[int] = []

    def add(self, ordinal: int, start: Position, envelope: Envelope, decoded: Decoded) -> None:
        """Take a request's events. `ordinal` is the request's place among all of the batch.

        Raises what pyarrow does (`ArrowInvalid`, `ArrowTypeError`, `OverflowError`, `UnicodeEncodeError`) for a value
        of this or an earlier request that its column cannot hold.
        """
        self._events.extend(decoded.events)
        self._indexes.extend(decoded.indexes)
        self._envelopes.append(envelope)
        self._starts.append(start)
        self._ordinals.append(ordinal)
        self._counts.append(len(decoded.events))
        if len(self._events) >= CHUNK_EVENTS:
            self._convert()

    def chunks(self) -> Sequence["OrderedChunk"]:
        """All events as `STAGED_EVENTS`, in the order they were added. Raises as `add` does."""
        if self._events:
            self._convert()
        return self._chunks

    def _convert(self) -> None:
        ordinals = np.repeat(np.array(self._ordinals, dtype=np.int64), self._counts)
        self._chunks.append(OrderedChunk(ordinals, self._columns()))
        self._clear()

    def _columns(self) -> pa.RecordBatch:
        columns = self._request_columns() | self._decoded_columns(self._source.to_columns(self._events))
        if self._source.is_player_from_token:
            columns |= self._token_columns()
        columns["country"] = pc.coalesce(columns["country"], self._per_request_text(lambda each: each.country))
        received_at = self._per_request(np.int64, lambda each: each.received_at)
        event_time = event_times(columns["client_time"], received_at)
        columns["received_at"] = timestamps(received_at)
        columns["event_time"] = timestamps(event_time)
        columns |= _dollar_columns(columns, event_time, self._converter)
        columns["receipt_state"] = self._receipts.states(columns)
        return pa.RecordBatch.from_arrays([columns[name] for name in STAGED_EVENTS.names], schema=STAGED_EVENTS)

    def _request_columns(self) -> dict[str, pa.Array]:
        """What the envelopes and their places say, repeated for each event."""
        places = np.array([(each.writer, each.segment, each.offset) for each in self._starts], dtype=np.int64)
        writers, segments, offsets = np.repeat(places, self._counts, axis=0).T
        return {
            "game_id": pa.array(self._per_request(np.int32, lambda each: each.game_id)),
            "source": pa.repeat(pa.scalar(self._source.source.value), len(self._events)),
            "api_key_name": self._per_request_text(lambda each: each.api_key_name),
            "writer": pa.array(writers.astype(np.int32)),
            "segment": pa.array(np.ascontiguousarray(segments)),
            "offset": pa.array(np.ascontiguousarray(offsets)),
            "index": pa.array(np.array(self._indexes, dtype=np.int32)),
        }

    def _decoded_columns(self, columns: Columns) -> dict[str, pa.Array]:
        return {name: self._decoded_column(name, kind, columns.get(name)) for name, kind in DECODED_COLUMNS.items()}

    def _decoded_column(self, name: str, kind: Type, values: Sequence[object] | None) -> pa.Array:
        if values is None:
            return pa.nulls(len(self._events), STAGED_EVENTS.field(name).type)
        if kind is Type.TIME:
            return time_column(values)
        return pa.array(values, STAGED_EVENTS.field(name).type)

    def _token_columns(self) -> dict[str, pa.Array]:
        rows = self._rows()
        return {
            "player_id": self._per_request_text(lambda each: each.player_id),
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
            return pa.nulls(len(self._events), pa.string())
        return texts.take(self._rows())


def events_table(groups: Sequence[EventGroup]) -> pa.Table:
    """The events of all groups in the order of their requests. Raises as `EventGroup.add` does."""
    chunks = [chunk for group in groups for chunk in group.chunks()]
    table = pa.Table.from_batches([chunk.columns for chunk in chunks], schema=STAGED_EVENTS)
    if len(groups) > 1:
        order = np.argsort(np.concatenate([chunk.ordinals for chunk in chunks]), kind="stable")
        table = table.take(order)
    return table.combine_chunks()


def _dollar_columns(columns: dict[str, pa.Array], event_time: Micros, converter: Converter) -> dict[str, pa.Array]:
    days = (event_time // DAY_US).astype(np.int32)
    currencies = columns["currency"]
    return {
        "amount_usd": converter.amounts_usd(columns["amount"], currencies, days),
        "ad_revenue_usd": converter.revenues_usd(columns["ad_revenue"], currencies, days),
    }
