"""A collector without an HTTP server and without files: requests in, answers and journal records out."""

import asyncio
import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from questlog.collector.control_thread import ControlThread
from questlog.collector.counters import CounterBook
from questlog.collector.directory import Directory
from questlog.collector.limits import BodyReader, MemoryBudget
from questlog.collector.operation import WireProtocol
from questlog.collector.recent_identities import RecentIdentities
from questlog.collector.rejected_requests import RejectedRequests
from questlog.collector.satori_callers import Callers, TokenSettings
from questlog.collector.service import CollectorService
from questlog.collector.worker import FindCountry, Worker
from questlog.control.database import ControlDatabase
from questlog.journal.contract import JournalUnavailable, JournalWriter
from questlog.model.clock import Clock
from questlog.model.exchange import Reply, Request
from questlog.model.record import Envelope, Kind, Position, decode_record
from tests.support.installation import SANDBOX_GAME_KEY, signature

SIGNING_KEY = "a signing key of the tests, long enough"


class MemoryJournal:
    """Keeps records; refuses them while `is_ready` is false, and while `is_failing` without having said so."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.is_ready = True
        self.is_failing = False
        self.pending_bytes = 0

    def append(self, record: bytes) -> asyncio.Future[Position]:
        """Acknowledged at once."""
        if not self.is_ready or self.is_failing:
            raise JournalUnavailable("no space left on device")
        self.records.append(record)
        written: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        written.set_result(Position(0, 0, len(self.records)))
        return written

    async def close(self) -> None:
        """Nothing to seal."""

    def entries(self, *kinds: Kind) -> list[tuple[Envelope, bytes]]:
        """The records of these kinds, or all."""
        decoded = [decode_record(record) for record in self.records]
        return [(envelope, body) for envelope, body in decoded if not kinds or envelope.kind in kinds]


class ManualClock:
    """A clock that the test sets, UTC microseconds."""

    def __init__(self, now: int = 1_795_300_000_000_000) -> None:
        self.now = now

    def now_us(self) -> int:
        """The time as set."""
        return self.now


class Headers:
    """Headers by lower-case name."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in given.items()}

    def get(self, key: str, default: str | None = None) -> str | None:
        """The header's value, or `default`."""
        return self._values.get(key, default)


def collector_worker(
    folder: Path, control: ControlDatabase, journal: JournalWriter, clock: Clock, country: FindCountry
) -> Worker:
    """What a collector works with that keeps nothing on disk but in `folder`."""
    directory = Directory(control, time.monotonic)
    return Worker(
        journal=journal,
        directory=directory,
        callers=Callers(directory, control, SIGNING_KEY),
        control=ControlThread(control),
        tokens=TokenSettings(SIGNING_KEY, 3_600, 86_400),
        recent_identities=RecentIdentities(),
        find_country=country,
        check_token=lambda token: control.check_token(token),  # noqa: PLW0108 - a test replaces the method
        clock=clock,
        counters=CounterBook(0, clock.now_us()),
        counters_directory=folder / "run",
        rejected_requests=RejectedRequests(journal, time.monotonic),
        waiting=MemoryBudget(4_194_304),
        max_inflated_bytes=4_194_304,
    )


class TestCollector:
    """One collector over a control database in a folder."""

    __test__ = False

    def __init__(
        self,
        folder: Path,
        country: FindCountry = lambda _, forwarded: "NZ" if forwarded else None,
        own: Sequence[WireProtocol] = (),
    ) -> None:
        self.clock = ManualClock()
        self.journal = MemoryJournal()
        self.control = ControlDatabase(folder / "control.sqlite3", self.clock)
        self.sandbox = self.control.ensure_sandbox()
        self.worker = collector_worker(folder, self.control, self.journal, self.clock, country)
        bodies = BodyReader(1_048_576, 67_108_864, 30, time.monotonic)
        self.service = CollectorService(self.worker, bodies, self.worker.control.close, own)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """Let go of everything."""
        self._loop.run_until_complete(self.service.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self.control.close()

    def start_and_run_for(self, seconds: float) -> None:
        """The periodic work, for a while."""

        async def run() -> None:
            self.service.start()
            await asyncio.sleep(seconds)

        self._loop.run_until_complete(run())

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | object = b"",
        headers: Mapping[str, str] | None = None,
        client_address: str = "127.0.0.1",
    ) -> Reply:
        """One request; a body that is not bytes is sent as JSON."""
        path, _, query = target.partition("?")
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, path, query, Headers(headers or {}), sent, client_address)
        route = self.service.router.route(method, path)
        return self._loop.run_until_complete(self.service.pipeline.answer(request, route))

    def answered(self) -> dict[str, int]:
        """How many requests were answered, by protocol, operation and status."""
        counters = self.worker.counters.snapshot(is_ready=True, pending_bytes=0)
        return {key: durations.count for key, durations in counters.requests.items()}

    def send_events(self, events: object, headers: Mapping[str, str] | None = None) -> Reply:
        """POST GameAnalytics events of the sandbox game, signed."""
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        target = f"/v2/{SANDBOX_GAME_KEY}/events"
        return self.ask("POST", target, body, {"Authorization": signature(body), **(headers or {})})

    def basic(self) -> dict[str, str]:
        """The header of the sandbox game's API key."""
        credentials = base64.b64encode(f"{self.sandbox.api_key.key}:".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}

    def authenticate(self, identity_id: str) -> dict[str, str]:
        """The session answer of a fresh sign-in, `token` and `refresh_token` among it."""
        answer = self.ask("POST", "/v1/authenticate", {"id": identity_id}, self.basic())
        assert answer.status == 200, answer.body
        session: dict[str, str] = json.loads(answer.body)
        return session


def bearer(token: str) -> dict[str, str]:
    """The header of a session token."""
    return {"Authorization": f"Bearer {token}"}
