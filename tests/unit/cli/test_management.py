import io
import re
import uuid
from collections.abc import Callable
from pathlib import Path
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


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


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
        "keep_days",
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


def test_a_game_is_renamed(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "rename", "Tetris", "Blocks").json["name"] == "Blocks"
    assert questlog("game", "show", "Tetris").refusal == "there is no game 'Tetris'"


def test_events_are_kept_as_the_settings_say_for_ever_or_for_days(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "show", "Tetris").json["keep_days"] == "default"
    assert questlog("game", "keep", "Tetris", "--days", "90", "--yes").json["keep_days"] == 90
    assert questlog("game", "keep", "Tetris", "--days", "for-ever").json["keep_days"] == "for-ever"
    assert questlog("game", "keep", "Tetris", "--days", "default").json["keep_days"] == "default"
    assert questlog("game", "list").json[0]["keep_days"] == "default"


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1.5", "never", "", "9" * 5000])
def test_other_numbers_of_days_are_refused(questlog: CommandLine, days: str) -> None:
    questlog("game", "create", "Tetris")
    assert "is not 1 to 36500, for-ever or default" in questlog("game", "keep", "Tetris", f"--days={days}").refusal


def test_a_change_to_fewer_days_needs_a_confirmation_that_says_what_goes(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    refusal = questlog("game", "keep", "Tetris", "--days", "30").refusal
    assert re.fullmatch(r"events of Tetris before \d{4}-\d\d-\d\d will be deleted; add --yes to confirm", refusal)
    questlog("game", "keep", "Tetris", "--days", "30", "--yes")
    assert questlog("game", "keep", "Tetris", "--days", "31").status == 0
    assert "add --yes" in questlog("game", "keep", "Tetris", "--days", "29").refusal
    assert questlog("game", "show", "Tetris").json["keep_days"] == 31


def test_the_setting_is_what_a_game_without_days_of_its_own_has(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    by_default = ("--set", "event.keep_days=10")
    assert questlog("game", "keep", "Tetris", "--days", "10", *by_default).status == 0
    assert "add --yes" in questlog("game", "keep", "Tetris", "--days", "9", *by_default).refusal
    assert questlog("game", "keep", "Tetris", "--days", "for-ever", *by_default).status == 0
    assert "add --yes" in questlog("game", "keep", "Tetris", "--days", "default", *by_default).refusal


def test_a_game_is_deleted_with_its_name_given_again(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    assert questlog("game", "delete", "1").refusal == "deleting a game needs its name again: --yes NAME"
    assert "nothing was deleted" in questlog("game", "delete", "1", "--yes", "Pong").refusal
    ended = questlog("game", "delete", "1", "--yes", "Tetris")
    assert (ended.json["game_id"], ended.json["name"]) == (1, "Tetris")
    assert ended.stderr == "The server deletes its events now, or when it is started next.\n"
    assert questlog("game", "list").json == []
    assert questlog("game", "create", "Tetris").json["game_id"] == 2


def test_a_person_types_the_name_of_the_game_to_delete(questlog: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    questlog("game", "create", "Tetris")
    for typed, status in (("no\n", 1), ("Tetris\n", 0)):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        ended = questlog("game", "delete", "Tetris")
        assert ended.status == status
        assert "with all its events, 0 API keys, 0 saved definitions, 0 identities" in ended.stderr


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
    assert list(ended.json[0]) == [
        "name",
        "role",
        "games",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    assert (ended.json[0]["role"], ended.json[0]["games"], ended.json[0]["expires_at"]) == ("admin", {}, None)
    assert made["token"] not in ended.stdout
    assert questlog("token", "revoke", "ci").status == 0
    assert questlog("token", "revoke", "ci").refusal == "there is no token 'ci'"


def test_a_token_has_a_role_games_and_an_end(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    made = questlog("token", "create", "board", "--role", "viewer", "--game", "Tetris", "--expires", "90d")
    assert made.status == 0
    (token,) = questlog("token", "list").json
    assert (token["role"], token["games"]) == (None, {"Tetris": "viewer"})
    assert TIME.fullmatch(token["expires_at"])
    assert "12h, 90d or 4w" in questlog("token", "create", "late", "--expires", "soon").refusal
    assert "no game 'Pong'" in questlog("token", "create", "late", "--game", "Pong").refusal


def test_user_create_prints_email_and_role(questlog: CommandLine) -> None:
    made = questlog("user", "create", "Ann@example.com", "--password", "correct horse")
    assert made.json == {"email": "ann@example.com", "role": "owner"}
    viewer = questlog("user", "create", "bob@example.com", "--password", "correct horse")
    assert viewer.json["role"] == "viewer"
    admin = questlog("user", "create", "eve@example.com", "--password", "correct horse", "--role", "admin")
    assert admin.json["role"] == "admin"


def test_users_are_listed_changed_and_removed(questlog: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    questlog("game", "create", "Tetris")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    made = questlog("user", "create", "ann@example.com", "--password-stdin", "--role", "analyst", "--game", "Tetris")
    assert made.json == {"email": "ann@example.com", "role": None, "games": {"Tetris": "analyst"}}
    changed = questlog("user", "set-role", "ann@example.com", "viewer").json
    assert (changed["role"], changed["games"]) == ("viewer", {"Tetris": "analyst"})
    changed = questlog("user", "set-role", "ann@example.com", "none", "--game", "Tetris").json
    assert (changed["role"], changed["games"]) == ("viewer", {})
    monkeypatch.setattr("sys.stdin", io.StringIO("another one\n"))
    assert questlog("user", "set-password", "ann@example.com").status == 0
    (listed,) = questlog("user", "list").json
    assert list(listed) == ["email", "role", "games", "created_at", "last_login_at"]
    assert questlog("user", "log-ins").json == []
    assert questlog("user", "log-out", "ann@example.com").stderr == "0 log-ins ended\n"
    assert "name a user" in questlog("user", "log-out").refusal
    assert questlog("user", "remove", "ann@example.com").status == 0
    assert "no user 'ann@example.com'" in questlog("user", "remove", "ann@example.com").refusal


def test_who_takes_the_last_owner_away_is_warned(questlog: CommandLine) -> None:
    for email in ("ann@example.com", "bob@example.com"):
        questlog("user", "create", email, "--password", "correct horse", "--role", "owner")
    assert "no user is an owner" not in questlog("user", "remove", "ann@example.com").stderr
    assert "no user is an owner" in questlog("user", "set-role", "bob@example.com", "viewer").stderr
    assert "no user is an owner" not in questlog("user", "set-role", "bob@example.com", "owner").stderr
    assert "no user is an owner" in questlog("user", "remove", "bob@example.com").stderr


def test_somebody_is_invited_by_a_link(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    link = questlog("user", "invite", "Ann@example.com", "--role", "admin", "--game", "Tetris", "--expires", "12h").json
    assert list(link) == ["email", "path", "expires_at"]
    assert link["path"].startswith("/join/")
    assert questlog("user", "list").json == []
    assert "12h, 90d or 4w" in questlog("user", "invite", "bob@example.com", "--expires", "soon").refusal


def test_a_user_gets_a_link_for_another_password(questlog: CommandLine) -> None:
    questlog("user", "create", "ann@example.com", "--password", "correct horse")
    assert questlog("user", "password-link", "ann@example.com").json["path"].startswith("/join/")
    assert "no user" in questlog("user", "password-link", "bob@example.com").refusal
    assert "there is a user" in questlog("user", "invite", "ann@example.com").refusal


def test_old_keys_are_kept_for_a_while(questlog: CommandLine) -> None:
    made = questlog("game", "create", "Tetris").json
    rotated = questlog("game", "rotate-secret", "Tetris", "--keep-old", "30d").json
    assert rotated["secret_key"] != made["secret_key"]
    assert "--keep-old" in questlog("game", "rotate-secret", "Tetris", "--keep-old", "30").refusal
    old = questlog("api-key", "create", "server", "--game", "Tetris").json
    new = questlog("api-key", "rotate", "server", "--game", "Tetris", "--keep-old", "1w").json
    assert (new["name"], new["key"] != old["key"]) == ("server", True)
    ended, live = questlog("api-key", "list").json
    assert (TIME.fullmatch(ended["revoked_at"]) is not None, live["revoked_at"]) == (True, None)


def test_the_audit_log_says_who_did_what(questlog: CommandLine) -> None:
    questlog("game", "create", "Tetris")
    questlog("game", "strict", "Tetris")
    questlog("token", "create", "ci")
    entries = questlog("audit", "--format", "json").json
    assert [entry["action"] for entry in entries] == ["token.create", "game.update", "game.create"]
    assert entries[1]["after"] == {"is_strict": True}
    assert entries[1]["who"].startswith("command line (")
    assert [
        entry["action"] for entry in questlog("audit", "--game", "Tetris", "--limit", "1", "--format", "json").json
    ] == ["game.update"]
    assert questlog("audit", "--since", "1h", "--who", "nobody", "--format", "json").json == []
    table = questlog("audit", "--since", "2020-01-01").stdout
    assert "token.create" in table
    assert questlog("audit", "--format", "csv").stdout.startswith("at,who,action,game,subject,address\n")
    assert "--since takes" in questlog("audit", "--since", "soon").refusal


def test_secrets_on_the_command_line_are_warned_of(questlog: CommandLine, tmp_path: Path) -> None:
    user = questlog("user", "create", "ann@example.com", "--password", "correct horse")
    assert "can see --password" in user.stderr
    keys = ("--game-key", SANDBOX_GAME_KEY, "--secret-key")
    assert "can see --secret-key" in questlog("game", "create", "Tetris", *keys, SANDBOX_SECRET_KEY).stderr
    shown = questlog("game", "list", "--set", f"satori.signing_key={'k' * 32}")
    assert "can see --set satori.signing_key" in shown.stderr
    assert "QUESTLOG_SATORI_SIGNING_KEY" in shown.stderr
    assert "k" * 32 not in shown.stderr
    assert questlog("game", "list", "--set", "console.port=7451").stderr == ""


def test_a_secret_key_can_come_from_a_file(questlog: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SANDBOX_SECRET_KEY + "\n")
    made = questlog("game", "create", "Tetris", "--game-key", SANDBOX_GAME_KEY, "--secret-key-file", str(file))
    assert made.json["secret_key"] == SANDBOX_SECRET_KEY
    assert made.stderr == ""


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
