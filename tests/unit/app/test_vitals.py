from pathlib import Path

import pytest

from questlog.app.vitals import build, commit_of, size_of, vitals
from questlog.config import load


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_sizes_are_those_of_all_files_below(tmp_path: Path) -> None:
    write(tmp_path / "store" / "events.duckdb", "x" * 100)
    write(tmp_path / "store" / "temp" / "spill", "x" * 20)
    write(tmp_path / "journal" / "0" / "1.seg", "x" * 3)
    settings = load(tmp_path, overrides={"memory.server_mb": 512})
    found = vitals(settings)
    assert (found.store_bytes, found.journal_bytes, found.memory_limit_bytes) == (120, 3, 512 << 20)
    assert 0 < found.disk_free_bytes <= found.disk_bytes


def test_a_directory_that_is_not_there_has_no_size(tmp_path: Path) -> None:
    assert size_of(tmp_path / "nowhere") == 0


def test_the_program_says_its_version_and_pythons() -> None:
    assert build().version
    assert build().python.count(".") == 2


@pytest.mark.parametrize("head", ["ref: refs/heads/main\n", "abc123\n"])
def test_the_commit_is_the_one_checked_out(tmp_path: Path, head: str) -> None:
    write(tmp_path / ".git" / "HEAD", head)
    write(tmp_path / ".git" / "refs" / "heads" / "main", "abc123\n")
    assert commit_of(tmp_path / "src" / "questlog") == "abc123"


def test_the_commit_of_a_build_counts_before_one_around_it(tmp_path: Path) -> None:
    write(tmp_path / ".git" / "HEAD", "abc123\n")
    write(tmp_path / "src" / "questlog" / "_built" / "commit", "def456\n")
    assert commit_of(tmp_path / "src" / "questlog") == "def456"


def test_a_commit_that_nobody_noted_is_empty(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "src" / "questlog") == ""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/packed\n")
    assert commit_of(tmp_path / "src" / "questlog") == ""
