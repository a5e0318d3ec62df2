"""Processes killed with SIGKILL under load: what was acknowledged is stored once, and the books add up.

The seed and the counts are in the log, which pytest shows with a failure, or always with `--log-cli-level=info`.
"""

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.support.audit import check_everything, journalled, wait_until_loaded
from tests.support.installation import Installation, descendants, installation
from tests.support.senders import Ledger, Script, Senders

pytestmark = pytest.mark.system

SETTINGS = {
    "loader.tick_ms": 10,
    "store.checkpoint_mb": 1,
    "journal.segment_bytes": 300_000,
    "console.sql_max_rows": 5_000_000,
}
ROUNDS = int(os.environ.get("ROUNDS", "200"))
CHECK_EVERY = 20
WAIT_S = 120

KILL_AT_WRITE = """
import os, signal, sys, time
pid, path, delay_s = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
def written():
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
before, deadline = written(), time.monotonic() + 5
while written() == before and time.monotonic() < deadline:
    pass
time.sleep(delay_s)
try:
    os.kill(pid, signal.SIGKILL)
except ProcessLookupError:
    pass
"""

log = logging.getLogger(__name__)


class Killer:
    """Kills parts of a running installation and sees to it that they come back."""

    def __init__(self, made: Installation, chance: random.Random) -> None:
        self._made = made
        self._chance = chance
        self.kills: Counter[str] = Counter()
        self.ways: Mapping[str, Callable[[], None]] = {
            "worker": lambda: self._kill_one(self._workers),
            "collector": lambda: self._kill_one(lambda: self._children("collect")),
            "server": lambda: self._kill_one(lambda: self._children("serve")),
            "server during a load": lambda: self._kill_server_at_write("events.duckdb.wal"),
            "server during a checkpoint": lambda: self._kill_server_at_write("events.duckdb"),
            "supervisor": self._kill_supervisor,
            "everything": self._kill_everything,
        }

    def kill(self, way: str) -> None:
        """Kill now, and wait until everything runs again."""
        self.kills[way] += 1
        with suppress(ProcessLookupError):  # it may have died of an earlier kill
            self.ways[way]()
        self._made.wait_for_collector()
        self._made.wait_for_console()

    def _children(self, command: str) -> list[int]:
        """The supervisor's child that runs the command."""
        own = os.fsencode(command)
        return [pid for pid in self._offspring() if _parent(pid) == self._made.start_pid and own in _arguments(pid)]

    def _workers(self) -> list[int]:
        collectors = self._children("collect")
        return [pid for pid in self._offspring() if _parent(pid) in collectors]

    def _offspring(self) -> list[int]:
        return descendants(self._made.start_pid)

    def _kill_one(self, find: Callable[[], Sequence[int]]) -> None:
        os.kill(self._victim(find), signal.SIGKILL)

    def _kill_server_at_write(self, name: str) -> None:
        """A commit writes the log alone, a checkpoint the database file. A process of its own is quick enough."""
        victim = self._victim(lambda: self._children("serve"))
        path = self._made.data_dir / "store" / name
        delay_s = self._chance.choice((0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.03))
        subprocess.run([sys.executable, "-c", KILL_AT_WRITE, str(victim), str(path), str(delay_s)], check=True)

    def _victim(self, find: Callable[[], Sequence[int]]) -> int:
        self._made.wait_until(lambda: bool(find()), "a process to kill", WAIT_S)
        return self._chance.choice(find())

    def _kill_supervisor(self) -> None:
        family = self._offspring()
        self._made.kill("run")
        self._made.wait_until(
            lambda: not [pid for pid in family if Path(f"/proc/{pid}").exists()], "all to end", WAIT_S
        )
        self._made.start("run", "--sandbox")

    def _kill_everything(self) -> None:
        self._made.kill_everything()
        self._made.start("run", "--sandbox")


def kill_and_check(data_dir: Path, seed: int, ways: Sequence[str]) -> None:
    """Kill in these ways, one after the other, under load; every so often, and at the end, look at everything."""
    chance = random.Random(seed)
    ledger = Ledger()
    with installation(data_dir, SETTINGS) as made:
        made.start_run()
        killer = Killer(made, chance)
        for begin in range(0, len(ways), CHECK_EVERY):
            with Senders(made, ledger, chance.randrange(2**32)):
                for way in ways[begin : begin + CHECK_EVERY]:
                    made.wait_until(partial(_has, ledger, ledger.acknowledged + 50), "events", WAIT_S)
                    time.sleep(chance.uniform(0, 1))
                    killer.kill(way)
            wait_until_loaded(made, WAIT_S)
            check_everything(made, ledger)
            log.info("kills %s, events acknowledged %d, sent %d", dict(killer.kills), ledger.acknowledged, ledger.sends)
            log.info("answers %s", dict(ledger.answers))


