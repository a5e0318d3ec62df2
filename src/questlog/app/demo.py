"""The demo game: made in the control database, its history sent through a collector of the past, removed again."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from http import HTTPStatus

import msgspec

from questlog.app.places import make_data_directory
from questlog.app.worker import build_worker, open_journal
from questlog.collector.pipeline import Pipeline
from questlog.collector.routing import Router
from questlog.collector.service import PROTOCOLS
from questlog.config import Settings
from questlog.console.demo import DEMO_GAME_KEY
from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotFound
from questlog.demo.requests import Arrival, Keys
from questlog.demo.studio import Studio
from questlog.demo.world import DAYS, PLAYERS
from questlog.model.clock import SystemClock
from questlog.model.exchange import Request
from questlog.model.game import Game

DEMO_NAME = "Demo"
SERVER_KEY_NAME, APP_KEY_NAME = "game-server", "companion-app"

_AT_ONCE = 128
_US = 1_000_000

ShowDay = Callable[[int], None]
"""Called with how many of the days are sent."""


class DemoFailed(Exception):
    """The history could not be sent; the game is removed again. The message says why."""


class DemoGame(msgspec.Struct, frozen=True):
    """The demo game that was made, and how many requests its history has."""

    game_id: int
    name: str
    days: int
    players: int
    requests: int


class PastClock:
    """Tells each request the time when it arrives, and all others that of the newest one."""

    def __init__(self, now_us: int) -> None:
        self._newest_us = now_us
        self._own_us: ContextVar[int | None] = ContextVar("arrives_us", default=None)

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        return self._own_us.get() or self._newest_us

    def now_s(self) -> float:
        """The same in seconds."""
        return self.now_us() / _US

    def move_on(self, now_us: int) -> None:
        """It is later for everything that has no time of its own."""
        self._newest_us = max(self._newest_us, now_us)

    def set_for_this_task(self, now_us: int) -> None:
        """In this task, and in what it starts, it is this time."""
        self._own_us.set(now_us)


def make_demo(settings: Settings, show_day: ShowDay, *, players: int = PLAYERS, seed: int = 1) -> DemoGame:
    """Make the demo game with its history up to now, durable in the journal; the server loads it.

    Raises `AlreadyExists`, `DemoFailed`, other `ControlError`s, `OSError`.
    """
    make_data_directory(settings)
    now_s = time.time()
    with ControlDatabase(settings.control_database, SystemClock()) as control:
        game, keys = _create(control)
        try:
            studio = Studio(keys, now_s, players=players, seed=seed)
            requests = asyncio.run(_send(settings, studio, show_day))
        except BaseException:
            control.delete_game(game.game_key, game.name)
            raise
    return DemoGame(game.game_id, game.name, DAYS, players, requests)


def remove_demo(control: ControlDatabase) -> Game:
    """Delete the demo game; the server then deletes its events. Raises `NotFound`."""
    try:
        game = control.find_game(DEMO_GAME_KEY)
    except NotFound:
        raise NotFound("there is no demo game") from None
    control.delete_game(game.game_key, game.name)
    return game


def _create(control: ControlDatabase) -> tuple[Game, Keys]:
    names = {game.name for game in control.list_games() if game.game_key != DEMO_GAME_KEY}
    name = next(each for each in (DEMO_NAME, "Demo of Questlog", f"Demo {DEMO_GAME_KEY[:4]}") if each not in names)
    try:
        game = control.create_game(name, DEMO_GAME_KEY)
    except AlreadyExists:
        raise AlreadyExists("there is a demo game already; remove it with `questlog demo --remove`") from None
    server, app = (control.create_api_key(game.game_key, each).key for each in (SERVER_KEY_NAME, APP_KEY_NAME))
    return game, Keys(game.game_key, game.secret_key, server, app)


async def _send(settings: Settings, studio: Studio, show_day: ShowDay) -> int:
    """Send everything; returns how many requests that were, all of them on disk."""
    clock = PastClock(0)
    sent = 0
    with ControlDatabase(settings.control_database, clock) as control:
        journal = await open_journal(settings, SystemClock())
        worker = build_worker(settings, control, journal, clock, _country, clock.now_s)
        collector = _Collector(Pipeline(worker), Router(PROTOCOLS, fallback=PROTOCOLS[-1]), clock)
        try:
            for number, arrivals in enumerate(studio.days(), 1):
                for start in range(0, len(arrivals), _AT_ONCE):
                    await collector.take(arrivals[start : start + _AT_ONCE])
                sent += len(arrivals)
                show_day(number)
        finally:
            await journal.close()
            worker.control.close()
    return sent


def _country(client_address: str, _forwarded_for: str | None) -> str | None:
    """Made-up requests come from a country in place of an address."""
    return client_address or None


class _Collector:
    """Answers requests of the past at the time when they arrive."""

    def __init__(self, pipeline: Pipeline, router: Router, clock: PastClock) -> None:
        self._pipeline = pipeline
        self._router = router
        self._clock = clock

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        """Answer them all; returns once they are on disk. Raises `DemoFailed`."""
        if arrivals:
            self._clock.move_on(arrivals[0].received_us)
        await asyncio.gather(*[self._take_one(arrival) for arrival in arrivals])

    async def _take_one(self, arrival: Arrival) -> None:
        self._clock.set_for_this_task(arrival.received_us)
        body = await self._answer(arrival.received_us, arrival.request)
        if arrival.then is not None:
            await self._answer(arrival.received_us + _US, arrival.then(body))

    async def _answer(self, received_us: int, request: Request) -> bytes:
        self._clock.set_for_this_task(received_us)
        reply = await self._pipeline.answer(request, self._router.route(request.method, request.path))
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DemoFailed("the journal cannot be written now; see the log of this command")
        return reply.body
