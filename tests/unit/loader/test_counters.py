"""The loader's counts are exact, whichever of its threads counts."""

import sys
import threading
from collections.abc import Iterator

import pytest

from questlog.loader.counters import CounterBook


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_no_count_is_lost_when_two_threads_count() -> None:
    book, times = CounterBook(), 5_000

    def refuse() -> None:
        for _ in range(times):
            book.count_refused()

    def look() -> None:
        for number in range(times):
            book.set_lag(number)
            book.set_complete_through(number)

    threads = [threading.Thread(target=target) for target in (refuse, look, refuse)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (book.now.refused_records, book.now.lag_bytes) == (2 * times, times - 1)
