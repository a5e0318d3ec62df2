"""`questlog control move`, and what `questlog doctor` says of PostgreSQL."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from questlog.app.lock import server_lock
from questlog.cli.doctor import examine
from questlog.cli.main import program
from questlog.config import load
from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from questlog.model.finding import Level


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with ControlDatabase(tmp_path / "control.sqlite3", SystemClock()) as control:
        control.create_game("Tetris")
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, [*arguments, "--data", str(data)])


def test_the_file_is_moved_to_where_the_settings_say(
    data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUESTLOG_CONTROL_URL", postgres_url)
    moved = run(data, "control", "move")
    assert moved.exit_code == 0, moved.output
    assert json.loads(moved.stdout)["games"] == 1
    assert [game["name"] for game in json.loads(run(data, "game", "list").stdout)] == ["Tetris"]
    again = run(data, "control", "move")
    assert again.exit_code == 1
    assert "name an empty one" in again.stderr


@pytest.mark.parametrize("url", ["", "sqlite:////tmp/other.sqlite3"])
def test_there_must_be_somewhere_to_move_to(data: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("QUESTLOG_CONTROL_URL", url)
    assert "set control.url to the PostgreSQL database" in run(data, "control", "move").stderr


def test_nothing_is_moved_while_a_server_runs(data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTLOG_CONTROL_URL", postgres_url)
    with server_lock(load(data)):
        assert "stop it first" in run(data, "control", "move").stderr


def test_there_must_be_a_file(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTLOG_CONTROL_URL", postgres_url)
    assert "there is no file" in run(tmp_path, "control", "move").stderr


def test_doctor_names_the_database_and_whether_it_answers(data: Path, postgres_url: str) -> None:
    for url, level, text in (
        (postgres_url, Level.OK, "answers (PostgreSQL 1"),
        (postgres_url + "&port=1", Level.FAIL, "the server does not answer"),
        ("", Level.OK, "answers (SQLite, "),
    ):
        settings = load(data, environ={"QUESTLOG_CONTROL_URL": url})
        findings = list(examine(settings, lambda _host, _port: False, SystemClock()))
        found = next(finding for finding in findings if finding.what == "control database")
        assert (found.level, text in found.text) == (level, True), found.text
