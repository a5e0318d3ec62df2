import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.console.answer_cache import AnswerCache, Rendering
from questlog.store.contract import Cancellation, QueryAborted
from tests.support.console import SettableClock


def pieces(answer: Answer) -> Iterator[bytes]:
    return (b"%d," % value for value in answer.table["n"].to_pylist())


LIST = Rendering("list", pieces)
COUNT = Rendering("count", lambda answer: b"%d" % answer.table.num_rows)


class Maker:
    """Makes an answer when it is let, and counts how often it was asked to."""

    def __init__(self, values: int = 1, version: int = 1) -> None:
        self.calls = 0
        self.begun, self.release = threading.Event(), threading.Event()
        self.release.set()
        self.error: Exception | None = None
        columns = [AnswerColumn("n", "", "A number.")]
        self.answer = Answer(pa.table({"n": range(values)}), columns, data_version=version)

    def __call__(self) -> Answer:
        self.calls += 1
        self.begun.set()
        assert self.release.wait(10)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self.answer


def text(cache: AnswerCache, maker: Callable[[], Answer], key: str = "a", rendering: Rendering = LIST) -> bytes:
    content = cache.written(key, rendering, Cancellation(), maker).content
    return content if isinstance(content, bytes) else b"".join(content)


@pytest.mark.parametrize("values", [3, 100_000])
def test_what_was_answered_is_kept_under_its_key(values: int) -> None:
    cache, maker = AnswerCache(), Maker(values)
    assert text(cache, maker) == text(cache, maker)
    assert maker.calls == 1
    assert text(cache, Maker(values + 1), key="b") != text(cache, maker)


@pytest.mark.parametrize("values", [3, 100_000])
def test_an_answer_is_computed_once_for_all_ways_to_write_it(values: int) -> None:
    cache, maker = AnswerCache(), Maker(values)
    assert text(cache, maker, rendering=LIST) == b"".join(pieces(maker.answer))
    assert text(cache, maker, rendering=COUNT) == b"%d" % values
    assert cache.answer("a", Cancellation(), maker) is maker.answer
    assert maker.calls == 1


def test_a_small_answer_is_written_once_and_a_large_one_for_each_asker() -> None:
    cache = AnswerCache()
    written: list[Answer] = []

    def note(answer: Answer) -> bytes:
        written.append(answer)
        return b"x"

    noted = Rendering("noted", note)
    small, large = Maker(), Maker(100_000)
    for key, maker in (("small", small), ("large", large)) * 3:
        text(cache, maker, key, noted)
    assert written == [small.answer, large.answer, large.answer, large.answer]


def test_what_is_written_longer_than_there_is_room_for_is_not_kept() -> None:
    cache, maker = AnswerCache(), Maker()
    long = Rendering("long", lambda _: bytes(1_000_000))
    assert len(text(cache, maker, rendering=long)) == 1_000_000
    assert sum(len(content) for kept in cache._kept.values() for content in kept.written.values()) == 0


def test_an_answer_is_computed_again_after_five_seconds() -> None:
    clock = SettableClock()
    cache, maker = AnswerCache(monotonic_s=clock.monotonic_s), Maker()
    for seconds in (0.0, 4.9, 5.1):
        clock.us += int(seconds * 1_000_000)
        text(cache, maker)
    assert maker.calls == 2


def test_answers_of_data_without_a_version_are_not_kept() -> None:
    cache, maker = AnswerCache(), Maker(version=0)
    assert text(cache, maker) == text(cache, maker)
    assert maker.calls == 2


def test_the_least_recently_asked_go_when_there_is_no_room() -> None:
    cache, makers = AnswerCache(most_bytes=25_000), {key: Maker() for key in "abcdefghij"}
    for key, maker in makers.items():
        text(cache, maker, key)
    text(cache, makers["j"], "j")
    text(cache, makers["a"], "a")
    assert (makers["j"].calls, makers["a"].calls) == (1, 2)


def test_an_answer_that_takes_much_of_the_room_is_not_kept() -> None:
    cache, small, large = AnswerCache(most_bytes=1_000_000), Maker(), Maker(values=100_000)
    for key, maker in (("a", small), ("b", large), ("b", large), ("a", small)):
        text(cache, maker, key)
    assert (small.calls, large.calls) == (1, 2)


def test_several_askers_of_the_same_moment_share_one_computation() -> None:
    cache, maker = AnswerCache(), Maker()
    maker.release.clear()
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(text, cache, maker) for _ in range(4)]
        assert maker.begun.wait(10)
        maker.release.set()
        assert len({each.result(10) for each in asking}) == 1
    assert maker.calls == 1


def test_where_the_first_asker_fails_the_next_one_computes_it() -> None:
    cache, maker = AnswerCache(), Maker()
    maker.release.clear()
    maker.error = QueryAborted("the asker is gone")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(text, cache, maker)
        assert maker.begun.wait(10)
        second = pool.submit(text, cache, maker)
        maker.release.set()
        with pytest.raises(QueryAborted):
            first.result(10)
        assert second.result(10)
    assert maker.calls == 2


def test_who_waits_for_anothers_computation_can_be_stopped() -> None:
    cache, maker = AnswerCache(), Maker()
    maker.release.clear()
    cancellation = Cancellation()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(text, cache, maker)
        assert maker.begun.wait(10)
        waiting = pool.submit(cache.written, "a", LIST, cancellation, maker)
        time.sleep(0.05)
        cancellation.cancel("too slow")
        with pytest.raises(QueryAborted, match="too slow"):
            waiting.result(10)
        maker.release.set()
        assert first.result(10)
