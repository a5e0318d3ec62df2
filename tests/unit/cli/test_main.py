import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import click
import pytest

from questlog.cli.main import COMMANDS, program
from questlog.supervision import PARENT_VARIABLE


class Ended(Protocol):
    status: int
    stdout: str
    stderr: str
    refusal: str


CommandLine = Callable[..., Ended]

HELP_IN_A_FRESH_PROCESS = """
import sys
from questlog.cli.main import main
sys.argv = ["questlog", "--help"]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_lists_every_command_and_imports_none() -> None:
    ended = subprocess.run([sys.executable, "-c", HELP_IN_A_FRESH_PROCESS], capture_output=True, text=True, check=True)
    for name, lazy in COMMANDS.items():
        assert f"  {name} " in ended.stdout
        assert lazy.short_help in ended.stdout
    imported = set(ended.stderr.split())
    assert "questlog.cli.main" in imported
    assert {module for module in imported if module.startswith("questlog.")} <= {
        "questlog.cli",
        "questlog.cli.main",
        "questlog.cli.groups",
    }
    assert not imported & {"sqlalchemy", "duckdb", "pyarrow", "msgspec", "litestar", "granian"}


def test_a_reader_who_has_seen_enough_is_no_mistake() -> None:
    run = [sys.executable, "-c", "from questlog.cli.main import main; main()", "--help"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_can_be_imported_and_takes_data(name: str) -> None:
    with click.Context(program) as context:
        command = program.get_command(context, name)
    assert isinstance(command, click.Command)
    assert "data" in {parameter.name for parameter in command.params}
    assert command.help


@pytest.mark.parametrize("arguments", [[], ["game"]])
def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(
    questlog: CommandLine, arguments: list[str]
) -> None:
    ended = questlog(*arguments)
    assert (ended.status, ended.stdout) == (2, "")
    assert "Commands:" in ended.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["game", "-h"], ["game", "create", "--help"]])
def test_help_is_data_and_exits_with_0(questlog: CommandLine, arguments: list[str]) -> None:
    ended = questlog(*arguments)
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: questlog")


def test_the_version_is_one_line(questlog: CommandLine) -> None:
    ended = questlog("--version")
    assert (ended.status, ended.stdout.count("\n")) == (0, 1)
    assert ended.stdout.startswith("questlog ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gaem"], "there is no command 'gaem'; did you mean 'game'?"),
        (["game", "crate"], "there is no command 'crate'; did you mean 'create'?"),
        (["zzz"], "there is no command 'zzz' (see `questlog --help`)"),
        (["query", "--analysis", "retentoin"], "there is no analysis 'retentoin'; did you mean 'retention'?"),
        (["query", "--metrcs", "dau"], "Did you mean '--metrics'?"),
        (["game", "create"], "Missing argument 'NAME' (see `questlog game create --help`)"),
        (["game", "create", "a", "--colour", "red"], "No such option"),
        (["user", "create", "a@b.c", "--role", "king"], "Invalid value for '--role'"),
        (["game", "list", "--set", "log.level"], "--set takes KEY=VALUE, not 'log.level'"),
        (["game", "list", "--set", "log.levle=info"], "did you mean log.level?"),
        (["--config", "absent.toml", "game", "list"], "cannot read absent.toml: No such file or directory"),
        (["game", "create", "a", "--data", "/dev/null/x"], "cannot create the directory /dev/null/x"),
    ],
)
def test_a_mistake_is_answered_with_one_line(questlog: CommandLine, arguments: list[str], expected: str) -> None:
    assert expected in questlog(*arguments).refusal


def test_an_unforeseen_fault_is_one_line_that_says_where(
    questlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "game", COMMANDS["game"]._replace(target="questlog.cli.nowhere:command"))
    assert "unexpected ModuleNotFoundError at " in questlog("game", "list").refusal


def test_an_unknown_variable_is_a_warning_that_names_the_nearest_setting(
    questlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUESTLOG_COLECTOR_PORT", "1")
    ended = questlog("game", "create", "Tetris")
    assert ended.status == 0
    assert ended.stderr == (
        "Warning: QUESTLOG_COLECTOR_PORT is not a setting and has no effect; the nearest setting is"
        " QUESTLOG_COLLECTOR_PORT\n"
    )


def test_processes_that_another_started_do_not_repeat_its_warnings(
    questlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUESTLOG_COLECTOR_PORT", "1")
    monkeypatch.setenv(PARENT_VARIABLE, "1")
    assert questlog("game", "create", "Tetris").stderr == ""


def test_the_variables_of_a_kubernetes_service_are_passed_over(
    questlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"QUESTLOG_PORT": "tcp://10.0.0.11:7450", "QUESTLOG_SERVICE_HOST": "10.0.0.11"}.items():
        monkeypatch.setenv(name, value)
    ended = questlog("game", "create", "Tetris")
    assert (ended.status, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "here", "game", "create", "Tetris"],
        ["game", "--data", "here", "create", "Tetris"],
        ["game", "create", "--data", "here", "Tetris"],
        ["game", "create", "Tetris", "--data", "here"],
        ["--data", "there", "game", "create", "Tetris", "--data", "here"],
        ["--data", "there", "game", "--data", "here", "create", "Tetris"],
    ],
)
def test_data_is_taken_before_and_after_and_the_last_one_counts(
    questlog: CommandLine, tmp_path: Path, arguments: list[str]
) -> None:
    assert questlog(*arguments).status == 0
    assert (tmp_path / "here" / "control.sqlite3").exists()
    assert not (tmp_path / "there").exists()


def test_data_comes_from_the_environment_unless_it_is_named(
    questlog: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUESTLOG_DATA", "environment")
    assert questlog("game", "create", "Tetris").status == 0
    assert questlog("--data", "flag", "game", "create", "Tetris").status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["environment", "flag"]


def test_the_settings_file_of_the_data_directory_is_read(questlog: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "questlog.toml").write_text(f'[control]\nurl = "sqlite:///{tmp_path}/elsewhere.sqlite3"\n')
    assert questlog("game", "create", "Tetris", "--data", "data").status == 0
    assert (tmp_path / "elsewhere.sqlite3").exists()
    assert not (tmp_path / "data" / "control.sqlite3").exists()
