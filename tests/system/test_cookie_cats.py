"""A real game's published retention: its 90,189 players sent over HTTP, and the numbers that come out."""

import random
from collections.abc import Iterator

import pytest

from tests.support.cookie_cats import PUBLISHED, Counts, Game, create_game, expand, requests, send
from tests.support.ingest import unbalanced_events, unbalanced_hours
from tests.support.installation import Installation, Row, installation

pytestmark = pytest.mark.system

_LOAD_TIMEOUT_S = 120
_COUNTED = """
    SELECT game_id, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored FROM ingest_hours GROUP BY game_id
"""
_RETAINED = """
    SELECT players.game_id, players.custom_01 AS version, count(*) FILTER (day = first_day) AS players,
        count(*) FILTER (day = first_day + 1) AS day_1, count(*) FILTER (day = first_day + 7) AS day_7
    FROM players JOIN player_days USING (player_no) WHERE player_days.events > 0 GROUP BY ALL
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    settings = {"collector.workers": 1, "loader.tick_ms": 250}
    with installation(tmp_path_factory.mktemp("cookie_cats") / "data", settings) as made:
        made.start_run()
        yield made


def answers(made: Installation, game: Game) -> dict[str, tuple[int, int, int]]:
    rows = made.sql(_RETAINED)
    return {row["version"]: (row["players"], row["day_1"], row["day_7"]) for row in rows if _is_of(game, row)}


def wait_for_events(made: Installation, game: Game, count: int) -> None:
    made.wait_until(lambda: counted(made, game)["received"] == count, "all events to be loaded", _LOAD_TIMEOUT_S)


def counted(made: Installation, game: Game) -> Row:
    return next(row for row in made.sql(_COUNTED) if _is_of(game, row))


def _is_of(game: Game, row: Row) -> bool:
    return bool(row["game_id"] == game.game_id)


def published(versions: dict[str, Counts]) -> dict[str, tuple[int, int, int]]:
    return {version: (c.players, c.retained[1], c.retained[7]) for version, c in versions.items()}


def test_the_counts_are_those_that_were_published() -> None:
    assert published(PUBLISHED) == {"gate_30": (44_700, 20_034, 8_502), "gate_40": (45_489, 20_119, 8_279)}


@pytest.mark.timeout(300)
def test_retention_of_every_player_is_as_published(running: Installation) -> None:
    game = create_game(running, "Cookie Cats")
    events = expand(PUBLISHED, seed=1)
    send(running, game, requests(events))
    wait_for_events(running, game, len(events))
    assert answers(running, game) == published(PUBLISHED)


@pytest.mark.timeout(300)
def test_retention_is_the_same_when_shuffled_and_sent_twice(running: Installation) -> None:
    game = create_game(running, "Cookie Cats, shuffled")
    events = expand(PUBLISHED, seed=2)
    chance = random.Random(2)
    chance.shuffle(events)
    bodies = requests(events) * 2
    chance.shuffle(bodies)
    send(running, game, bodies)
    wait_for_events(running, game, 2 * len(events))
    assert answers(running, game) == published(PUBLISHED)
    assert counted(running, game)["stored"] == len(events)
    assert (unbalanced_hours(running), unbalanced_events(running)) == ([], [])
