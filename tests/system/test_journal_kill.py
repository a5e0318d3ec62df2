"""Writers killed with SIGKILL under load beside a reader: what they acknowledged is there once, and nothing torn."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from questlog.journal.reader import FileJournalReader
from questlog.journal.writer import open_writer
from questlog.model.clock import SystemClock
from questlog.model.record import Position

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
AT_ONCE = 64


class WriterProcess:
    """A child that appends from many tasks and says of every record that it was acknowledged."""

    def __init__(self, directory: Path, name: str) -> None:
        self.acknowledged: list[str] = []
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(directory), name], stdout=subprocess.PIPE, text=True, env=environment
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.acknowledged.extend(line.strip() for line in lines if line.endswith("\n"))

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._thread.join()


class Reading:
    """A reader that never stops, as the loader does."""

    def __init__(self, directory: Path) -> None:
        self.records: list[str] = []
        self.positions: dict[int, Position] = {}
        self._reader = FileJournalReader(directory)

    def read_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            self.read_some()
            time.sleep(0.01)

    def read_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.read_while(lambda: time.monotonic() < end)

    def read_all(self) -> None:
        while self.read_some():
            pass

    def read_some(self) -> bool:
        entries = self._reader.read(self.positions, 1_000_000)
        for entry in entries:
            assert entry.record is not None, "torn"
            self.records.append(entry.record.decode().rstrip("."))
            self.positions[entry.end.writer] = entry.end
        return bool(entries)

    def close(self) -> None:
        self._reader.close()


def none_yet(writers: Sequence[WriterProcess]) -> bool:
    """Whether one of them has not yet had a record acknowledged."""
    return not all(writer.acknowledged for writer in writers)


def kill_and_restart(directory: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    reading, acknowledged = Reading(directory), list[str]()
    for number in range(rounds):
        writers = [WriterProcess(directory, f"{number}{letter}") for letter in "ab"]
        reading.read_while(partial(none_yet, writers))
        reading.read_for(chance.uniform(0.05, 0.4))
        for writer in writers:
            writer.kill()
            acknowledged += writer.acknowledged
    reading.read_all()
    reading.close()
    assert len(acknowledged) >= 2 * AT_ONCE * rounds
    times = Counter(reading.records)
    assert [record for record in acknowledged if times[record] != 1] == []
    assert [record for record, count in times.items() if count != 1] == []
    # A record that was synced when the kill came but not said to be: at most what was under way.
    assert len(times) - len(acknowledged) <= rounds * 2 * 2 * AT_ONCE
    assert set(reading.positions) <= {0, 1, 2}


@pytest.mark.timeout(60)
def test_killed_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_and_restart(tmp_path / "journal", rounds=3)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_killed_writers_lose_and_double_nothing_in_many_rounds(tmp_path: Path) -> None:
    kill_and_restart(tmp_path / "journal", rounds=200)


async def write_for_ever(directory: Path, name: str) -> None:
    writer = open_writer(directory, SystemClock(), segment_bytes=1_000_000, max_pending_bytes=10_000_000)

    async def task(number: int) -> None:
        sequence = 0
        while True:
            record = f"{name} {number} {sequence}"
            await writer.append(record.ljust(200 + number * 10, ".").encode())
            os.write(1, f"{record}\n".encode())
            sequence += 1

    await asyncio.gather(*(task(number) for number in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1]), sys.argv[2]))
