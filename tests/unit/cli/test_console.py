import http.client
import json
import socket
import ssl
import urllib.error
from pathlib import Path

import click
import pytest

from questlog.cli.console import Console, ConsoleUnreachable, find_console, why_unreachable


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


def test_blanks_around_a_token_are_no_part_of_it(tmp_path: Path) -> None:
    assert find_console(tmp_path, "https://stats.example", " t\r\n").token == "t"
    with pytest.raises(click.ClickException, match="a token is needed too"):
        find_console(tmp_path, "https://stats.example", " \n")


@pytest.mark.parametrize("token", ["ql_a\nql_b", "ql_a\x00", "ql_a\n ql_b", "ql_ä", "ql_a\x7f"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(tmp_path: Path, token: str) -> None:
    with pytest.raises(click.ClickException, match=r"the token .* has characters that no token has") as refused:
        find_console(tmp_path, "https://stats.example", token)
    assert "ql_" not in refused.value.message


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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "nothing listens there"),
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), "there is no machine of this name"),
        (urllib.error.URLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] (_ssl.c:1006)")), "does not speak TLS"),
        (TimeoutError("timed out"), "did not answer in time"),
        (urllib.error.URLError(OSError(113, "No route to host")), "No route to host; check"),
        (http.client.BadStatusLine("x"), "not Questlog's console"),
    ],
)
def test_why_nothing_answered_is_said_without_a_librarys_words(error: Exception, told: str) -> None:
    why = why_unreachable(error)
    assert told in why
    assert "Errno" not in why
    assert "_ssl.c" not in why