def test_killed_processes_lose_double_and_invent_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    log.info("seed %d", seed)
    kill_and_check(
        tmp_path / "data",
        seed,
        ("worker", "server during a load", "everything", "server during a checkpoint", "server during a load"),
    )


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_killed_processes_lose_double_and_invent_nothing_in_many_rounds(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    log.info("seed %d", seed)
    chance = random.Random(seed)
    names = (
        "worker",
        "server",
        "server during a load",
        "server during a checkpoint",
        "collector",
        "supervisor",
        "everything",
    )
    ways = [names[number % len(names)] for number in range(ROUNDS)]
    chance.shuffle(ways)
    kill_and_check(tmp_path / "data", seed, ways)


def test_damage_in_a_sealed_segment_costs_its_records_alone_and_is_told(tmp_path: Path) -> None:
    ledger = Ledger()
    with installation(tmp_path / "data", SETTINGS) as made:
        made.start_run()
        senders = Senders(made, ledger, seed=3)
        assert made.stop("run") == 0
        made.start("collect")
        made.wait_for_collector()
        journal = made.data_dir / "journal"
        with senders:
            made.wait_until(lambda: any(len(_segments(slot)) > 2 for slot in journal.iterdir()), "segments", WAIT_S)
        before = journalled(journal)
        _destroy_middle(next(_segments(slot)[1] for slot in journal.iterdir() if len(_segments(slot)) > 2))
        after = journalled(journal)
        destroyed = before.marks - after.marks
        assert (before.damaged, after.damaged) == (0, 1)
        assert destroyed
        ledger.take_back({mark: count for mark, count in destroyed.items() if mark is not None})
        made.start("serve")
        made.wait_for_console()
        wait_until_loaded(made, WAIT_S)
        [told] = made.sql("SELECT game_id, is_whole_request FROM rejected_events WHERE reason = 'corrupt_record'")
        assert told == {"game_id": 0, "is_whole_request": True}
        check_everything(made, ledger, damaged=1)


def test_lost_and_damaged_key_indexes_are_made_again_and_duplicates_are_still_known(tmp_path: Path) -> None:
    ledger = Ledger()
    script = Script(ledger, random.Random(4))
    requests = [request for request in (script.next_request() for _ in range(100)) if request.has_ids]
    with installation(tmp_path / "data", SETTINGS) as made:
        made.start_run()
        senders = Senders(made, ledger, seed=4)
        senders.send_once(requests)
        wait_until_loaded(made, WAIT_S)
        assert made.stop("run") == 0
        _damage_indexes(
            made, {"events": _remove, "players": _halve, "sessions": _flip, "event_names": _remove_directory}
        )
        made.start("collect")
        made.start("serve")
        made.wait_for_collector()
        made.wait_for_console()
        senders.send_once([*requests, *(script.next_request() for _ in range(20))])
        wait_until_loaded(made, WAIT_S)
        assert made.stop("serve") == 0
        _damage_indexes(
            made, {"events": _halve, "players": _remove, "sessions": _remove_directory, "event_names": _flip}
        )
        made.start("serve")
        made.wait_for_console()
        senders.send_once([*requests, *(script.next_request() for _ in range(20))])
        wait_until_loaded(made, WAIT_S)
        [hours] = made.sql("SELECT sum(duplicates)::BIGINT AS duplicates FROM ingest_hours")
        assert hours["duplicates"] == 2 * sum(len(request.marks) for request in requests)
        check_everything(made, ledger)


def _segments(slot: Path) -> list[Path]:
    return sorted(slot.glob("*.seg"))


def _destroy_middle(segment: Path) -> None:
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(b"destroyed".ljust(64))


def _damage_indexes(made: Installation, damages: Mapping[str, Callable[[Path], None]]) -> None:
    """Do something to the one file of each key index."""
    for index, damage in damages.items():
        [run] = (made.data_dir / "store" / "key-indexes" / index).glob("*.run")
        damage(run)


def _remove(run: Path) -> None:
    run.unlink()


def _halve(run: Path) -> None:
    os.truncate(run, run.stat().st_size // 2)


def _flip(run: Path) -> None:
    octets = bytearray(run.read_bytes())
    octets[-1] ^= 1
    run.write_bytes(octets)


def _remove_directory(run: Path) -> None:
    shutil.rmtree(run.parent)


def _has(ledger: Ledger, acknowledged: int) -> bool:
    return ledger.acknowledged >= acknowledged


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _arguments(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []
