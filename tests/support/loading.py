"""A journal, a store, a clock and a codec in memory, for tests of the loader."""

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from questlog.journal.contract import Entry
from questlog.loader.sources import EventSource, EventSources
from questlog.model.event import Columns, Source
from questlog.model.reasons import DroppedEvent, Reason, RequestRejected
from questlog.model.record import Envelope, Kind, Position, encode_record
from questlog.store.contract import (
    Batch,
    Cancellation,
    ErasuresLeft,
    Expiry,
    LoadResult,
    Piece,
    Progress,
    RejectedFilter,
    SqlParameters,
    StoreReading,
)
from questlog.store.repricing import MoneyKind, PriceChange, Prices, Repricing

NOW_US = 1_763_750_000_000_000


class FakeClock:
    """Stands still unless told."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.time_us = now_us

    def now_us(self) -> int:
        return self.time_us


class FakeDecoded(NamedTuple):
    events: list[dict[str, object]]
    indexes: list[int]
    dropped: list[DroppedEvent]
    lenient: int = 0


def decode_fake_events(body: bytes, envelope: Envelope) -> FakeDecoded:
    """A JSON list of objects of DECODED_COLUMNS; anything but a list rejects the request.

    `"drop": true` drops one, `"is_lenient": true` says that only a lenient game takes it.
    """
    items = json.loads(body)
    if not isinstance(items, list):
        raise RequestRejected(Reason.NOT_A_LIST, "not a list")
    lenient = sum(bool(item.pop("is_lenient", False)) for item in items)
    decoded = FakeDecoded([], [], [], lenient)
    for index, item in enumerate(items):
        if item.get("drop") or index in envelope.refused:
            reason = Reason.INVALID_NAME if index in envelope.refused else Reason.FAILED_VALIDATION
            decoded.dropped.append(DroppedEvent(index, json.dumps(item).encode(), reason, "not wanted"))
        else:
            decoded.events.append(item)
            decoded.indexes.append(index)
    return decoded


def fake_columns(events: Sequence[Mapping[str, object]]) -> Columns:
    names = {name for event in events for name in event}
    return {name: [event.get(name) for event in events] for name in names}


FAKE_SOURCES: EventSources = {
    Kind.GAMEANALYTICS_EVENTS: EventSource(Source.GAMEANALYTICS, decode_fake_events, fake_columns),
    Kind.SATORI_CLIENT_EVENTS: EventSource(Source.SATORI_CLIENT, decode_fake_events, fake_columns, True),
    Kind.SATORI_SERVER_EVENTS: EventSource(Source.SATORI_SERVER, decode_fake_events, fake_columns),
}


class FakeJournal:
    """Records of several writers, each 100 bytes long as far as positions go."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.expired: list[tuple[Mapping[int, Position], float, int]] = []
        self.error: Exception | None = None

    def append(self, envelope: Envelope, events: object = (), writer: int = 1) -> Entry:
        return self.append_bytes(encode_record(envelope, json.dumps(events).encode()), writer)

    def append_bytes(self, record: bytes | None, writer: int = 1) -> Entry:
        offset = 100 * sum(entry.start.writer == writer for entry in self.entries)
        entry = Entry(Position(writer, 1, offset), Position(writer, 1, offset + 100), record)
        self.entries.append(entry)
        return entry

    def read(self, positions: Mapping[int, Position], max_bytes: int) -> Sequence[Entry]:
        if self.error is not None:
            raise self.error
        entries: list[Entry] = []
        for entry in self._after(positions):
            if entries and sum(len(each.record or b"") for each in entries) >= max_bytes:
                break
            entries.append(entry)
        return entries

    def lag_bytes(self, positions: Mapping[int, Position]) -> int:
        return 100 * len(list(self._after(positions)))

    def unread(self, positions: Mapping[int, Position]) -> Mapping[int, Position]:
        return {entry.end.writer: entry.end for entry in self._after(positions)}

    def expire(self, positions: Mapping[int, Position], keep_s: float, now_us: int) -> int:
        self.expired.append((dict(positions), keep_s, now_us))
        return 0

    def _after(self, positions: Mapping[int, Position]) -> Iterable[Entry]:
        for entry in self.entries:
            start = positions.get(entry.start.writer)
            if start is None or entry.start >= start:
                yield entry


