import json
from pathlib import Path

import click
import pytest

from questlog.cli.console import Console, ConsoleUnreachable, find_console


def note(data: Path, content: object) -> None:
    (data / "console.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_server_of_the_data_directory_is_found(tmp_path: Path) -> None:
    note(tmp_path, {"url": "http://127.0.0.1:7451/", "token": "t"})
    assert find_console(tmp_path, None, None) == Console("http://127.0.0.1:7451", "t")
    assert find_console(tmp_path, None, "mine") == Console("http://127.0.0.1:7451", "mine")


def test_a_server_elsewhere_is_as_it_is_named(tmp_path: Path) -> None:
    assert find_console(tmp_path, "https://stats.example/", "t") == Console("https://stats.example", "t")


def test_where_no_server_runs_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConsoleUnreachable, match=r"no server is running on .*; start one with `questlog run --data "):
        find_console(tmp_path, None, None)


@pytest.mark.parametrize("content", [[], {}, {"url": 5, "token": "t"}, {"url": "http://127.0.0.1:1"}, "x"])
def test_a_damaged_note_is_said_to_be_damaged(tmp_path: Path, content: object) -> None:
    note(tmp_path, content)
    with pytest.raises(click.ClickException, match="is damaged; start the server again"):
        find_console(tmp_path, None, None)


@pytest.mark.parametrize(
    ("url", "token", "message"), [("http://x:1", None, "a token is needed too"), ("ftp://x", "t", "http://")]
)
def test_a_server_elsewhere_needs_a_web_address_and_a_token(
    tmp_path: Path, url: str, token: str | None, message: str
) -> None:
    with pytest.raises(click.ClickException, match=message):
        find_console(tmp_path, url, token)
