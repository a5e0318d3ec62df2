"""Keeps answers while the data stay as they are, and computes once what several ask at the same moment.

A dashboard that is open on many screens asks the same questions again and again, and a new load makes them all ask at
once. The key is another one whenever the answer could be another one. Not for longer than a few seconds, though: an
answer says as of when it is, and up to when it is complete.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cachetools import TTLCache

from questlog.analytics.question.answer import Answer
from questlog.store.contract import Cancellation

_SMALL_BYTES = 262_144
"""Tables up to this size are kept as they are written too; larger ones are written for each asker in pieces."""

_WRITTEN_SHARE = 4
_WRITTEN_BYTES = 4_096
"""Room for what is written of a small table: this many times its own size, and this much more."""

_KEPT_S = 5.0


class Rendering(NamedTuple):
    """A way to write an answer, and a name that tells it from other ways."""

    name: str
    write: Callable[[Answer], bytes | Iterator[bytes]]


class Written(NamedTuple):
    """An answer, and its content as it is sent: whole or in pieces."""

    answer: Answer
    content: bytes | Iterator[bytes]


class _Kept(NamedTuple):
    answer: Answer
    written: dict[str, bytes]

    def room_bytes(self) -> int:
        """For what is written of it; none where the table is large."""
        size: int = self.answer.table.nbytes
        return _WRITTEN_SHARE * size + _WRITTEN_BYTES if size <= _SMALL_BYTES else 0


class AnswerCache:
    """Answers by key, of at most `most_bytes` together, for five seconds. Called from any thread."""

    def __init__(self, most_bytes: int = 33_554_432, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._kept: TTLCache[str, _Kept] = TTLCache(most_bytes, _KEPT_S, monotonic_s, _size)
        self._pending: set[str] = set()
        self._changed = threading.Condition()

    def answer(self, key: str, cancellation: Cancellation, make: Callable[[], Answer]) -> Answer:
        """The answer with this key: kept, or of whoever computes it now, else made by `make`.

        Raises `QueryAborted` when cancelled while another computes it, and what `make` raises.
        """
        return self._entry(key, cancellation, make).answer

    def written(
        self, key: str, rendering: Rendering, cancellation: Cancellation, make: Callable[[], Answer]
    ) -> Written:
        """The same, written. Raises what `rendering` raises, too."""
        kept = self._entry(key, cancellation, make)
        content = kept.written.get(rendering.name)
        if content is not None:
            return Written(kept.answer, content)
        written = rendering.write(kept.answer)
        room_bytes = kept.room_bytes()
        if not room_bytes:
            return Written(kept.answer, written)
        content = written if isinstance(written, bytes) else b"".join(written)
        with self._changed:
            if len(content) + sum(map(len, kept.written.values())) <= room_bytes:
                kept.written[rendering.name] = content
        return Written(kept.answer, content)

    def _entry(self, key: str, cancellation: Cancellation, make: Callable[[], Answer]) -> _Kept:
        return self._find(key, cancellation) or self._make(key, make)

    def _find(self, key: str, cancellation: Cancellation) -> _Kept | None:
        """The answer, as soon as it is there; None where the caller is to make it, as its first asker."""
        with cancellation.stopping(self._wake_all), self._changed:
            while True:
                cancellation.check()
                kept = self._kept.get(key)
                if kept is not None:
                    return kept
                if key not in self._pending:
                    self._pending.add(key)
                    return None
                self._changed.wait()

    def _make(self, key: str, make: Callable[[], Answer]) -> _Kept:
        """The others wait meanwhile; where it fails, the next of them tries."""
        kept: _Kept | None = None
        try:
            kept = _Kept(make(), {})
            return kept
        finally:
            with self._changed:
                self._pending.remove(key)
                if kept is not None and kept.answer.data_version:  # data without a version may change unnoticed
                    self._keep(key, kept)
                self._changed.notify_all()

    def _keep(self, key: str, kept: _Kept) -> None:
        if _size(kept) <= self._kept.maxsize // 4:
            self._kept[key] = kept

    def _wake_all(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _size(kept: _Kept) -> int:
    size: int = kept.answer.table.nbytes
    return size + kept.room_bytes()
