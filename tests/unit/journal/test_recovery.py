from pathlib import Path

import pytest

from questlog.journal.head import HEAD_BYTES, NO_BOOT_ID
from questlog.journal.reader import FileJournalReader
from questlog.journal.record import FRAME_BYTES, frame
from questlog.journal.segment import HEADER_BYTES, segment_name
from tests.support.failing_files import FailingFiles
from tests.support.journals import BOOT, OTHER_BOOT, die, entries_of, log_of, records_of

ACKNOWLEDGED = [b"one", b"the second", b"three"]


def killed_writer(directory: Path, records: list[bytes], unacknowledged: bytes = b"") -> Path:
    """A slot whose writer was killed after acknowledging `records` and writing `unacknowledged`; its segment."""
    log = log_of(directory)
    segment = log.commit(records).segment if records else 0
    assert log._open is not None
    path = directory / "0" / segment_name(segment or log._open.number)
    with path.open("ab") as file:
        file.write(unacknowledged)
    die(log)
    return path


def forget_head(path: Path) -> None:
    """As after a crash of the machine before the head was ever written back."""
    (path.parent / "head").write_bytes(b"")


def marker(path: Path) -> bytes:
    return path.read_bytes()[HEADER_BYTES : HEADER_BYTES + 8]


def test_after_a_kill_the_reader_returns_what_was_acknowledged_and_nothing_else(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    with path.open("ab") as file:
        file.write(b"".join(frame(marker(path), [b"written, not acknowledged"])))
    assert records_of(tmp_path) == ACKNOWLEDGED
    assert b"not acknowledged" not in path.read_bytes()


def test_after_a_crash_of_the_machine_whole_records_beyond_the_head_are_kept(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED[:1])
    with path.open("ab") as file:
        file.write(b"".join(frame(marker(path), ACKNOWLEDGED[1:])))
    assert records_of(tmp_path, boot_id=OTHER_BOOT) == ACKNOWLEDGED


def test_where_the_boot_is_unknown_whole_records_beyond_the_head_are_kept(tmp_path: Path) -> None:
    log = log_of(tmp_path, boot_id=NO_BOOT_ID)
    path = tmp_path / "0" / segment_name(log.commit(ACKNOWLEDGED[:1]).segment)
    with path.open("ab") as file:
        file.write(b"".join(frame(marker(path), ACKNOWLEDGED[1:])))
    die(log)
    assert records_of(tmp_path, boot_id=NO_BOOT_ID) == ACKNOWLEDGED


def test_a_segment_torn_at_any_byte_keeps_every_record_before(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    whole = path.read_bytes()
    ends = [HEADER_BYTES + sum(FRAME_BYTES + len(r) for r in ACKNOWLEDGED[: n + 1]) for n in range(3)]
    for cut in range(HEADER_BYTES - 3, len(whole)):
        path.write_bytes(whole[:cut])
        forget_head(path)
        assert records_of(tmp_path) == ACKNOWLEDGED[: sum(end <= cut for end in ends)]
        assert path.stat().st_size == min(cut, max([HEADER_BYTES, *(end for end in ends if end <= cut)]))


def test_a_segment_damaged_at_any_byte_loses_at_most_the_record_it_lies_in(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    whole = path.read_bytes()
    ends = [HEADER_BYTES + sum(FRAME_BYTES + len(r) for r in ACKNOWLEDGED[: n + 1]) for n in range(3)]
    for at in [*range(60), *range(HEADER_BYTES, len(whole))]:
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        forget_head(path)
        hit = sum(end <= at for end in ends) if at >= HEADER_BYTES else 3
        assert records_of(tmp_path) == ACKNOWLEDGED[:hit] + ACKNOWLEDGED[hit + 1 :]


def test_a_torn_tail_is_cut_once_and_the_next_writer_goes_on_after_it(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED, unacknowledged=b"torn")
    forget_head(path)
    log = log_of(tmp_path)
    log.commit([b"next"])
    log.close()
    found = entries_of(tmp_path)
    assert [entry.record for entry in found] == [*ACKNOWLEDGED, b"next"]


def test_a_segment_whose_header_never_reached_the_disk_is_void(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    number = int(path.stem)
    for void in (b"", b"\0" * HEADER_BYTES):
        (path.parent / segment_name(number + 1)).write_bytes(void)
        forget_head(path)
        assert records_of(tmp_path) == ACKNOWLEDGED
        assert sorted(file.name for file in path.parent.glob("*.seg")) == [path.name]


def test_a_segment_begun_but_not_published_is_void_after_a_kill(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    (path.parent / segment_name(int(path.stem) + 1)).write_bytes(path.read_bytes())
    assert records_of(tmp_path) == ACKNOWLEDGED


def test_a_damaged_head_is_as_none(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    (path.parent / "head").write_bytes(b"\xff" * HEAD_BYTES)
    assert records_of(tmp_path) == ACKNOWLEDGED


def test_damage_before_the_head_does_not_cut_what_follows(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 0xFF
    path.write_bytes(damaged)
    log = log_of(tmp_path, boot_id=OTHER_BOOT)
    log.commit([b"next"])
    log.close()
    assert [entry.record for entry in entries_of(tmp_path)] == [b"one", b"the second", None, b"next"]


def test_a_segment_with_both_headers_lost_is_reported_whole_and_the_next_is_read(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    log = log_of(tmp_path)
    log.commit([b"next"])
    damaged = bytearray(path.read_bytes())
    damaged[:HEADER_BYTES] = bytes(HEADER_BYTES)
    path.write_bytes(damaged)
    found = entries_of(tmp_path)
    assert [entry.record for entry in found] == [None, b"next"]
    assert found[0].end.offset == len(damaged)
    log.close()


def test_a_living_writers_slot_is_left_alone(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.commit(ACKNOWLEDGED)
    assert records_of(tmp_path, boot_id=OTHER_BOOT) == ACKNOWLEDGED
    log.commit([b"more"])
    assert records_of(tmp_path, boot_id=OTHER_BOOT) == [*ACKNOWLEDGED, b"more"]
    log.close()


def test_a_disk_that_cannot_be_synced_does_not_reveal_what_it_may_lose(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED[:1])
    with path.open("ab") as file:
        file.write(b"".join(frame(marker(path), ACKNOWLEDGED[1:])))
    files = FailingFiles()
    files.is_sync_broken = True
    reader = FileJournalReader(tmp_path, files, OTHER_BOOT)
    assert [entry.record for entry in reader.read({}, 1000)] == ACKNOWLEDGED[:1]
    files.is_sync_broken = False
    assert [entry.record for entry in reader.read({}, 1000)] == ACKNOWLEDGED
    reader.close()


def test_what_was_found_is_synced_before_it_is_shown(tmp_path: Path) -> None:
    path = killed_writer(tmp_path, ACKNOWLEDGED)
    files = FailingFiles()
    reader = FileJournalReader(tmp_path, files, OTHER_BOOT)
    assert len(reader.read({}, 1000)) == 3
    assert files.synced_inodes == [path.stat().st_ino, (path.parent / "head").stat().st_ino]
    reader.close()


@pytest.mark.parametrize("boot_id", [BOOT, OTHER_BOOT])
def test_a_sealed_slot_is_not_searched(tmp_path: Path, boot_id: bytes) -> None:
    log = log_of(tmp_path)
    segment = log.commit(ACKNOWLEDGED).segment
    log.close()
    path = tmp_path / "0" / segment_name(segment)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"not ours")
    assert records_of(tmp_path, boot_id=boot_id) == ACKNOWLEDGED
    assert path.stat().st_size == size + len(b"not ours")