class FakeStore:
    """Keeps batches. `refuse` may raise for a batch, before anything of it is kept."""

    def __init__(self, refuse: Callable[[Batch], None] = lambda _: None) -> None:
        self.refuse = refuse
        self.batches: list[Batch] = []
        self.kept_positions: dict[int, Position] = {}
        self.expiries: list[tuple[Expiry, int]] = []
        self.key_expiries: list[tuple[Expiry, int]] = []
        self.loaded_at: list[int] = []
        self.unerased = 0
        self.rebuilds = 0
        self.repriced: list[Repricing] = []
        self.zones: dict[int, str] = {}

    def positions(self) -> Mapping[int, Position]:
        return dict(self.kept_positions)

    def load(self, batch: Batch, now_us: int) -> LoadResult:
        self.refuse(batch)
        self.batches.append(batch)
        self.unerased += len(batch.erasures)
        self.loaded_at.append(now_us)
        self.kept_positions |= batch.positions
        stored = batch.events.num_rows
        rejected = batch.rejected.num_rows
        return LoadResult(stored, 0, rejected, {(1, "gameanalytics"): LoadResult(stored, 0, rejected)})

    @property
    def erasures_left(self) -> ErasuresLeft:
        return ErasuresLeft(self.unerased, 0)

    def erase(self, most: int, cancellation: Cancellation | None = None) -> Piece:  # noqa: ARG002 - the contract's
        done = min(most, self.unerased)
        self.unerased -= done
        return Piece(done, self.unerased)

    def expired_before(self) -> Mapping[int, int]:
        return {}

    def expire_events(
        self, game_id: int, first_day: dt.date, most_events: int, cancellation: Cancellation | None = None
    ) -> Piece:
        raise NotImplementedError

    def deleted_games(self) -> Mapping[int, bool]:
        return {}

    def delete_game(self, game_id: int, most_rows: int, cancellation: Cancellation | None = None) -> Piece:
        raise NotImplementedError

    @property
    def is_checkpoint_due(self) -> bool:
        return False

    def checkpoint(self) -> None:
        raise NotImplementedError

    def rebuild(self, progress: Progress, cancellation: Cancellation | None = None) -> None:  # noqa: ARG002 - the contract's
        progress("players", 0.5)
        self.rebuilds += 1

    def reprice(
        self,
        question: Repricing,
        prices: Prices,
        progress: Callable[[float], None],
        cancellation: Cancellation | None = None,  # noqa: ARG002 - the contract's
    ) -> Sequence[PriceChange]:
        progress(0.5)
        self.repriced.append(question)
        days = np.array([20_000], dtype=np.int32)
        usd = prices.amounts_usd(pa.array([100]), pa.array(["GEM"]), days)[0].as_py()
        return [PriceChange("GEM", MoneyKind.PURCHASES, 1, 1, 1, 0, Decimal(0), usd)]

    def rejected_events(self, which: RejectedFilter, after_no: int, most: int) -> pa.Table:
        raise NotImplementedError((which, after_no, most))

    def expire_rejected(self, expiry: Expiry, now_us: int) -> None:
        self.expiries.append((expiry, now_us))

    def expire_keys(self, expiry: Expiry, now_us: int) -> None:
        self.key_expiries.append((expiry, now_us))

    def time_zones(self) -> Mapping[int, str]:
        return self.zones

    def set_time_zone(
        self,
        game_id: int,
        name: str,
        progress: Progress,
        cancellation: Cancellation | None = None,  # noqa: ARG002 - the contract's
    ) -> None:
        progress("players", 1.0)
        self.zones[game_id] = name

    def reading(self, cancellation: Cancellation) -> AbstractContextManager[StoreReading]:
        raise NotImplementedError(cancellation)

    def sql(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        raise NotImplementedError((statement, max_rows, cancellation, game_ids, parameters))

    def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def event_ids(self) -> list[str]:
        """The `event_id` of every stored event, in the order they were stored."""
        return [each for batch in self.batches for each in batch.events["event_id"].to_pylist()]

    def rejected(self) -> list[dict[str, object]]:
        return [row for batch in self.batches for row in batch.rejected.to_pylist()]


def envelope(
    kind: Kind = Kind.GAMEANALYTICS_EVENTS, received_at: int = NOW_US, player_id: str | None = None
) -> Envelope:
    """Of game 1."""
    return Envelope(kind, 1, received_at, player_id=player_id)
