"""What arrives now, for those who watch: accepted and rejected events, as the loader commits them.

The loader's thread hands over each batch. A watcher that reads too slowly misses the oldest and is told how many: the
loader never waits, and a watcher's share of memory is bounded. A watcher sees an event once it is visible in reports.
"""

import asyncio
import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.console.concurrency import TooBusy
from questlog.store.contract import Batch
from questlog.store.named_reads import EXCLUDED, TEXTS, EventFilter, like_pattern

_OF_THE_JOURNAL = ("writer", "segment", "offset", "index", "resend_key")
"""Columns of staged events that say where an event lies, nothing about it."""

_PLACE = ("writer", "segment", "offset", "index")
_RETRY_AFTER_S = 10

MayStill: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether a watcher may go on watching."""


class EventPlace(NamedTuple):
    """Where an event was journalled: what an event can be found by before it is stored, as `1-2-30-4`.

    `number` is its place in its request, from 0.
    """

    writer: int
    segment: int
    offset: int
    number: int

    def __str__(self) -> str:
        return "-".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> "EventPlace":
        """The inverse of `str`. Raises `ValueError`."""
        parts = text.split("-")
        if len(parts) != len(cls._fields) or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(f"{text[:100]!r} is no place of an event")
        writer, segment, offset, number = (min(int(part[:19]), 2**62) for part in parts)
        return cls(writer, segment, offset, number)


class Arrivals(NamedTuple):
    """Events of one game in the order of the journal, newest last; `passed_over` more came and are left out.

    An accepted event may be a duplicate of one that is stored already. Its `place` is an `EventPlace`.
    """

    accepted: pa.Table
    rejected: pa.Table
    passed_over: int = 0

    @property
    def rows(self) -> int:
        """How many events these are."""
        return int(self.accepted.num_rows + self.rejected.num_rows)


class Wanted(NamedTuple):
    """Which events a watcher wants to see; times of the filter do not count.

    Accepted events have no reason: with one in the filter, none of them is wanted.
    """

    which: EventFilter = EventFilter()
    is_with_accepted: bool = True
    is_with_rejected: bool = True


_ALL = Wanted()


class Heartbeat(NamedTuple):
    """Nothing arrived for a while; the watcher is connected still."""


class End(NamedTuple):
    """Watching ends here, and why."""

    reason: str


Message: TypeAlias = Arrivals | Heartbeat | End


class Pace(NamedTuple):
    """How often a watcher is told of nothing, and asked whether it may go on."""

    heartbeat_s: float = 10.0
    recheck_s: float = 5.0


_PACE = Pace()


class Watcher:
    """One who watches a game: what waits for it. `offer` and `end` may be called from any thread."""

    def __init__(self, game_id: int, most_rows: int, wanted: Wanted = _ALL, who: str = "") -> None:
        """To be made in the event loop that takes the messages."""
        self.who = who
        self.game_id = game_id
        self.wanted = wanted
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._waiting: deque[Arrivals] = deque()
        self._rows = 0
        self._passed_over = 0
        self._end: End | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def offer(self, arrivals: Arrivals) -> None:
        """Keep these for the watcher; the oldest go where they are too many."""
        with self._lock:
            self._waiting.append(arrivals._replace(passed_over=0))
            self._rows += arrivals.rows
            self._passed_over += arrivals.passed_over
            while self._rows > self._most_rows and len(self._waiting) > 1:
                oldest = self._waiting.popleft()
                self._rows -= oldest.rows
                self._passed_over += oldest.rows
        self._wake()

    def end(self, reason: str) -> None:
        """Let watching end."""
        self._end = End(reason)
        self._wake()

    async def next(self, timeout_s: float) -> Message:
        """What came since the last one, waiting for it; a `Heartbeat` where nothing did."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        self._news.clear()
        return self._end or self._take() or Heartbeat()

    def _take(self) -> Arrivals | None:
        with self._lock:
            waiting, passed_over = list(self._waiting), self._passed_over
            self._waiting.clear()
            self._rows = self._passed_over = 0
        if not waiting:
            return None
        return Arrivals(
            pa.concat_tables([each.accepted for each in waiting]),
            pa.concat_tables([each.rejected for each in waiting]),
            passed_over,
        )

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
            self._loop.call_soon_threadsafe(self._news.set)


