"""What an append to the file journal costs, beside a bare loop of write and fdatasync on the same disk in the same run.

    python tests/bench/journal_append.py [DIRECTORY]

CPU is that of the whole process (both threads, system time included), per record. "event loop alone" is the same tasks
and futures with no journal: what asyncio itself takes.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from questlog.journal.writer import open_writer
from questlog.model.clock import SystemClock

RECORD = os.urandom(1024)
SECONDS = 2.0
Append = Callable[[bytes], Awaitable[object]]


class Run:
    """Counts appends and their latencies over `SECONDS`."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._cpu = time.process_time()
        self._start = time.perf_counter()

    def is_over(self) -> bool:
        return time.perf_counter() - self._start > SECONDS

    def report(self, name: str) -> None:
        count, elapsed = len(self.latencies), time.perf_counter() - self._start
        cpu_us = (time.process_time() - self._cpu) / count * 1e6
        self.latencies.sort()
        p50, p99 = (self.latencies[int(count * part)] * 1e3 for part in (0.5, 0.99))
        print(f"{name:32} {count / elapsed:10.0f}/s {cpu_us:8.1f} us CPU each   p50 {p50:6.2f} ms  p99 {p99:6.2f} ms")


def bare(directory: Path, records: int) -> None:
    fd = os.open(directory / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    data, run = RECORD * records, Run()
    while not run.is_over():
        start = time.perf_counter()
        os.write(fd, data)
        os.fdatasync(fd)
        run.latencies += [time.perf_counter() - start] * records
    run.report(f"write + fdatasync of {records}")
    os.close(fd)
    (directory / "bare").unlink()


async def client(append: Append, run: Run) -> None:
    while not run.is_over():
        start = time.perf_counter()
        await append(RECORD)
        run.latencies.append(time.perf_counter() - start)


async def many(name: str, append: Append, clients: int) -> None:
    run = Run()
    await asyncio.gather(*(client(append, run) for _ in range(clients)))
    run.report(f"{name}, {clients} at once")


def immediately(record: bytes) -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    return future


async def measure(directory: Path) -> None:
    for clients in (1, 32, 128):
        bare(directory, clients)
        await many("event loop alone", immediately, clients)
        writer = open_writer(
            directory / "journal", SystemClock(), segment_bytes=64 * 1024 * 1024, max_pending_bytes=64 * 1024 * 1024
        )
        await many("journal", writer.append, clients)
        await writer.close()


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as directory:
        asyncio.run(measure(Path(directory)))


if __name__ == "__main__":
    main()
