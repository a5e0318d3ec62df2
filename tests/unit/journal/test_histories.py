"""Any history of commits, failures, kills, crashes of the machine, reads and expiries keeps the journal's promise."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from questlog.journal.contract import Entry
from questlog.journal.segment import HEADER_BYTES
from questlog.journal.segment_log import SegmentLog
from questlog.model.record import Position
from tests.support.failing_files import FailingFiles
from tests.support.journals import StandingClock, die, entries_of, log_of, reader_of, records_of

BREAKAGES = ["is_sync_broken", "is_create_broken", "is_truncate_broken", "is_head_broken", "is_remove_broken"]


class JournalHistory(RuleBasedStateMachine):
    """Acknowledged ⇔ read exactly once, in order. A record that was not acknowledged may be read, whole, once."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.directory = Path(self.temporary.name)
        self.files = FailingFiles()
        self.reader = reader_of(self.directory)
        self.log: SegmentLog | None = None
        self.boot = 1
        self.number = 0
        self.acknowledged: list[bytes] = []
        self.attempted: set[bytes] = set()
        self.read: list[bytes] = []
        self.positions: dict[int, Position] = {}

    @initialize()
    def begin(self) -> None:
        self.open_log()

    def open_log(self) -> None:
        for name in BREAKAGES:
            setattr(self.files, name, False)
        self.files.space_bytes = None
        boot_id = bytes([self.boot]) * 16
        self.log = log_of(self.directory, self.files, segment_bytes=HEADER_BYTES + 200, boot_id=boot_id)
        assert self.log.writer == 0

    @rule(sizes=st.lists(st.integers(0, 120), min_size=1, max_size=6))
    def commit(self, sizes: list[int]) -> None:
        assert self.log is not None
        records = []
        for size in sizes:
            self.number += 1
            records.append(str(self.number).encode() + b"." * size)
        self.attempted.update(records)
        try:
            self.log.commit(records)
        except OSError:
            return
        self.acknowledged += records

    @rule()
    def restart(self) -> None:
        assert self.log is not None
        if self.log._open is None:
            try:
                self.log.restart()
            except OSError:
                assert self.log._open is None

    @rule(name=st.sampled_from(BREAKAGES), is_broken=st.booleans())
    def break_or_mend(self, name: str, is_broken: bool) -> None:
        setattr(self.files, name, is_broken)

    @rule(space_bytes=st.one_of(st.none(), st.integers(0, 400)))
    def fill_disk(self, space_bytes: int | None) -> None:
        self.files.space_bytes = space_bytes

    @rule(write_bytes=st.one_of(st.none(), st.integers(1, 50)))
    def shorten_writes(self, write_bytes: int | None) -> None:
        self.files.write_bytes = None if write_bytes is None else write_bytes * 1000

    @rule()
    def kill(self) -> None:
        assert self.log is not None
        die(self.log)
        self.open_log()

    @rule()
    def stop(self) -> None:
        assert self.log is not None
        for name in BREAKAGES:
            setattr(self.files, name, False)
        self.log.close()
        self.open_log()

    @precondition(lambda self: self.files.space_bytes is None)
    @rule(is_head_lost=st.booleans())
    def crash_machine(self, is_head_lost: bool) -> None:
        """Nothing was lost that was synced; the head may be."""
        assert self.log is not None
        die(self.log)
        self.boot += 1
        if is_head_lost:
            (self.directory / "0" / "head").write_bytes(b"")
        self.reader.close()
        self.reader = reader_of(self.directory, bytes([self.boot]) * 16)
        self.open_log()

    @rule(max_bytes=st.integers(1, 500))
    def read_some(self, max_bytes: int) -> None:
        self.take(list(self.reader.read(self.positions, max_bytes)))

    @rule()
    def expire(self) -> None:
        self.reader.expire(self.positions, 0, StandingClock().now_us() + 1)

    def take(self, entries: list[Entry]) -> None:
        for entry in entries:
            assert entry.record is not None, "torn"
            self.read.append(entry.record)
            self.positions[0] = entry.end

    @invariant()
    def nothing_is_invented_or_doubled(self) -> None:
        assert len(self.read) == len(set(self.read))
        assert self.attempted.issuperset(self.read)

    def teardown(self) -> None:
        while entries := list(self.reader.read(self.positions, 10_000)):
            self.take(entries)
        self.nothing_is_invented_or_doubled()
        acknowledged = set(self.acknowledged)
        assert [record for record in self.read if record in acknowledged] == self.acknowledged
        if self.boot == 1:
            assert self.read == self.acknowledged
        if self.log is not None:
            die(self.log)
        self.reader.close()
        self.temporary.cleanup()


TestJournalHistory = JournalHistory.TestCase
TestJournalHistory.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


def test_a_journal_read_from_the_start_is_read_the_same_again(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 200)
    for number in range(30):
        log.commit([str(number).encode()])
    assert entries_of(tmp_path) == entries_of(tmp_path, max_bytes=50)
    assert len(records_of(tmp_path)) == 30
    log.close()
