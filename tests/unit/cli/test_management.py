import io
import re
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from questlog.control.sandbox import SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY


class Ended(Protocol):
    status: int
    stdout: str
    stderr: str
    json: Any
    refusal: str


CommandLine = Callable[..., Ended]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_game_create_prints_one_object_with_the_keys(questlog: CommandLine) -> None:
    game = questlog("game", "create", "Tetris").json
    assert list(game) == ["game_id", "name", "game_key", "secret_key"]
    assert (game["game_id"], game["name"], len(game["game_key"]), len(game["secret_key"])) == (1, "Tetris", 32, 40)


def test_game_create_takes_a_pair_of_keys(questlog: CommandLine) -> None:
    pair = ("--game-key", SANDBOX_GAME_KEY, "--secret-key", SANDBOX_SECRET_KEY)
    game = questlog("game", "create", "Tetris", *pair).json
    assert (game["game_key"], game["secret_key"]) == (SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY)
    assert "go together" in questlog("game", "create", "Pong", *pair[:2]).refusal
    assert "has this game key already" in questlog("game", "create", "Pong", *pair).refusal


def test_game_list_is_a_list_without_secrets(questlog: CommandLine) -> None:
    made = questlog("game", "create", "Tetris").json
    ended = questlog("game", "list")
    (listed,) = ended.json
    assert list(listed) == [
        "game_id",
        "name",
        "game_key",
        "is_enabled",
        "is_strict",
        "is_lenient",
        "time_zone",
        "created_at",
    ]
    assert TIME.fullmatch(listed["created_at"])
    assert made["secret_key"] not in ended.stdout


def test_a_game_is_disabled_and_enabled(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "disable", "Tetris").json["is_enabled"] is False
    assert questlog("game", "list").json[0]["is_enabled"] is False
    assert questlog("game", "enable", "1").json["is_enabled"] is True
    assert questlog("game", "disable", "Pong").refusal == "there is no game 'Pong'"


def test_rotate_secret_prints_the_new_one(questlog: CommandLine) -> None:
    made = questlog("game", "create", "Tetris").json
    rotated = questlog("game", "rotate-secret", "Tetris").json
    assert rotated == made | {"secret_key": rotated["secret_key"]}
    assert rotated["secret_key"] != made["secret_key"]


def test_event_names_are_declared_for_a_strict_game(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "strict", "Tetris").json["is_strict"] is True
    questlog("event", "declare", "b", "a", "--game", "Tetris")
    assert questlog("event", "list", "--game", "Tetris").json == [{"name": "a"}, {"name": "b"}]
    assert questlog("event", "forget", "a", "--game", "Tetris").json == [{"name": "b"}]
    assert questlog("game", "strict", "Tetris", "--off").json["is_strict"] is False


def test_a_game_is_made_in_a_zone_and_moved_to_another(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris", "--time-zone", "Europe/Moscow")
    assert questlog("game", "show", "Tetris").json["time_zone"] == "Europe/Moscow"
    assert questlog("game", "time-zone", "Tetris", "Australia/Lord_Howe").json["time_zone"] == "Australia/Lord_Howe"
    assert questlog("game", "list").json[0]["time_zone"] == "Australia/Lord_Howe"


def test_a_zone_that_there_is_not_is_refused_with_the_nearest(questlog: CommandLine) -> None:
    refused = questlog("game", "create", "Tetris", "--time-zone", "moscow").refusal
    assert refused == "there is no time zone 'moscow'; did you mean 'Europe/Moscow'?"
    assert questlog("game", "create", "Tetris").json["game_id"] == 1
    assert "did you mean" not in questlog("game", "time-zone", "Tetris", "@" * 9).refusal


def test_a_game_is_made_lenient(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "show", "Tetris").json["is_lenient"] is False
    assert questlog("game", "lenient", "Tetris").json["is_lenient"] is True
    assert questlog("game", "lenient", "Tetris", "--off").json["is_lenient"] is False


def test_api_key_create_prints_name_and_key(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    ended = questlog("api-key", "create", "--game", "Tetris", "server")
    assert list(ended.json) == ["name", "key"]
    assert ended.json["name"] == "server"
    assert str(uuid.UUID(ended.json["key"])) == ended.json["key"]
    assert ended.stderr == ""


def test_the_same_key_name_in_two_games_is_pointed_out(questlog: CommandLine) -> None:
    for game in ("Tetris", "Pong"):
        questlog("game", "create", game)
    questlog("api-key", "create", "--game", "Tetris", "server")
    ended = questlog("api-key", "create", "--game", "Pong", "server")
    assert ended.json["name"] == "server"
    assert "2 games have an API key 'server'" in ended.stderr


def test_api_keys_are_listed_and_revoked(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    key = questlog("api-key", "create", "--game", "Tetris", "server").json["key"]
    ended = questlog("api-key", "list", "--game", "Tetris")
    assert [(listed["name"], listed["revoked_at"]) for listed in ended.json] == [("server", None)]
    assert key not in ended.stdout
    revoked = questlog("api-key", "revoke", "server", "--game", "Tetris")
    assert (revoked.status, revoked.stdout) == (0, "")
    assert TIME.fullmatch(questlog("api-key", "list").json[0]["revoked_at"])
    assert "no API key 'server'" in questlog("api-key", "revoke", "server", "--game", "Tetris").refusal


def test_tokens_are_created_listed_and_revoked(questlog: CommandLine) -> None:
    made = questlog("token", "create", "ci").json
    assert list(made) == ["name", "token"]
    ended = questlog("token", "list")
    assert list(ended.json[0]) == ["name", "created_at", "last_used_at", "revoked_at"]
    assert made["token"] not in ended.stdout
    assert questlog("token", "revoke", "ci").status == 0
    assert questlog("token", "revoke", "ci").refusal == "there is no token 'ci'"


def test_user_create_prints_email_and_role(questlog: CommandLine) -> None:
    made = questlog("user", "create", "Ann@example.com", "--password", "correct horse")
    assert made.json == {"email": "ann@example.com", "role": "admin"}
    viewer = questlog("user", "create", "bob@example.com", "--password", "correct horse", "--role", "viewer")
    assert viewer.json["role"] == "viewer"


def test_a_password_can_come_on_stdin(questlog: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\nmore\n"))
    assert questlog("user", "create", "ann@example.com").status == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "a password has 8 to 1024 characters" in questlog("user", "create", "bob@example.com").refusal


@pytest.mark.parametrize(
    "arguments",
    [
        ["game", "list"],
        ["game", "disable", "Tetris"],
        ["api-key", "create", "--game", "Tetris", "server"],
        ["token", "list"],
        ["event", "list", "--game", "Tetris"],
    ],
)
def test_a_wrong_directory_is_pointed_out_and_not_made(questlog: CommandLine, arguments: list[str]) -> None:
    assert "there is no Questlog in absent" in questlog(*arguments, "--data", "absent").refusal


def test_what_receipts_are_checked_with_is_shown_and_changed(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "receipts", "Tetris").json == {"google_licence_key": None, "apple_bundle_id": None}
    changed = questlog("game", "receipts", "Tetris", "--apple-bundle-id", "com.tetris").json
    assert changed == {"google_licence_key": None, "apple_bundle_id": "com.tetris"}
    assert questlog("game", "receipts", "1").json == changed
    assert "RSA key" in questlog("game", "receipts", "1", "--google-licence-key", "AAAA").refusal
    assert questlog("game", "receipts", "1", "--apple-bundle-id", "").json["apple_bundle_id"] is None
