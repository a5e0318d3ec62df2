import shutil
from pathlib import Path

import pytest

from questlog.journal.record import FRAME_BYTES
from questlog.journal.segment import HEADER_BYTES
from questlog.journal.segment_log import SegmentLog
from tests.support.failing_files import FailingFiles
from tests.support.journals import StandingClock, die, entries_of, log_of, reader_of, records_of, whole


@pytest.fixture
def files() -> FailingFiles:
    return FailingFiles()


def restart(log: SegmentLog) -> None:
    log.restart()
    log.commit([b"after"])
    log.close()


def test_records_are_readable_as_soon_as_commit_returns(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    group = log.commit([b"one", b"two"])
    assert group.offsets == [HEADER_BYTES, HEADER_BYTES + FRAME_BYTES + 3]
    found = entries_of(tmp_path)
    assert whole(found) == [b"one", b"two"]
    assert [entry.start.offset for entry in found] == group.offsets
    assert {(entry.start.writer, entry.start.segment) for entry in found} == {(0, group.segment)}
    log.close()


def test_a_commit_is_one_sync(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    before = files.syncs
    log.commit([b"x"] * 1000)
    assert files.syncs == before + 1
    log.close()


class WatchingFiles(FailingFiles):
    """Files that look, during every sync, at what a reader would find."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self.journal = journal
        self.found: list[list[bytes]] = []

    def sync(self, fd: int) -> None:
        self.found.append(records_of(self.journal))
        super().sync(fd)


def test_nothing_is_readable_before_its_sync_has_returned(tmp_path: Path) -> None:
    files = WatchingFiles(tmp_path)
    log = log_of(tmp_path, files)
    files.found.clear()
    log.commit([b"one"])
    log.commit([b"two"])
    assert files.found == [[], [b"one"]]
    log.close()


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    segments = [log.commit([str(number).encode()]).segment for number in range(4)]
    log.close()
    assert segments == [segments[0] + number for number in range(4)]
    assert records_of(tmp_path) == [b"0", b"1", b"2", b"3"]


def test_short_writes_are_continued(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    files.write_bytes = 7
    log.commit([b"a record longer than one write", b"two"])
    assert records_of(tmp_path) == [b"a record longer than one write", b"two"]
    log.close()


@pytest.mark.parametrize("space_bytes", range(0, 60, 7))
def test_a_full_disk_fails_the_group_and_spares_the_others(
    tmp_path: Path, files: FailingFiles, space_bytes: int
) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    files.space_bytes = space_bytes
    with pytest.raises(OSError, match="No space"):
        log.commit([b"lost one", b"lost two", b"lost three"])
    assert records_of(tmp_path) == [b"before"]
    with pytest.raises(OSError, match="No space"):
        log.restart()
    files.space_bytes = None
    restart(log)
    assert records_of(tmp_path) == [b"before", b"after"]


def test_a_disk_with_hardly_any_space_is_still_full(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    files.space_bytes = 0
    with pytest.raises(OSError, match="No space"):
        log.commit([b"lost"])
    files.space_bytes = 100_000
    with pytest.raises(OSError, match="No space"):
        log.restart()
    assert [path.name for path in (tmp_path / "0").glob("*.seg")] == []
    log.close()


def test_a_file_whose_sync_failed_is_never_synced_again(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    segment = log.commit([b"before"]).segment
    files.is_sync_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    with pytest.raises(OSError, match="no open segment"):
        log.commit([b"refused"])
    with pytest.raises(OSError, match="Input/output"):
        log.restart()
    files.is_sync_broken = False
    log.restart()
    assert log.commit([b"after"]).segment > segment
    log.close()
    assert records_of(tmp_path) == [b"before", b"after"]
    assert files.synced_after_failure == []
    assert not any(b"failed" in path.read_bytes() for path in (tmp_path / "0").glob("*.seg"))


def test_what_a_failed_sync_left_in_the_file_is_not_read_even_when_it_cannot_be_cut(
    tmp_path: Path, files: FailingFiles
) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    files.is_sync_broken = files.is_truncate_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    assert records_of(tmp_path) == [b"before"]
    files.is_sync_broken = files.is_truncate_broken = False
    restart(log)
    assert records_of(tmp_path) == [b"before", b"after"]
    assert any(b"failed" in path.read_bytes() for path in (tmp_path / "0").glob("*.seg"))


def test_a_segment_in_which_nothing_succeeded_is_taken_away(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    for _ in range(3):
        files.is_sync_broken = True
        with pytest.raises(OSError, match="Input/output"):
            log.commit([b"failed"])
        files.is_sync_broken = False
        log.restart()
    assert len(list((tmp_path / "0").glob("*.seg"))) == 2
    log.close()
    assert records_of(tmp_path) == [b"before"]


def test_a_segment_that_cannot_be_taken_away_is_passed_over(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    for _ in range(3):
        files.is_sync_broken = files.is_remove_broken = files.is_truncate_broken = True
        with pytest.raises(OSError, match="Input/output"):
            log.commit([b"failed"])
        files.is_sync_broken = files.is_remove_broken = files.is_truncate_broken = False
        log.restart()
    log.commit([b"after"])
    log.close()
    assert records_of(tmp_path) == [b"before", b"after"]


def test_a_failed_groups_bytes_stay_hidden_while_there_is_no_next_segment(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    files.is_sync_broken = files.is_truncate_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    files.is_sync_broken = files.is_truncate_broken = False
    log.restart()
    files.is_sync_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed too"])
    assert records_of(tmp_path) == [b"before"]
    log.close()


def test_a_head_that_cannot_be_published_fails_the_group(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    log.commit([b"before"])
    files.is_head_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    files.is_head_broken = False
    restart(log)
    assert records_of(tmp_path) == [b"before", b"after"]


def test_the_first_group_of_a_new_segment_failing_leaves_the_one_before_readable(
    tmp_path: Path, files: FailingFiles
) -> None:
    log = log_of(tmp_path, files, segment_bytes=HEADER_BYTES + 1)
    log.commit([b"before"])
    files.is_create_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    files.is_create_broken = False
    assert records_of(tmp_path) == [b"before"]
    log.restart()
    files.space_bytes = 3
    with pytest.raises(OSError, match="No space"):
        log.commit([b"failed"])
    assert records_of(tmp_path) == [b"before"]
    files.space_bytes = None
    restart(log)
    assert records_of(tmp_path) == [b"before", b"after"]


def test_a_disk_that_fails_at_the_start_can_be_tried_again(tmp_path: Path, files: FailingFiles) -> None:
    log_of(tmp_path, files).close()
    files.is_create_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log_of(tmp_path, files)
    files.is_create_broken = False
    files.space_bytes = 100
    with pytest.raises(OSError, match="No space"):
        log_of(tmp_path, files)


def test_a_reader_that_waits_at_a_given_up_segment_goes_on_in_the_next(tmp_path: Path, files: FailingFiles) -> None:
    log = log_of(tmp_path, files)
    reader = reader_of(tmp_path)
    log.commit([b"one"])
    first = reader.read({}, 1000)
    positions = {0: first[-1].end}
    files.is_sync_broken = True
    with pytest.raises(OSError, match="Input/output"):
        log.commit([b"failed"])
    assert reader.read(positions, 1000) == []
    files.is_sync_broken = False
    log.restart()
    assert reader.read(positions, 1000) == []
    log.commit([b"two"])
    assert whole(reader.read(positions, 1000)) == [b"two"]
    reader.close()
    log.close()


def test_a_slot_taken_again_begins_a_new_segment(tmp_path: Path) -> None:
    segments = []
    for number in range(3):
        log = log_of(tmp_path)
        segments.append(log.commit([str(number).encode()]).segment)
        assert log.writer == 0
        if number == 1:
            die(log)
        else:
            log.close()
    assert segments == sorted(set(segments))
    assert records_of(tmp_path) == [b"0", b"1", b"2"]


def test_a_deleted_journal_begins_beyond_the_segments_of_the_old_one(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    assert log.commit([b"x"]).segment == 1_790_000_000 - 1_577_836_800
    log.close()


def test_a_journal_put_back_to_an_older_state_begins_beyond_what_was_loaded_since(tmp_path: Path) -> None:
    journal, copy = tmp_path / "journal", tmp_path / "copy"
    clock = StandingClock()
    log_of(journal, clock=clock).close()
    shutil.copytree(journal, copy)
    for _ in range(3):
        clock.time_us += 60_000_000
        log = log_of(journal, clock=clock)
        log.commit([b"loaded"])
        log.close()
    positions = {0: entries_of(journal)[-1].end}

    shutil.rmtree(journal)
    copy.rename(journal)
    clock.time_us += 60_000_000
    log = log_of(journal, clock=clock)
    log.commit([b"new"])
    reader = reader_of(journal)
    assert whole(reader.read(positions, 1_000)) == [b"new"]
    reader.close()
    log.close()
