import subprocess
import sys
from pathlib import Path

import pytest

from questlog.app.lock import AlreadyRunning, server_lock
from questlog.config import load

HOLD = """
import sys
from pathlib import Path
from questlog.app.lock import server_lock
from questlog.config import load
with server_lock(load(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_server_on_the_same_directory_is_refused_and_told_why(tmp_path: Path) -> None:
    settings = load(tmp_path)
    with server_lock(settings), pytest.raises(AlreadyRunning, match=r"--data") as refused, server_lock(settings):
        pass
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_servers_on_two_directories_do_not_meet(tmp_path: Path) -> None:
    with server_lock(load(tmp_path / "a")), server_lock(load(tmp_path / "b")):
        assert (tmp_path / "b" / "run" / "lock").exists()


def test_a_killed_server_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning), server_lock(load(tmp_path)):
            pass
        process.kill()
    with server_lock(load(tmp_path)):
        pass
