"""What is not to be kept goes: a deleted game with all that it had, and events that are too old."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import USER_EVENT, Installation, Response, installation, signature

pytestmark = pytest.mark.system


def send_gameanalytics(made: Installation, game: dict[str, Any]) -> Response:
    body = json.dumps([{**USER_EVENT, "client_ts": int(time.time())}]).encode()
    path = f"/v2/{game['game_key']}/events"
    return made.request("POST", path, body, {"Authorization": signature(body, game["secret_key"])})


def send_satori(made: Installation, api_key: str) -> Response:
    event = {"name": "levelCompleted", "identityId": "player-1", "timestamp": "2026-01-01T12:00:00Z"}
    credentials = base64.b64encode(f"{api_key}:".encode()).decode()
    return made.request(
        "POST", "/v1/server-event", json.dumps({"events": [event]}).encode(), {"Authorization": f"Basic {credentials}"}
    )


def rows(made: Installation, table: str, game_id: int) -> int:
    [found] = made.sql(f"SELECT count(*) AS n FROM {table} WHERE game_id = {game_id}")  # noqa: S608 - ours
    number: int = found["n"]
    return number


def test_a_deleted_game_goes_with_all_that_it_had_and_others_stay(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        assert made.send_events([USER_EVENT]).status == 200
        game = json.loads(made.command("game", "create", "doomed").stdout)
        api_key = json.loads(made.command("api-key", "create", "--game", "doomed", "server").stdout)["key"]
        assert (send_gameanalytics(made, game).status, send_satori(made, api_key).status) == (200, 200)
        sources = f"SELECT DISTINCT source FROM events WHERE game_id = {game['game_id']} ORDER BY source"  # noqa: S608
        made.wait_until(
            lambda: {row["source"] for row in made.sql(sources)} >= {"gameanalytics", "satori_server"}, "the events"
        )

        assert made.command("game", "delete", "doomed").returncode == 1
        assert made.command("game", "delete", "doomed", "--yes", "doomed").returncode == 0
        made.wait_until(
            lambda: (send_gameanalytics(made, game).status, send_satori(made, api_key).status) == (401, 401),
            "the collectors to know neither of its keys",
        )
        assert json.loads(made.command("game", "create", "doomed").stdout)["game_id"] > game["game_id"]

        made.stop("run")  # a server that starts looks at once, one that runs every minute
        made.start_run()
        made.wait_until(lambda: rows(made, "events", game["game_id"]) == 0, "no events")
        made.wait_until(
            lambda: not any(rows(made, table, game["game_id"]) for table in ("players", "sessions", "event_days")),
            "nothing else",
        )
        assert rows(made, "events", 1) == 1


def test_events_expire_and_newer_ones_stay(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made:
        made.start_run()
        assert made.send_events([USER_EVENT]).status == 200
        assert made.send_events([{**USER_EVENT, "client_ts": int(time.time()), "user_id": "today"}]).status == 200
        made.wait_until(lambda: rows(made, "events", 1) == 2, "the events")
        asked = made.command("game", "keep", "sandbox", "--days", "30")
        assert asked.returncode == 1
        assert "1 event of sandbox on 1 day from 2025-11-21 on" in asked.stderr
        assert "expiry: sandbox" not in made.command("doctor").stdout
        assert made.command("game", "keep", "sandbox", "--days", "30", "--yes").returncode == 0
        assert "expiry: sandbox keeps events for 30 days" in made.command("doctor").stdout
        made.stop("run")
        made.start_run()
        made.wait_until(lambda: rows(made, "events", 1) == 1, "the expiry")
        assert made.sql("SELECT player_id FROM events") == [{"player_id": "today"}]
        assert (rows(made, "player_days", 1), rows(made, "players", 1)) == (1, 2)  # players stay
