"""Bounds on bodies in flight and on what is kept of rejected requests."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from questlog.collector.limits import BodyReader, MemoryBudget, RateLimiter
from questlog.model.reasons import Reason, RequestRejected


class Body:
    """A body that arrives in pieces, or never."""

    def __init__(self, *pieces: bytes, is_stuck: bool = False) -> None:
        self._pieces = pieces
        self._is_stuck = is_stuck

    async def __call__(self) -> bytes:
        if self._is_stuck:
            await asyncio.Event().wait()
        return b"".join(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._is_stuck:
            await asyncio.Event().wait()


class ManualTime:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def reader(now: ManualTime | None = None) -> BodyReader:
    return BodyReader(max_body_bytes=10, max_pending_bytes=15, timeout_s=5, now_s=now or ManualTime())


def read(body: Body, content_length: str | None) -> bytes:
    return asyncio.run(reader().read(body, content_length))


def reason_of(body: Body, content_length: str | None) -> Reason:
    with pytest.raises(RequestRejected) as caught:
        read(body, content_length)
    return caught.value.reason


def test_a_body_of_the_largest_size_is_read_whole() -> None:
    assert read(Body(b"12345", b"67890"), "10") == b"1234567890"
    assert read(Body(b"12345", b"67890"), None) == b"1234567890"


def test_a_declared_size_above_the_limit_is_refused_before_anything_is_read() -> None:
    assert reason_of(Body(is_stuck=True), "11") is Reason.BODY_TOO_LARGE


def test_a_chunked_body_is_refused_as_soon_as_it_passes_the_limit() -> None:
    assert reason_of(Body(b"12345", b"678901", is_stuck=True), None) is Reason.BODY_TOO_LARGE


def test_a_body_shorter_than_declared_is_refused() -> None:
    assert reason_of(Body(b"123"), "4") is Reason.BODY_INCOMPLETE


def test_no_body_needs_no_reading() -> None:
    assert read(Body(is_stuck=True), "0") == b""


async def two_at_once(limits: BodyReader, second_length: str | None, second: Body) -> Reason:
    first = asyncio.create_task(limits.read(Body(is_stuck=True), "10"))
    await asyncio.sleep(0)
    with pytest.raises(RequestRejected) as caught:
        await limits.read(second, second_length)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await limits.read(Body(b"1234567890"), "10") == b"1234567890", "what was held is let go"
    return caught.value.reason


@pytest.mark.parametrize("content_length", ["6", None])
def test_bodies_in_flight_are_bounded_together(content_length: str | None) -> None:
    assert asyncio.run(two_at_once(reader(), content_length, Body(b"123456"))) is Reason.OVERLOADED


def test_a_slow_body_is_given_up_and_its_neighbour_is_not() -> None:
    async def scenario() -> None:
        now = ManualTime()
        limits = reader(now)
        slow = asyncio.create_task(limits.read(Body(is_stuck=True), "4"))
        await asyncio.sleep(0)
        now.now = 4
        young = asyncio.create_task(limits.read(Body(is_stuck=True), "4"))
        await asyncio.sleep(0)
        now.now = 6
        limits.end_slow_reads()
        with pytest.raises(RequestRejected) as caught:
            await slow
        assert caught.value.reason is Reason.BODY_TIMEOUT
        assert not young.done()
        young.cancel()

    asyncio.run(scenario())


def test_a_read_cancelled_by_the_server_stays_cancelled() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(reader().read(Body(is_stuck=True), "4"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_an_allowance_is_spent_and_comes_back_with_time() -> None:
    now = ManualTime()
    allowance = RateLimiter(burst=2, per_minute=60, now_s=now)
    assert [allowance.take(1), allowance.take(1), allowance.take(1)] == [True, True, False]
    assert allowance.take(2), "each key has its own"
    now.now = 1
    assert [allowance.take(1), allowance.take(1)] == [True, False]


def test_an_allowance_remembers_a_bounded_number_of_keys() -> None:
    allowance = RateLimiter(burst=1, per_minute=60, now_s=ManualTime(), max_keys=2)
    assert all(allowance.take(key) for key in range(10))


def test_what_waits_is_bounded_together_and_let_go() -> None:
    room = MemoryBudget(10)
    with room.holding(6):
        with room.holding(4), pytest.raises(RequestRejected) as caught, room.holding(1):
            pass
        assert caught.value.reason is Reason.OVERLOADED
        with room.holding(4):
            pass
    with room.holding(10):
        pass
