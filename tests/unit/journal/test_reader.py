from pathlib import Path

import pytest

from questlog.journal import segment as segment_module
from questlog.journal.contract import JournalReader
from questlog.journal.record import FRAME_BYTES
from questlog.journal.segment import HEADER_BYTES, Header, UnknownFormat, encode_header, segment_name
from questlog.model.record import Position
from tests.support.journals import StandingClock, die, entries_of, log_of, reader_of, records_of, whole

DAY_US = 86_400_000_000


def segments_in(directory: Path) -> list[int]:
    return sorted(int(path.stem) for path in directory.glob("*.seg"))


def test_it_is_a_journal_reader(tmp_path: Path) -> None:
    reader: JournalReader = reader_of(tmp_path)
    assert reader.read({}, 1000) == []
    assert reader.lag_bytes({}) == 0
    assert reader.expire({}, 0, 0) == 0


def test_entries_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.commit([b"a" * size for size in range(50)])
    found = entries_of(tmp_path)
    assert [entry.end for entry in found[:-1]] == [entry.start for entry in found[1:]]
    log.close()


@pytest.mark.parametrize("max_bytes", [1, 100, 1000, 1_000_000])
def test_every_record_of_every_writer_comes_once_whatever_is_read_at_a_time(tmp_path: Path, max_bytes: int) -> None:
    logs = [log_of(tmp_path, segment_bytes=HEADER_BYTES + 300) for _ in range(3)]
    expected: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
    for turn in range(20):
        for log in logs:
            records = [f"{log.writer} {turn} {number}".encode() * 5 for number in range(turn % 4 + 1)]
            log.commit(records)
            expected[log.writer] += records
    found = entries_of(tmp_path, max_bytes)
    for writer, records in expected.items():
        assert [entry.record for entry in found if entry.start.writer == writer] == records
    for log in logs:
        log.close()


def test_no_more_than_about_what_was_asked_for_is_returned_and_all_writers_have_a_share(tmp_path: Path) -> None:
    logs = [log_of(tmp_path) for _ in range(4)]
    for log in logs:
        log.commit([b"x" * 100] * 100)
    reader = reader_of(tmp_path)
    found = reader.read({}, 4 * 1200)
    assert {entry.start.writer for entry in found} == {0, 1, 2, 3}
    assert 4 * 1200 <= len(found) * (100 + FRAME_BYTES) <= 4 * (1200 + 100 + FRAME_BYTES)
    reader.close()
    for log in logs:
        log.close()


def test_what_an_idle_writer_leaves_of_its_share_goes_to_the_busy_one(tmp_path: Path) -> None:
    idle, busy = log_of(tmp_path), log_of(tmp_path)
    idle.commit([b"x"])
    busy.commit([b"x" * 100] * 100)
    reader = reader_of(tmp_path)
    assert len(reader.read({}, 100 * (100 + FRAME_BYTES))) >= 100
    reader.close()
    idle.close()
    busy.close()


def test_with_room_for_one_writer_only_they_take_turns(tmp_path: Path) -> None:
    logs = [log_of(tmp_path) for _ in range(3)]
    for log in logs:
        log.commit([b"x" * 100] * 10)
    reader = reader_of(tmp_path)
    assert {entry.start.writer for _ in range(3) for entry in reader.read({}, 1)} == {0, 1, 2}
    reader.close()
    for log in logs:
        log.close()


