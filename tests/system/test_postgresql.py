"""A real server whose control database is on PostgreSQL."""

import base64
import json
import re
from collections.abc import Iterator

import pytest

from tests.support.installation import USER_EVENT, Installation, Response, installation
from tests.support.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.system

EVENTS = json.dumps({"events": [{"name": "jump", "timestamp": "2026-01-02T03:04:05Z"}]}).encode()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("postgresql") / "data"
    data.mkdir()
    settings = data / "questlog.toml"
    settings.write_text(f'[control]\nurl = "{postgres.url(postgres.new_database())}"\n')
    settings.chmod(0o600)
    with installation(data) as made:
        made.start_run()
        yield made


def sign_in(made: Installation, player: str) -> Response:
    found = re.search(r"Sandbox API key \(Satori\): +([0-9a-f-]{36})", made.log())
    assert found
    basic = base64.b64encode(f"{found[1]}:".encode()).decode()
    body = json.dumps({"id": player}).encode()
    return made.request("POST", "/v1/authenticate", body, {"Authorization": f"Basic {basic}"})


def send(made: Installation, token: str) -> int:
    return made.request("POST", "/v1/event", EVENTS, {"Authorization": f"Bearer {token}"}).status


def test_there_is_no_sqlite_file_and_doctor_names_the_server(running: Installation, postgres: PostgresServer) -> None:
    assert not (running.data_dir / "control.sqlite3").exists()
    told = running.command("doctor")
    assert f"at {postgres.folder}, without TLS" in told.stdout


def test_every_collector_refuses_a_token_that_one_of_them_revoked(running: Installation) -> None:
    token = sign_in(running, "player-01").json()["token"]
    assert {send(running, token) for _ in range(10)} == {200}
    ended = running.request("POST", "/v1/authenticate/logout", b"{}", {"Authorization": f"Bearer {token}"})
    assert ended.status == 200
    running.wait_until(lambda: {send(running, token) for _ in range(20)} == {401}, "both collectors")


def test_events_are_accepted_while_the_server_is_down_and_after_it(
    running: Installation, postgres: PostgresServer
) -> None:
    token = sign_in(running, "player-02").json()["token"]
    assert {send(running, token) for _ in range(20)} == {200}  # every collector has met the player
    postgres.stop()
    assert send(running, token) == 200
    assert running.send_events([{**USER_EVENT, "user_id": "meanwhile"}]).status == 200
    assert sign_in(running, "player-03").status == 503
    postgres.start()
    assert sign_in(running, "player-03").status == 200
    assert {send(running, token) for _ in range(20)} == {200}
    running.wait_until(
        lambda: (
            running.sql("SELECT count(*) AS n FROM events WHERE player_id = 'player-02' AND event_id = 'jump'")
            == [{"n": 41}]
            and running.sql("SELECT count(*) AS n FROM events WHERE player_id = 'meanwhile'") == [{"n": 1}]
        ),
        "the rows",
    )
    assert "hunter2" not in running.log()
    assert "psycopg" not in running.log()


def test_a_game_made_by_a_command_is_known_to_running_collectors(running: Installation) -> None:
    made = running.command("game", "create", "Tetris")
    assert made.returncode == 0, made.stderr
    keys = json.loads(running.command("api-key", "create", "client", "--game", "Tetris").stdout)
    basic = base64.b64encode(f"{keys['key']}:".encode()).decode()
    body = json.dumps({"id": "player-01"}).encode()
    running.wait_until(
        lambda: running.request("POST", "/v1/authenticate", body, {"Authorization": f"Basic {basic}"}).status == 200,
        "the key",
    )
