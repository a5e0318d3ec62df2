import re
import sys
from pathlib import Path

import pytest

from questlog.app.memory import MemoryGuard, engine_memory_mb, give_back, own_memory_bytes
from questlog.config import MemorySettings, Settings, StoreSettings

MB = 1024 * 1024


class Server:
    """Memory in use, of which some can be given back, and some goes with the questions that run."""

    def __init__(self, base_mb: int = 0, unused_mb: int = 0, questions_mb: int = 0) -> None:
        self.base_mb, self.unused_mb, self.questions_mb = base_mb, unused_mb, questions_mb
        self.stops = 0
        self.guard = MemoryGuard(100 * MB, self.stop_questions, self.used_bytes, self.give_back)

    def used_bytes(self) -> int:
        return (self.base_mb + self.unused_mb + self.questions_mb) * MB

    def give_back(self) -> None:
        self.unused_mb = 0

    def stop_questions(self) -> int:
        self.stops += 1
        self.questions_mb = 0
        return 1


def test_below_the_limit_nothing_happens() -> None:
    server = Server(base_mb=50, unused_mb=20, questions_mb=30)
    server.guard.look()
    assert (server.unused_mb, server.questions_mb) == (20, 30)


def test_what_was_freed_is_given_back_first() -> None:
    server = Server(base_mb=50, unused_mb=40, questions_mb=30)
    server.guard.look()
    assert (server.unused_mb, server.questions_mb) == (0, 30)


def test_questions_are_stopped_where_that_is_not_enough() -> None:
    server = Server(base_mb=50, questions_mb=80)
    for _ in range(3):
        server.guard.look()
    assert (server.questions_mb, server.stops) == (0, 1)
    server.questions_mb = 90
    server.guard.look()
    assert (server.questions_mb, server.stops) == (0, 2)


def test_questions_are_answered_where_it_is_not_they_who_need_the_memory() -> None:
    server = Server(base_mb=120, questions_mb=1)
    server.guard.look()
    server.questions_mb = 1
    for _ in range(3):
        server.guard.look()
    assert (server.questions_mb, server.stops) == (1, 1)


def test_after_there_was_enough_questions_are_stopped_again() -> None:
    server = Server(base_mb=120)
    for base_mb in (120, 120, 90):
        server.base_mb = base_mb
        server.guard.look()
    server.questions_mb = 50
    server.guard.look()
    assert (server.questions_mb, server.stops) == (0, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what a process uses")
def test_memory_that_was_taken_and_freed_is_seen_and_given_back() -> None:
    before = own_memory_bytes()
    taken = bytearray(64 * MB)
    assert own_memory_bytes() - before > 60 * MB
    del taken
    give_back()
    assert own_memory_bytes() - before < 10 * MB
    status = Path("/proc/self/status").read_text()
    assert abs(own_memory_bytes() // 1024 - int(re.findall(r"RssAnon:\s+(\d+)", status)[0])) < 4096


def test_the_engine_has_half_of_the_memory_unless_told_otherwise(tmp_path: Path) -> None:
    memory = MemorySettings(server_mb=2000)
    assert engine_memory_mb(Settings(data_dir=tmp_path, memory=memory)) == 1000
    of_its_own = StoreSettings(memory_limit_mb=300)
    assert engine_memory_mb(Settings(data_dir=tmp_path, memory=memory, store=of_its_own)) == 300
