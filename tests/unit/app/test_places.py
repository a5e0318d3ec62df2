import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from questlog.app.places import make_data_directory
from questlog.config import load


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_process_makes_is_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    make_data_directory(load(directory))
    (directory / "journal").mkdir()
    (directory / "journal" / "file").touch()
    assert (mode(directory), mode(directory / "journal"), mode(directory / "journal" / "file")) == (0o700, 0o700, 0o600)


def test_a_directory_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o755)
    with capture_logs() as logs:
        make_data_directory(load(directory))
    assert [entry["mend"] for entry in logs] == [f"chmod -R go= {directory}"]
    directory.chmod(0o700)
    with capture_logs() as logs:
        make_data_directory(load(directory))
    assert logs == []
