"""A real server: events of both protocols in, rows out; stopping and dying in order."""

import base64
import gzip
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import SANDBOX_GAME_KEY, USER_EVENT, Installation, descendants, installation, signature

pytestmark = pytest.mark.system

EVENT = USER_EVENT


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("run") / "data") as made:
        made.start_run()
        yield made


def sandbox_api_key(made: Installation) -> str:
    found = re.search(r"Sandbox API key \(Satori\): +([0-9a-f-]{36})", made.log())
    assert found
    return found[1]


def test_a_gameanalytics_event_is_a_row_within_two_seconds(running: Installation) -> None:
    answer = running.send_events([{**EVENT, "user_id": "fresh", "category": "design", "event_id": "a:b", "value": 2.5}])
    acknowledged = time.monotonic()
    assert (answer.status, answer.body) == (200, b"[]")
    running.wait_until(
        lambda: (
            running.sql("SELECT event_id, value, country FROM events WHERE player_id = 'fresh'")
            == [{"event_id": "a:b", "value": 2.5, "country": None}]
        ),
        "the row",
    )
    # Polling, a busy machine and the answer itself are in this figure: it is a bound on hanging, not a measurement.
    assert time.monotonic() - acknowledged < 20


def test_the_printed_curl_sample_is_right(running: Installation) -> None:
    sample = re.search(r"--data '(.*)'", running.log())
    assert sample
    credentials = f"{sandbox_api_key(running)}:"
    headers = {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
    answer = running.request("POST", "/v1/server-event", sample[1].encode(), headers)
    assert (answer.status, answer.body) == (200, b"{}")
    running.wait_until(
        lambda: bool(running.sql("SELECT 1 FROM events WHERE event_id = 'levelCompleted' AND value = 10")), "the row"
    )


def test_the_command_line_asks_the_running_server(running: Installation) -> None:
    asked = running.command("sql", "SELECT 1 AS one", "--format", "json")
    assert (json.loads(asked.stdout), asked.returncode) == ([{"one": 1}], 0)


def test_a_key_made_while_the_server_runs_is_taken_at_once(running: Installation) -> None:
    made = running.command("game", "create", "another")
    game = json.loads(made.stdout)
    body = json.dumps([{**EVENT, "user_id": "elsewhere"}]).encode()
    headers = {"Authorization": signature(body, game["secret_key"])}
    assert running.request("POST", f"/v2/{game['game_key']}/events", body, headers).status == 200


def test_the_country_comes_from_the_forwarded_address_and_the_address_is_nowhere(running: Installation) -> None:
    address = "8.8.8.8"
    assert running.send_events([{**EVENT, "user_id": "abroad"}], {"X-Forwarded-For": address}).status == 200
    running.wait_until(
        lambda: running.sql("SELECT country FROM events WHERE player_id = 'abroad'") == [{"country": "US"}], "the row"
    )
    assert address not in running.log()
    kept = b"".join(path.read_bytes() for path in running.data_dir.rglob("*") if path.is_file())
    assert address.encode() not in kept


def test_a_disabled_game_is_told_so(running: Installation) -> None:
    game = json.loads(running.command("game", "create", "to disable").stdout)
    assert running.command("game", "disable", "to disable").returncode == 0
    body = json.dumps({"platform": "ios", "os_version": "ios 8.1", "sdk_version": "rest api v2"}).encode()
    headers = {"Authorization": signature(body, game["secret_key"])}

    def is_disabled() -> bool:
        return running.request("POST", f"/v2/{game['game_key']}/init", body, headers).json()["enabled"] is False

    running.wait_until(is_disabled, "the collectors to notice")


def test_no_secret_reaches_the_log(running: Installation) -> None:
    game = json.loads(running.command("game", "create", "secretive").stdout)
    assert game["secret_key"] not in running.log()


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        before = set(descendants(made.start_pid))
        for pid in before:
            if b"collect" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        made.wait_for_collector()
        assert made.send_events([EVENT]).status == 200


def test_sigterm_finishes_what_was_accepted_and_leaves_nobody_behind(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        family = descendants(made.start_pid)
        assert made.send_events([EVENT]).status == 200
        assert made.stop("run") == 0
        assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
        made.start_run()
        made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM events") == [{"n": 1}], "the event")


def test_a_second_signal_does_not_cut_the_stop_short(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        pid = made.start("serve")
        made.wait_for_console()
        while made.is_running("serve"):
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.001)
        assert made.stop("serve") == 0
        assert "console stopped" in made.log()


def test_a_killed_server_leaves_no_token_behind(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start("serve")
        made.wait_for_console()
        made.kill("serve")
        assert json.loads(made.command("token", "list").stdout) == []


def test_a_new_data_directory_is_for_its_owner_only(running: Installation) -> None:
    assert running.data_dir.stat().st_mode & 0o077 == 0


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        family = descendants(made.start_pid)
        assert family
        made.kill("run")
        made.wait_until(lambda: not [p for p in family if Path(f"/proc/{p}").exists()], "the children to end")


def test_collectors_go_on_while_the_server_is_away_and_it_catches_up(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        made.stop("run")
        made.start("collect")
        made.wait_for_collector()
        for number in range(20):
            assert made.send_events([{**EVENT, "user_id": f"player-{number}"}]).status == 200
        made.start("serve")
        made.wait_for_console()
        made.wait_until(
            lambda: made.sql("SELECT count(DISTINCT player_id) AS n FROM events") == [{"n": 20}], "all events"
        )


def test_a_port_that_is_taken_is_named(running: Installation, tmp_path: Path) -> None:
    with installation(tmp_path / "data", {"console.port": running.console_port}) as made:
        made.start("run")
        made.wait_until(lambda: not made.is_running("run"), "the refusal")
        assert "console.port" in made.log()
        assert "Traceback" not in made.log()


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_second_server_on_a_data_directory_is_refused_in_one_line(running: Installation, command: str) -> None:
    refused = running.command(command)
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert "another server is running" in line


def test_a_rate_file_that_cannot_be_read_is_named_at_once(tmp_path: Path) -> None:
    with installation(tmp_path / "data", {"money.rates_path": tmp_path / "nowhere.csv"}) as made:
        made.start("run")
        made.wait_until(lambda: not made.is_running("run"), "the refusal")
        [line] = made.log().splitlines()
        assert "money.rates_path" in line


def test_a_start_prints_only_what_is_worth_reading(running: Installation) -> None:
    before, _, _ = running.log().partition("Questlog is running")
    told = [json.loads(line)["event"] for line in before.splitlines()]
    assert sorted(told) == ["collectors ready", "console ready", "process started", "process started"]


def test_answers_are_compressed_for_those_who_accept_it(running: Installation) -> None:
    plain = running.console("GET", "/api/schema")
    compressed = running.console("GET", "/api/schema", headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert len(compressed.body) * 4 < len(plain.body)
    assert gzip.decompress(compressed.body) == plain.body


def test_the_port_of_games_has_no_metrics_unless_it_is_set(running: Installation, tmp_path: Path) -> None:
    assert running.request("GET", "/metrics").status == 404
    with installation(tmp_path / "data", {"collector.metrics": True}) as made:
        made.start("collect")
        made.wait_for_collector()
        assert b"questlog_collectors" in made.request("GET", "/metrics").body
        assert made.request("GET", "/metrics", headers={"X-Forwarded-For": "8.8.8.8"}).status == 401


def test_readycheck_and_metrics_answer(running: Installation) -> None:
    assert running.request("GET", "/readycheck").status == 200
    assert running.console("GET", "/readycheck").status == 200
    metrics = running.console("GET", "/metrics")
    assert metrics.status == 200
    assert b"questlog_" in metrics.body
    assert SANDBOX_GAME_KEY.encode() not in metrics.body
