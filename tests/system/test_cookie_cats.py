"""A real game's published retention: its 90,189 players sent over HTTP, and the numbers that come out."""

import json
import random
from collections.abc import Iterator

import pytest

from tests.support.cookie_cats import PUBLISHED, Game, create_game, expand, requests, send
from tests.support.ingest import unbalanced_events, unbalanced_hours
from tests.support.installation import Installation, Row, installation

pytestmark = pytest.mark.system

_LOAD_TIMEOUT_S = 120
_COUNTED = """
    SELECT game_id, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored FROM ingest_hours GROUP BY game_id
"""
PERIOD = {"start": "2025-03-10", "end": "2025-04-02"}
"""The days of the installations."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    settings = {"collector.workers": 1, "loader.tick_ms": 250}
    with installation(tmp_path_factory.mktemp("cookie_cats") / "data", settings) as made:
        made.start_run()
        yield made


def ask(made: Installation, game: Game, analysis: str, **question: object) -> list[Row]:
    body = json.dumps({"period": PERIOD, **question}).encode()
    answer = made.console("POST", f"/api/v1/games/{game.game_id}/{analysis}", body)
    assert answer.status == 200, answer.body
    rows: list[Row] = answer.json()["rows"]
    return rows


def retained(made: Installation, game: Game) -> dict[str, tuple[int, int, int]]:
    """Of each version: the players, and how many of them were there 1 and 7 days later."""
    cells = ask(made, game, "retention", ages=7, group_by=["custom_01"], form="curve")
    players = {(cell["group"], cell["age"]): cell["players"] for cell in cells}
    return {group: (players[group, 0], players[group, 1], players[group, 7]) for group, age in players if age == 0}


def metrics(made: Installation, game: Game) -> dict[str, tuple[int, float, float]]:
    """Of each version: new players, and the shares of retention in percent with the four decimals published."""
    names = ("new_players", "retention_d1", "retention_d7")
    rows = ask(made, game, "query", metrics=names, granularity="all", group_by=["custom_01"])
    return {
        row["custom_01"]: (row[names[0]], round(100 * row[names[1]], 4), round(100 * row[names[2]], 4)) for row in rows
    }


def wait_for_events(made: Installation, game: Game, count: int) -> None:
    made.wait_until(lambda: counted(made, game)["received"] == count, "all events to be loaded", _LOAD_TIMEOUT_S)


def counted(made: Installation, game: Game) -> Row:
    nothing_yet = {"received": 0, "stored": 0}
    return next((row for row in made.sql(_COUNTED) if _is_of(game, row)), nothing_yet)


def _is_of(game: Game, row: Row) -> bool:
    return bool(row["game_id"] == game.game_id)


def check_numbers(made: Installation, game: Game) -> None:
    assert retained(made, game) == {"gate_30": (44_700, 20_034, 8_502), "gate_40": (45_489, 20_119, 8_279)}
    assert metrics(made, game) == {"gate_30": (44_700, 44.8188, 19.0201), "gate_40": (45_489, 44.2283, 18.2000)}


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_retention_of_every_player_is_as_published_in_order(running: Installation) -> None:
    game = create_game(running, "Cookie Cats")
    events = expand(PUBLISHED, seed=1)
    send(running, game, requests(events))
    wait_for_events(running, game, len(events))
    check_numbers(running, game)


@pytest.mark.timeout(300)
def test_retention_of_every_player_is_as_published_shuffled_and_sent_twice(running: Installation) -> None:
    game = create_game(running, "Cookie Cats, shuffled")
    events = expand(PUBLISHED, seed=2)
    chance = random.Random(2)
    chance.shuffle(events)
    bodies = requests(events) * 2
    chance.shuffle(bodies)
    send(running, game, bodies)
    wait_for_events(running, game, 2 * len(events))
    check_numbers(running, game)
    assert counted(running, game)["stored"] == len(events)
    assert (unbalanced_hours(running), unbalanced_events(running)) == ([], [])
