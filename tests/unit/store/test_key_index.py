"""The key index against a dictionary."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from questlog.store.key_index import KeyIndex
from questlog.store.key_runs import make_run, sorted_entries
from questlog.store.keys import Keys


def _keys(triples: list[tuple[int, int, int]]) -> Keys:
    columns = list(zip(*triples, strict=True)) or [(), (), ()]
    return Keys(np.array(columns[0], np.uint64), np.array(columns[1], np.uint64), np.array(columns[2], np.uint32))


def _numbers(values: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    return np.array(values, np.uint32)


def _fill(index: KeyIndex, pick: random.Random, batches: int) -> dict[tuple[int, int, int], int]:
    """Insert keys of few different halves: many are equal in one half or the other."""
    known: dict[tuple[int, int, int], int] = {}
    for _ in range(batches):
        fresh = {(pick.randrange(30), pick.randrange(2**64 - 30, 2**64), pick.randrange(3)) for _ in range(40)}
        added = sorted(fresh - known.keys())
        first = len(known) + 1
        numbers = list(range(first, first + len(added)))
        index.insert(_keys(added), _numbers(numbers), first + len(added) - 1)
        known.update(zip(added, numbers, strict=True))
    return known


def _agrees(index: KeyIndex, known: dict[tuple[int, int, int], int]) -> None:
    asked = [*known, *((a, b, c + 7) for a, b, c in known), (99, 2**64 - 1, 0)]
    payloads, is_found = index.lookup(_keys(asked))
    assert payloads.tolist() == [known.get(key, 0) for key in asked]
    assert is_found.tolist() == [key in known for key in asked]


@pytest.mark.parametrize("flush_count", [10, 100, 10_000])
def test_it_finds_exactly_what_was_inserted(tmp_path: Path, flush_count: int) -> None:
    index = KeyIndex(tmp_path, flush_count)
    known = _fill(index, random.Random(flush_count), 60)
    _agrees(index, known)
    index.close()
    _agrees(KeyIndex(tmp_path, flush_count), known)


def test_batches_larger_than_what_stays_in_memory_are_all_found(tmp_path: Path) -> None:
    """Each is full at once, while the one before is still being written."""
    index, pick = KeyIndex(tmp_path, 50), random.Random(3)
    known: dict[tuple[int, int, int], int] = {}
    for size in (10, 200, 3, 60, 500, 49, 51, 70, 1, 300) * 4:
        first = len(known) + 1
        added = [(pick.randrange(2**64), pick.randrange(2**64), 1) for _ in range(size)]
        index.insert(_keys(added), _numbers(list(range(first, first + size))), first + size - 1)
        known.update(zip(added, range(first, first + size), strict=True))
    _agrees(index, known)
    index.close()
    reopened = KeyIndex(tmp_path, 50)
    assert reopened.covered == len(known)
    _agrees(reopened, known)


def test_a_full_batch_is_written_by_one_thread_only(tmp_path: Path) -> None:
    """The other thread may see it before this one has looked whether to merge it."""
    index = KeyIndex(tmp_path, 50)
    small, full = ([(place, place, 1) for place in range(first, last)] for first, last in ((1, 11), (11, 111)))
    index.insert(_keys(small), _numbers(list(range(1, 11))), 10)
    entries = sorted_entries(index._mixed(_keys(full)), _numbers(list(range(11, 111))))
    index._runs.append(make_run(11, 110, entries))
    due = index._due()
    index._merge_memory()
    index._merge(due)
    index.abandon()
    _agrees(KeyIndex(tmp_path, 50), {key: key[0] for key in (*small, *full)})


def test_keys_that_a_sender_chose_alike_do_not_slow_it_down_or_mix(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path)
    count = 20_000
    keys = Keys(np.zeros(count, np.uint64), np.arange(count, dtype=np.uint64), np.ones(count, np.uint32))
    index.insert(keys, np.arange(count, dtype=np.uint32), count)
    payloads, is_found = index.lookup(keys)
    assert is_found.all()
    assert (payloads == np.arange(count)).all()
    assert len(np.unique(index._mixed(keys).high)) == count


def test_what_a_file_does_not_cover_is_not_claimed(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path, flush_count=10)
    _fill(index, random.Random(1), 10)
    index._join()
    written = max(run.last for run in index._runs if run.path is not None)
    reopened = KeyIndex(tmp_path, flush_count=10)
    assert reopened.covered == written


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "header", "other seed"])
def test_a_damaged_file_is_dropped(tmp_path: Path, damage: str) -> None:
    index = KeyIndex(tmp_path)
    _fill(index, random.Random(1), 3)
    index.close()
    [path] = tmp_path.glob("*.run")
    octets = bytearray(path.read_bytes())
    if damage == "cut":
        del octets[-1]
    elif damage == "flip":
        octets[5000] ^= 1
    elif damage == "empty":
        octets.clear()
    elif damage == "header":
        octets[:10] = b"x" * 10
    else:
        (tmp_path / "seed").write_bytes(bytes(8))
    path.write_bytes(octets)
    reopened = KeyIndex(tmp_path)
    assert (reopened.covered, reopened.count, list(tmp_path.glob("*.run"))) == (0, 0, [])


def test_a_merged_file_and_its_parts_do_not_count_twice(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path)
    known = _fill(index, random.Random(1), 3)
    index.close()
    [whole] = tmp_path.glob("*.run")
    part = KeyIndex(tmp_path / "part")
    _fill(part, random.Random(1), 1)
    part.close()
    [part_path] = (tmp_path / "part").glob("*.run")
    (tmp_path / part_path.name).write_bytes(part_path.read_bytes())
    (tmp_path / "0000000000000009-0000000000000009.part").write_bytes(b"unfinished")
    reopened = KeyIndex(tmp_path)
    assert reopened.count == len(known)
    assert [path.name for path in tmp_path.glob("*.*")] == [whole.name]


def test_a_repeated_key_is_near_any_of_its_payloads(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path)
    key = _keys([(1, 2, 3)])
    for place, payload in enumerate([100, 300], start=1):
        index.insert(key, _numbers([payload]), place)
    asked = [89, 90, 110, 111, 200, 290, 310, 311]
    near = [bool(index.has_near(key, _numbers([payload]), 10)[0]) for payload in asked]
    assert near == [False, True, True, False, False, True, True, False]
    assert index.lookup(key)[0].tolist() == [300]


def test_removed_keys_are_gone_from_memory_and_files(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path, flush_count=50)
    known = _fill(index, random.Random(3), 8)
    gone = list(known)[:: len(known) // 5]
    index.remove(_keys(gone))
    for key in gone:
        del known[key]
    _agrees(index, known)
    index.close()
    _agrees(KeyIndex(tmp_path), known)


def test_expired_payloads_are_forgotten_and_others_kept(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path, flush_count=50)
    known = _fill(index, random.Random(3), 10)
    before = index.covered
    index._join()
    index.expire(len(known) + 1 - 20)
    index._join()
    assert index.count < len(known)
    assert index.covered == before
    late = {key: number for key, number in known.items() if number > len(known) - 20}
    assert index.lookup(_keys(list(late)))[0].tolist() == list(late.values())


def test_what_has_expired_is_found_without_reading_all_of_a_file(tmp_path: Path) -> None:
    index, count = KeyIndex(tmp_path), 1 << 19
    keys = Keys(np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64), np.ones(count, np.uint32))
    index.insert(keys, np.arange(count, dtype=np.uint32), count)
    index.close()
    [run] = index._runs

    class Counting(np.ndarray[tuple[int], np.dtype[np.uint32]]):
        read = 0

        def __getitem__(self, places: Any) -> Any:
            found = np.asarray(self)[places]
            Counting.read += len(found)
            return found

    payloads = run.entries.payloads.view(Counting)
    index._runs = [run._replace(entries=run.entries._replace(payloads=payloads))]
    index.expire(count // 3)
    index._join()
    assert 0 < Counting.read <= 1 << 16
    index._runs = [run]
    index.expire(2 * count // 3)
    index._join()
    assert index.count == count - 2 * count // 3
    assert index.covered == count


def test_keys_of_an_empty_batch_are_no_trouble(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path)
    index.insert(_keys([]), _numbers([]), 5)
    assert index.covered == 5
    assert index.lookup(_keys([]))[1].tolist() == []
    index.close()
    assert KeyIndex(tmp_path).covered == 5


def test_files_merge_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questlog.store.key_runs._PART_COUNT", 7)
    index = KeyIndex(tmp_path, flush_count=60)
    known = _fill(index, random.Random(5), 30)
    index.close()
    _agrees(index, known)
    reopened = KeyIndex(tmp_path, flush_count=60)
    assert reopened.count == len(known)
    _agrees(reopened, known)
