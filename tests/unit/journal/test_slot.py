from pathlib import Path

from questlog.journal.files import OsFiles
from questlog.journal.head import Head
from questlog.journal.slot import Slot, slot_numbers, take_slot

FILES = OsFiles()


def test_the_lowest_free_slot_is_taken(tmp_path: Path) -> None:
    taken = [take_slot(tmp_path / "journal", FILES) for _ in range(3)]
    assert [slot.number for slot in taken] == [0, 1, 2]
    taken[1].close()
    again = take_slot(tmp_path / "journal", FILES)
    assert again.number == 1
    for slot in (taken[0], again, taken[2]):
        slot.close()


def test_a_slot_has_one_holder_until_it_is_given_up(tmp_path: Path) -> None:
    holder = take_slot(tmp_path, FILES)
    other = Slot(tmp_path, 0, FILES)
    assert not other.lock()
    holder.unlock()
    assert other.lock()
    holder.close()
    other.close()


def test_the_head_is_what_was_published_last(tmp_path: Path) -> None:
    slot = take_slot(tmp_path, FILES)
    assert slot.read_head() is None
    for offset in (9000, 8500):
        head = Head(5, offset, is_clean=False, boot_id=bytes(16))
        slot.write_head(head)
        assert slot.read_head() == head
    slot.close()


def test_only_numbered_directories_are_slots(tmp_path: Path) -> None:
    for name in ("10", "9", "lost+found", "x1"):
        (tmp_path / name).mkdir()
    assert slot_numbers(tmp_path, FILES) == [9, 10]
    assert slot_numbers(tmp_path / "none", FILES) == []
