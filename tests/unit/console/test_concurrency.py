import asyncio
import os
import sys
import threading

import pytest

from questlog.console.concurrency import ConcurrencyLimiter, TooBusy


def test_work_is_done_outside_the_event_loops_thread() -> None:
    async def ask() -> int:
        return await ConcurrencyLimiter().run(threading.get_ident)

    assert asyncio.run(ask()) != threading.get_ident()


def test_who_finds_no_place_in_time_is_told_to_come_back() -> None:
    release = threading.Event()

    async def ask() -> TooBusy:
        gate = ConcurrencyLimiter(places=1, wait_s=0.05)
        running = asyncio.create_task(gate.run(release.wait))
        await asyncio.sleep(0.01)
        with pytest.raises(TooBusy) as refused:
            await gate.run(int)
        release.set()
        assert await running
        assert await gate.run(int) == 0
        return refused.value

    error = asyncio.run(ask())
    assert error.retry_after_s == 1


def test_too_many_do_not_even_wait() -> None:
    release = threading.Event()

    async def ask() -> None:
        gate = ConcurrencyLimiter(places=1, max_waiting=1, wait_s=60.0)
        running = [asyncio.create_task(gate.run(release.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(TooBusy):
            await gate.run(int)
        release.set()
        await asyncio.gather(*running)

    asyncio.run(ask())


def test_a_place_is_free_again_after_work_that_failed() -> None:
    async def ask() -> int:
        gate = ConcurrencyLimiter(places=1, wait_s=0.05)
        with pytest.raises(ValueError, match="invalid literal"):
            await gate.run(lambda: int("x"))
        return await gate.run(int)

    assert asyncio.run(ask()) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is a process's, not a thread's")
def test_work_has_a_lower_priority_than_the_rest_of_the_process() -> None:
    async def ask() -> int:
        return await ConcurrencyLimiter().run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert asyncio.run(ask()) == own + 5
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
