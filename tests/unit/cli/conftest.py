import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from questlog.cli.main import main
from questlog.supervision import PARENT_VARIABLE


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        assert self.status == 0, self.stderr
        return json.loads(self.stdout)

    @property
    def refusal(self) -> str:
        """The one line on stderr of a command that failed."""
        assert self.status != 0
        assert self.stdout == ""
        assert self.stderr.startswith("Error: ")
        assert self.stderr.count("\n") == 1
        return self.stderr.removeprefix("Error: ").rstrip("\n")


class CommandLine:
    """Runs `questlog` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr("sys.argv", ["questlog", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = self._capsys.readouterr()
        assert "Traceback" not in written.err
        return Ended(int(ended.value.code or 0), written.out, written.err)


@pytest.fixture
def questlog(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, run in an empty directory without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("QUESTLOG_DATA", "QUESTLOG_CONFIG", "QUESTLOG_TOKEN", PARENT_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(monkeypatch, capsys)
