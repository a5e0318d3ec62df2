"""Keeps written answers while the data stay as they are, and computes once what several ask at the same moment.

A dashboard that is open on many screens asks the same questions again and again, and a new load makes them all ask at
once. The key is an answer's `ETag`: another one whenever the answer could be another one. Not for longer than a few
seconds, though: an answer says as of when it is, and up to when it is complete.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from cachetools import TTLCache
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from questlog.analytics.question.answer import Answer
from questlog.api.answers import origin_headers, written
from questlog.api.response_formats import ResponseFormat
from questlog.store.contract import Cancellation

_SMALL_BYTES = 262_144
"""Answers up to this size are kept as they are sent; larger ones as tables, and written for each asker in pieces."""

_KEPT_S = 5.0


class Written(NamedTuple):
    """An answer as it is sent: its content, whole or in pieces, and headers that say where it comes from."""

    content: bytes | Iterator[bytes]
    headers: Mapping[str, str]


class _Joined(NamedTuple):
    content: bytes
    headers: Mapping[str, str]


_Kept: TypeAlias = _Joined | Answer


class AnswerCache:
    """Answers by tag, of at most `most_bytes` together, for five seconds. Called from any thread."""

    def __init__(self, most_bytes: int = 33_554_432, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._kept: TTLCache[str, _Kept] = TTLCache(most_bytes, _KEPT_S, monotonic_s, _size)
        self._pending: set[str] = set()
        self._changed = threading.Condition()

    def written(
        self, tag: str, form: ResponseFormat, cancellation: Cancellation, make: Callable[[], Answer]
    ) -> Written:
        """The answer with this tag, in this form: kept, or of whoever computes it now, else made by `make`.

        Raises `QueryAborted` when cancelled while another computes it, `ApiError`, and what `make` raises.
        """
        kept = self._find(tag, cancellation)
        if kept is None:
            kept = self._make(tag, form, make)
        if isinstance(kept, _Joined):
            return Written(*kept)
        return Written(written(kept, form), origin_headers(kept))

    def _find(self, tag: str, cancellation: Cancellation) -> _Kept | None:
        """The answer, as soon as it is there; None where the caller is to make it, as its first asker."""
        with cancellation.stopping(self._wake_all), self._changed:
            while True:
                cancellation.check()
                kept = self._kept.get(tag)
                if kept is not None:
                    return kept
                if tag not in self._pending:
                    self._pending.add(tag)
                    return None
                self._changed.wait()

    def _make(self, tag: str, form: ResponseFormat, make: Callable[[], Answer]) -> _Kept:
        """The others wait meanwhile; where it fails, the next of them tries."""
        kept: _Kept | None = None
        try:
            answer = make()
            kept = _joined(answer, form) if answer.table.nbytes <= _SMALL_BYTES else answer
            return kept
        finally:
            with self._changed:
                self._pending.remove(tag)
                if kept is not None and answer.data_version:  # data without a version may change unnoticed
                    self._keep(tag, kept)
                self._changed.notify_all()

    def _keep(self, tag: str, kept: _Kept) -> None:
        if _size(kept) <= self._kept.maxsize // 4:
            self._kept[tag] = kept

    def _wake_all(self) -> None:
        with self._changed:
            self._changed.notify_all()


Cache = NamedDependency[SkipValidation[AnswerCache]]
"""What a handler that asks for the cache is given."""


def _joined(answer: Answer, form: ResponseFormat) -> _Joined:
    content = written(answer, form)
    return _Joined(content if isinstance(content, bytes) else b"".join(content), origin_headers(answer))


def _size(kept: _Kept) -> int:
    return len(kept.content) if isinstance(kept, _Joined) else kept.table.nbytes