def test_a_position_in_a_segment_that_is_gone_goes_on_in_the_next_one(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    groups = [log.commit([str(number).encode()]) for number in range(3)]
    (tmp_path / "0" / segment_name(groups[0].segment)).unlink()
    reader = reader_of(tmp_path)
    assert whole(reader.read({0: Position(0, groups[0].segment, 9000)}, 1)) == [b"1"]
    reader.close()
    log.close()


def test_a_position_beyond_the_head_waits(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    segment = log.commit([b"x"]).segment
    reader = reader_of(tmp_path)
    for beyond in (Position(0, segment, 1_000_000), Position(0, segment + 9, HEADER_BYTES)):
        assert reader.read({0: beyond}, 1000) == []
        assert reader.lag_bytes({0: beyond}) == 0
    reader.close()
    log.close()


def test_lag_counts_the_bytes_of_all_segments_and_writers(tmp_path: Path) -> None:
    logs = [log_of(tmp_path, segment_bytes=HEADER_BYTES + 1) for _ in range(2)]
    for log in logs:
        for _ in range(3):
            log.commit([b"x" * 80])
    reader = reader_of(tmp_path)
    assert reader.lag_bytes({}) == 6 * (80 + FRAME_BYTES)
    first = reader.read({}, 1)[0]
    assert reader.lag_bytes({first.end.writer: first.end}) == 5 * (80 + FRAME_BYTES)
    reader.close()
    for log in logs:
        log.close()


def test_unread_is_where_the_records_of_a_writer_that_has_some_end(tmp_path: Path) -> None:
    log, idle = log_of(tmp_path), log_of(tmp_path)
    log.commit([b"x", b"y"])
    reader = reader_of(tmp_path)
    [first, second] = reader.read({}, 1000)
    assert reader.unread({}) == {log.writer: second.end}
    assert reader.unread({log.writer: first.end}) == {log.writer: second.end}
    assert reader.unread({log.writer: second.end}) == {}
    reader.close()
    log.close()
    idle.close()


def test_damage_is_an_entry_without_a_record(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    group = log.commit([b"one", b"two", b"three"])
    path = tmp_path / "0" / segment_name(group.segment)
    damaged = bytearray(path.read_bytes())
    damaged[group.offsets[1]] ^= 0xFF
    path.write_bytes(damaged)
    found = entries_of(tmp_path)
    assert [entry.record for entry in found] == [b"one", None, b"three"]
    assert (found[1].start.offset, found[1].end.offset) == (group.offsets[1], group.offsets[2])
    log.close()


def test_a_segment_cut_from_outside_is_damage_and_the_next_one_is_read(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    first = log.commit([b"one", b"two"])
    log.commit([b"three"])
    path = tmp_path / "0" / segment_name(first.segment)
    path.write_bytes(path.read_bytes()[:-1])
    assert records_of(tmp_path) == [b"one", b"three"]
    log.close()


def test_a_new_writer_and_a_new_segment_are_noticed(tmp_path: Path) -> None:
    reader = reader_of(tmp_path)
    assert reader.read({}, 1000) == []
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    positions: dict[int, Position] = {}
    for number in range(3):
        log.commit([str(number).encode()])
        found = reader.read(positions, 1000)
        assert whole(found) == [str(number).encode()]
        positions = {0: found[-1].end}
    reader.close()
    log.close()


def test_a_reader_goes_on_over_kills_and_restarts(tmp_path: Path) -> None:
    reader = reader_of(tmp_path)
    positions: dict[int, Position] = {}
    for number in range(5):
        log = log_of(tmp_path)
        for part in range(number):
            log.commit([f"{number} {part}".encode()])
        if number % 2:
            die(log)
        else:
            log.close()
        found = reader.read(positions, 1000)
        assert whole(found) == [f"{number} {part}".encode() for part in range(number)]
        positions |= {entry.end.writer: entry.end for entry in found}
    assert set(positions) == {0}
    reader.close()


def test_sealed_segments_before_the_position_expire_with_age(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    now = StandingClock().now_us()
    for number in range(4):
        log.commit([str(number).encode()])
    segments = segments_in(tmp_path / "0")
    found = entries_of(tmp_path)
    reader = reader_of(tmp_path)
    read_to = {0: found[1].end}
    assert reader.expire(read_to, 86400, now + DAY_US) == 0
    assert reader.expire({}, 0, now + DAY_US) == 0
    assert reader.expire(read_to, 86400, now + DAY_US + 1) == 2
    assert segments_in(tmp_path / "0") == segments[2:]
    assert whole(reader.read(read_to, 1)) == [b"2"]
    assert reader.expire({0: found[-1].end}, 0, now + DAY_US) == 1
    assert segments_in(tmp_path / "0") == segments[3:]
    log.commit([b"4"])
    assert whole(reader.read({0: found[-1].end}, 1000)) == [b"4"]
    reader.close()
    log.close()


def test_a_segment_is_not_expired_while_a_record_of_it_is_unread(tmp_path: Path) -> None:
    log = log_of(tmp_path, segment_bytes=HEADER_BYTES + 1)
    log.commit([b"one", b"two"])
    log.commit([b"three"])
    found = entries_of(tmp_path)
    reader = reader_of(tmp_path)
    assert reader.expire({0: found[0].end}, 0, StandingClock().now_us() + DAY_US) == 0
    assert reader.expire({0: found[1].end}, 0, StandingClock().now_us() + DAY_US) == 1
    reader.close()
    log.close()


def test_a_newer_format_stops_the_reader_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(tmp_path)
    segment = log.commit([b"x"]).segment
    path = tmp_path / "0" / segment_name(segment)
    monkeypatch.setattr(segment_module, "FORMAT_VERSION", 2)
    newer = encode_header(Header(0, segment, 0, 0, 0, b"8 bytes!"))
    monkeypatch.undo()
    path.write_bytes(newer + path.read_bytes()[HEADER_BYTES:])
    reader = reader_of(tmp_path)
    for _ in range(2):
        with pytest.raises(UnknownFormat):
            reader.read({}, 1000)
    reader.close()
    log.close()


def test_reading_nothing_new_opens_no_file(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.commit([b"x"])
    reader = reader_of(tmp_path)
    positions = {0: reader.read({}, 1000)[-1].end}
    before = sorted(path.name for path in Path("/dev/fd").iterdir())
    for _ in range(10):
        assert reader.read(positions, 1000) == []
    assert sorted(path.name for path in Path("/dev/fd").iterdir()) == before
    reader.close()
    log.close()