class LiveFeed:
    """Hands what is loaded to those who watch: a listener of the loader's commits. Called from any thread.

    A watcher that nobody holds any more is forgotten.
    """

    def __init__(
        self,
        most_watchers: int = 50,
        most_rows: int = 200,
        most_of_one: int = 10,
        pace: Pace = _PACE,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most_rows` is how many events at most wait for a watcher, and come from one batch.

        `most_of_one` is how many places one token or user can have.
        """
        self._most_of_one = most_of_one
        self._most_watchers = most_watchers
        self._most_rows = most_rows
        self._pace = pace
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._is_closed = False

    def note(self, batch: Batch) -> None:
        """A batch is committed."""
        watchers = self._now()
        for game_id, wanted in {(watcher.game_id, watcher.wanted) for watcher in watchers}:
            arrivals = _arrivals(batch, game_id, wanted, self._most_rows)
            if arrivals.rows:
                for watcher in watchers:
                    if (watcher.game_id, watcher.wanted) == (game_id, wanted):
                        watcher.offer(arrivals)

    def catch_up(self) -> None:
        """Nothing is left over from a batch."""

    def watch(self, game_id: int, wanted: Wanted = _ALL, who: str = "") -> Watcher:
        """A new watcher of a game, for `who`, a token or a user ("" is not limited).

        Raises `TooBusy` where there are too many, or too many of `who`, or the server stops.
        """
        with self._lock:
            if who and sum(each.who == who for each in self._watchers) >= self._most_of_one:
                message = f"{who} watches on {self._most_of_one} connections already; close one of them"
                raise TooBusy(message, _RETRY_AFTER_S)
            if self._is_closed or len(self._watchers) >= self._most_watchers:
                raise TooBusy("too many connections watch what arrives; try again later", _RETRY_AFTER_S)
            watcher = Watcher(game_id, self._most_rows, wanted, who)
            self._watchers.add(watcher)
        return watcher

    async def messages(self, watcher: Watcher, may_still: MayStill) -> AsyncGenerator[Message, None]:
        """What there is to tell the watcher, up to an `End`: it may not watch any more, or the server stops.

        Closing the iterator ends watching.
        """
        checked_at = told_at = self._monotonic_s()
        try:
            while True:
                message = await watcher.next(min(self._pace.heartbeat_s, self._pace.recheck_s))
                now = self._monotonic_s()
                if now - checked_at >= self._pace.recheck_s:
                    checked_at = now
                    if not await may_still():
                        message = End("this is not permitted any more")
                if not isinstance(message, Heartbeat) or now - told_at >= self._pace.heartbeat_s:
                    told_at = now
                    yield message
                if isinstance(message, End):
                    return
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def close(self) -> None:
        """Let all watching end: the server stops."""
        with self._lock:
            self._is_closed = True
        for watcher in self._now():
            watcher.end("the server stops")

    def _now(self) -> list[Watcher]:
        with self._lock:
            return list(self._watchers)


def _arrivals(batch: Batch, game_id: int, wanted: Wanted, most_rows: int) -> Arrivals:
    """A game's newest of each kind, copied: a part of a table keeps the whole in memory."""
    is_with_accepted = wanted.is_with_accepted and wanted.which.reason is None
    accepted, more_accepted = _newest(batch.events, game_id, wanted.which, most_rows if is_with_accepted else 0)
    rejected, more_rejected = _newest(
        batch.rejected, game_id, wanted.which, most_rows if wanted.is_with_rejected else 0
    )
    shown = [name for name in accepted.column_names if name not in _OF_THE_JOURNAL]
    places = accepted.select(_PLACE).to_pylist()
    accepted = accepted.select(shown).append_column("place", pa.array([_place(row) for row in places], pa.string()))
    return Arrivals(accepted, rejected, more_accepted + more_rejected)


def _place(row: Mapping[str, int]) -> str:
    return str(EventPlace(*(row[name] for name in _PLACE)))


def _newest(table: pa.Table, game_id: int, which: EventFilter, most_rows: int) -> tuple[pa.Table, int]:
    """The last rows of a game that match, and how many more do; with `most_rows` of 0, nothing at all."""
    if not most_rows:
        return table.slice(0, 0), 0
    places = np.flatnonzero(pc.equal(table["game_id"], game_id).to_numpy(zero_copy_only=False))
    if len(places) and which != _ALL.which:
        places = places[_matching(table.take(pa.array(places)), which)]
    return table.take(pa.array(places[-most_rows:])), max(0, len(places) - most_rows)


def _matching(rows: pa.Table, which: EventFilter) -> npt.NDArray[np.bool_]:
    is_wanted = np.ones(rows.num_rows, np.bool_)
    for name in TEXTS:
        text = getattr(which, name)
        if text is not None and name in rows.column_names:
            is_wanted &= _is_like(rows[name], text)
    for name, column in EXCLUDED.items():
        for text in getattr(which, name):
            is_wanted &= ~_is_like(rows[column], text)
    return is_wanted


def _is_like(column: pa.ChunkedArray, text: str) -> npt.NDArray[np.bool_]:
    found = pc.match_like(column, like_pattern(text)) if "*" in text else pc.equal(column, text)
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
