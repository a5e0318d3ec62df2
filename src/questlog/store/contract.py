"""What an analytics store promises, whichever engine it is."""

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeAlias

import msgspec
import pyarrow as pa

from questlog.model.event import DECODED_COLUMNS, Type
from questlog.model.record import Position
from questlog.store.repricing import PriceChange, Prices, Repricing

_ARROW = {
    Type.TEXT: pa.string(),
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    Type.TIME: pa.timestamp("us"),
    Type.JSON: pa.string(),
}

MONEY_USD = pa.decimal128(18, 6)
"""US dollars with six decimals: sums are exact on every engine."""

STAGED_EVENTS = pa.schema(
    [
        pa.field("game_id", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("api_key_name", pa.string()),
        pa.field("received_at", pa.timestamp("us"), nullable=False),
        pa.field("event_time", pa.timestamp("us"), nullable=False),  # metrics.md §1
        # Where the event lies in the journal: unique, and the source of an event_uuid where the client gave no id.
        pa.field("writer", pa.int32(), nullable=False),
        pa.field("segment", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        *(pa.field(name, _ARROW[kind]) for name, kind in DECODED_COLUMNS.items()),
        pa.field("amount_usd", MONEY_USD),
        pa.field("ad_revenue_usd", MONEY_USD),
        pa.field("receipt_state", pa.string()),  # of a purchase: valid, invalid or unchecked
        # Stands in for an id that the client did not give, in a body that the client may send again: never stored.
        pa.field("resend_key", pa.string()),
    ]
)

STAGED_REJECTED = pa.schema(
    [
        pa.field("game_id", pa.int32(), nullable=False),
        pa.field("received_at", pa.timestamp("us"), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("api_key_name", pa.string()),
        pa.field("is_whole_request", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("errors", pa.string()),  # JSON list of {error_type, path}
        pa.field("raw", pa.string(), nullable=False),  # as sent, cut to a bound; bytes that are no UTF-8 replaced
        pa.field("player_id", pa.string()),
        # What the event says of itself, as far as it could be read.
        pa.field("category", pa.string()),
        pa.field("event_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("build", pa.string()),
        pa.field("sdk_version", pa.string()),
        # What the request says besides, and what it takes to decode the event again.
        pa.field("country", pa.string()),
        pa.field("session_issued_at", pa.timestamp("us")),
        pa.field("session_expires_at", pa.timestamp("us")),
        pa.field("writer", pa.int32()),
        pa.field("segment", pa.int64()),
        pa.field("record_offset", pa.int64()),
        pa.field("record_index", pa.int32()),
        pa.field("resend_key", pa.string()),
        pa.field("is_complete", pa.bool_()),
    ]
)


class PlayerProperties(msgspec.Struct, frozen=True):
    """A player's default and custom properties, all of them, as of `received_at` (UTC microseconds)."""

    game_id: int
    player_id: str
    received_at: int
    properties: str  # JSON: {"default": {…}, "custom": {…}}


class PlayerErasure(msgspec.Struct, frozen=True):
    """Everything of this player received at or before `received_at` goes, and stays away if it is loaded later."""

    game_id: int
    player_id: str
    received_at: int


class Batch(msgspec.Struct, frozen=True):
    """What one load transaction stores.

    `events` follows `STAGED_EVENTS` and is in journal order per writer; `rejected` follows `STAGED_REJECTED`.
    `positions` is where each writer's journal has been read to, with this batch. Erasures are carried out after the
    batch's events are in. `replayed` are rows of rejected events that the batch's events are made of: they are not
    rejected any more, and what becomes of the events is counted anew.
    """

    events: pa.Table
    rejected: pa.Table
    properties: Sequence[PlayerProperties]
    erasures: Sequence[PlayerErasure]
    positions: Mapping[int, Position]
    replayed: pa.Table | None = None


class RejectedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rejected events of a game; None does not restrict. Times are UTC microseconds, `until` is exclusive.

    `error` is the JSON of one of the row's `errors`.
    """

    game_id: int
    source: str | None = None
    reason: str | None = None
    error: str | None = None
    sdk_version: str | None = None
    build: str | None = None
    since: int | None = None
    until: int | None = None


class LoadResult(msgspec.Struct, frozen=True):
    """How the events of a batch ended: received = stored + duplicates + rejected (whole requests are not events).

    `by_source` splits the same numbers by (game_id, source). `newest_received_us` is 0 where nothing was received.
    """

    stored: int
    duplicates: int
    rejected: int
    by_source: Mapping[tuple[int, str], "LoadResult"] = {}
    newest_received_us: int = 0


class StoreFailed(Exception):
    """The engine could not do it; nothing of it was stored. The message is for the operator."""


class ChangeCancelled(StoreFailed):
    """A change was asked to end before it was done: nothing of it was stored."""


class BatchRefused(StoreFailed):
    """The batch's own values are at fault (conversion, range, constraint): trying it again cannot help."""


class QueryAborted(Exception):
    """A question that is not answered: not read-only, not valid, too slow or too large. Safe to show to the asker."""


_STOP_AGAIN_S = 0.05


class Cancellation:
    """Stops a question that takes too long, or that nobody waits for any more.

    `cancel` may be called from any thread, and before the question begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._stop: Callable[[], object] | None = None

    def cancel(self, reason: str = "the question was cancelled") -> None:
        """Stop what runs now, and whatever begins from now on."""
        with self._lock:
            self._reason = self._reason or reason
        if self._stop_now():
            threading.Thread(target=self._stop_until_left, name="stopping", daemon=True).start()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was."""
        return self._reason is not None

    def check(self) -> None:
        """Raises `QueryAborted` with the reason where it was cancelled."""
        if self._reason is not None:
            raise QueryAborted(self._reason)

    def _stop_until_left(self) -> None:
        """Whoever was between two statements has not noticed, and begins the next one: stop that too."""
        while self._stop_now():
            time.sleep(_STOP_AGAIN_S)

    def _stop_now(self) -> bool:
        with self._lock:
            if self._stop is not None:
                self._stop()
            return self._stop is not None

    @contextlib.contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call `stop` when cancelled while inside, again and again until it is left.

        Raises `QueryAborted` where it was cancelled before.
        """
        with self._lock:
            self.check()
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


class Expiry(msgspec.Struct, frozen=True):
    """How long and how much of what is kept."""

    rejected_days: int = 14
    rejected_rows_per_game: int = 100_000
    dedupe_window_days: int = 7


Progress: TypeAlias = Callable[[str, float], None]
"""Gets the name of the table at work and the share of it that is done, 0 to 1."""


class Piece(NamedTuple):
    """A piece of work that was done in a transaction: how much of it, and how much is left."""

    done: int
    left: int


class ErasuresLeft(NamedTuple):
    """Players noted to be erased who still have rows: those not tried yet, and those whose erasure failed."""

    waiting: int
    failed: int


class Loading(Protocol):
    """The half of a store that writes. One thread at a time calls it.

    A `cancellation` ends what is being done within seconds: it then raises `ChangeCancelled` and has changed nothing.
    """

    def positions(self) -> Mapping[int, Position]:
        """Where each writer's journal has been loaded to."""
        ...

    def load(self, batch: Batch, now_us: int) -> LoadResult:
        """Store a batch in one transaction. Raises `StoreFailed` and stores nothing of it."""
        ...

    @property
    def erasures_left(self) -> ErasuresLeft:
        """How many erasures that came with batches are not carried out."""
        ...

    def erase(self, most: int, cancellation: Cancellation | None = None) -> Piece:
        """Erase up to `most` players in one transaction: those that wait; where none does, one that failed.

        Raises `StoreFailed`; where it tried one player, that one has failed.
        """
        ...

    def rebuild(self, progress: Progress, cancellation: Cancellation | None = None) -> None:
        """Compute every rollup again from the events. Raises `StoreFailed` and changes nothing."""
        ...

    def time_zones(self) -> Mapping[int, str]:
        """The time zone that each game's local days are of; a game that is not there has UTC."""
        ...

    def set_time_zone(
        self, game_id: int, name: str, progress: Progress, cancellation: Cancellation | None = None
    ) -> None:
        """Compute what a game has by day again, by days of a time zone. Raises `UnknownZone`, `StoreFailed`."""
        ...

    def reprice(
        self,
        question: Repricing,
        prices: Prices,
        progress: Callable[[float], None],
        cancellation: Cancellation | None = None,
    ) -> Sequence[PriceChange]:
        """Value stored purchases and ad revenues again, and every rollup with them, in one transaction.

        Returns what changes, by currency. `progress` gets the share done. Raises `StoreFailed` and changes nothing.
        """
        ...

    def rejected_events(self, which: RejectedFilter, after_no: int, most: int) -> pa.Table:
        """Rejected events that can be decoded again, by number, after a number. Raises `StoreFailed`."""
        ...

    def expire_rejected(self, expiry: Expiry, now_us: int) -> None:
        """Delete rejected events that are older or more than `expiry` allows. Raises `StoreFailed`."""
        ...

    def expire_keys(self, expiry: Expiry, now_us: int) -> None:
        """Forget keys of events that no repeated one is compared with any more. Raises `StoreFailed`."""
        ...

    def expired_before(self) -> Mapping[int, int]:
        """Before when (UTC microseconds) a game's events have expired, by game: older ones are dropped."""
        ...

    def expire_events(
        self, game_id: int, first_day: dt.date, most_events: int, cancellation: Cancellation | None = None
    ) -> Piece:
        """Delete what a game has before a day of its zone, of the oldest days first, in one transaction.

        Not many more than `most_events` events at once, but a day at least. Raises `StoreFailed` and changes nothing.
        """
        ...

    def deleted_games(self) -> Mapping[int, bool]:
        """The games that were deleted, and whether all of their rows are."""
        ...

    def delete_game(self, game_id: int, most_rows: int, cancellation: Cancellation | None = None) -> Piece:
        """Delete some of a game's rows in one transaction; from the first one on, nothing of it is loaded any more.

        Counts rows; none are left when `deleted_games` says so. Raises `StoreFailed` and changes nothing.
        """
        ...

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether the engine's log has grown so long that it should be written into the tables."""
        ...

    def checkpoint(self) -> None:
        """Write the engine's log into the tables, if questions leave a moment for it."""
        ...

    def close(self) -> None:
        """Let go of the files; idempotent."""
        ...


class StoreReading(Protocol):
    """One state of the tables, for one thread at a time."""

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Answer one of our own statements, with named `$parameters`. Raises `QueryAborted`."""
        ...


SqlValue: TypeAlias = str | int | float | bool | None
SqlParameters: TypeAlias = Mapping[str, SqlValue]
"""The values of a statement's named parameters: `$name` without the `$`."""


class Reading(Protocol):
    """The half of a store that answers. Any thread calls it. What is asked by name is in `store/named_reads.py`."""

    def sql(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        """Answer one read-only statement of a user, over all games or, with `game_ids`, over these alone.

        Raises `QueryAborted`, also when cancelled, and `StoreFailed`.
        """
        ...

    def reading(self, cancellation: Cancellation) -> AbstractContextManager[StoreReading]:
        """Begin to read one state of the tables, which `cancellation` stops. Raises `QueryAborted`, `StoreFailed`."""
        ...

    def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
        """Answer a small statement of our own, with named `$parameters`. Raises `StoreFailed`."""
        ...
