"""The players of Cookie Cats' published A/B test, made again from its counts, as GameAnalytics requests.

The data set (Tactile Entertainment, 90,189 players) says of each player which version of the game it was, and whether
the player came back 1 day and 7 days after the installation. How many players there are of each kind is all that is
kept here; days and times are drawn.
"""

import gzip
import http.client
import json
import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.support.installation import Installation, signature

Event = dict[str, Any]

EVENTS_PER_REQUEST = 500
INSTALL_DAYS = 24
FIRST_DAY_S = 1_741_564_800
"""2025-03-10 00:00 UTC: days long past, as the events of a game that was offline."""
_DAY_S = 86_400
_CONNECTIONS = 4
_TIMEOUT_S = 60


class Counts(NamedTuple):
    """The players of one version by the days on which they came back."""

    never: int
    day_1: int
    day_7: int
    both: int


PUBLISHED = {
    "gate_30": Counts(never=22_840, day_1=13_358, day_7=1_826, both=6_676),
    "gate_40": Counts(never=23_597, day_1=13_613, day_7=1_773, both=6_506),
}
_RETURNS: tuple[tuple[int, ...], ...] = ((), (1,), (7,), (1, 7))  # of each kind, in the order of `Counts`


def expand(versions: dict[str, Counts], seed: int) -> list[Event]:
    """An event for each day on which a player was there, in order of time.

    Some are on the first and the last second of a UTC day.
    """
    chance = random.Random(seed)
    events: list[Event] = []
    for version, counts in versions.items():
        for returns, count in zip(_RETURNS, counts, strict=True):
            for _ in range(count):
                events += _events_of_player(chance, version, returns)
    return sorted(events, key=lambda event: int(event["client_ts"]))


def _events_of_player(chance: random.Random, version: str, returns: Sequence[int]) -> Iterator[Event]:
    player = _uuid(chance)
    install_s = FIRST_DAY_S + chance.randrange(INSTALL_DAYS) * _DAY_S
    for session_num, day in enumerate((0, *returns), 1):
        second = chance.choice((0, _DAY_S - 1, *(chance.randrange(_DAY_S) for _ in range(8))))
        yield {
            "v": 2,
            "category": "user",
            "event_uuid": _uuid(chance),
            "user_id": player,
            "client_ts": install_s + day * _DAY_S + second,
            "sdk_version": "rest api v2",
            "os_version": "android 6.0",
            "manufacturer": "samsung",
            "device": "SM-G930F",
            "platform": "android",
            "session_id": _uuid(chance),
            "session_num": session_num,
            "custom_01": version,
        }


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def requests(events: Sequence[Event]) -> list[bytes]:
    """The events as compressed bodies, in order."""
    starts = range(0, len(events), EVENTS_PER_REQUEST)
    return [
        gzip.compress(json.dumps(events[start : start + EVENTS_PER_REQUEST]).encode(), 1, mtime=0) for start in starts
    ]


class Game(NamedTuple):
    """A game's number and keys."""

    game_id: int
    game_key: str
    secret_key: str


def create_game(made: Installation, name: str) -> Game:
    """A new game."""
    created = made.command("game", "create", name)
    assert created.returncode == 0, created.stderr
    told = json.loads(created.stdout)
    return Game(told["game_id"], told["game_key"], told["secret_key"])


def send(made: Installation, game: Game, bodies: Sequence[bytes]) -> None:
    """Send the requests over a few connections at once. Raises `AssertionError` unless all are answered with 200."""
    waiting = iter(bodies)
    refusals: list[tuple[int, bytes]] = []
    lock = threading.Lock()

    def send_some() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", made.collector_port, timeout=_TIMEOUT_S)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                break
            headers = {"Authorization": signature(body, game.secret_key), "Content-Encoding": "gzip"}
            connection.request("POST", f"/v2/{game.game_key}/events", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            if (answer.status, told) != (200, b"[]"):
                refusals.append((answer.status, told[:200]))
        connection.close()

    threads = [threading.Thread(target=send_some) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == []
