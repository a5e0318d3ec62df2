"""The loader's counts are exact, whichever of its threads counts."""

import threading
from typing import Any

import msgspec
import pytest

from questlog.loader.counters import CounterBook, LoaderCounters


def test_no_count_is_lost_when_two_threads_count(monkeypatch: pytest.MonkeyPatch) -> None:
    book, is_counting, has_counted = CounterBook(), threading.Event(), threading.Event()
    replace = msgspec.structs.replace

    def slow(counters: LoaderCounters, **values: Any) -> LoaderCounters:
        """Gives the other thread time to count between what this one has read and what it will write."""
        if "refused_records" in values:
            is_counting.set()
            has_counted.wait(0.2)
        return replace(counters, **values)

    def other() -> None:
        assert is_counting.wait(10)
        book.set_lag(7)
        has_counted.set()

    monkeypatch.setattr(msgspec.structs, "replace", slow)
    thread = threading.Thread(target=other)
    thread.start()
    book.count_refused()
    thread.join()
    assert (book.now.refused_records, book.now.lag_bytes) == (1, 7)
