"""Games that send without pause and keep books: what was sent, what was acknowledged, what a store may hold of it."""

import base64
import http.client
import json
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from tests.support.installation import SANDBOX_GAME_KEY, Installation, signature

GAMEANALYTICS_PATH = f"/v2/{SANDBOX_GAME_KEY}/events"
SATORI_PATH = "/v1/server-event"

_API_KEY = re.compile(r"Sandbox API key \(Satori\): +([0-9a-f-]{36})")
_TIMEOUT_S = 10
_PAUSE_S = 0.02
_BROKEN_PAUSE_S = 0.1
_RECENT_REQUESTS = 200
_DAY_S = 86_400
_ID_SPACE = uuid.UUID("6f6e6520-7370-6163-6520-666f72206964")


class Outgoing(NamedTuple):
    """One request. `marks` are the numbers of its good events, by which they are found again in the store."""

    path: str
    body: bytes
    marks: tuple[int, ...]
    bad_events: int
    has_ids: bool


class Sent(msgspec.Struct):
    """What became of one event: how often it was sent, and how often the answer said that it is kept."""

    has_id: bool
    sends: int = 0
    acknowledgements: int = 0

    def allowed_rows(self) -> range:
        """How many rows the store may have of it."""
        if self.has_id:
            return range(min(self.acknowledgements, 1), 2)
        return range(self.acknowledgements, self.sends + 1)


class Ledger:
    """The books of all senders together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_mark = 0
        self.events: dict[int, Sent] = {}
        self.bad_events_sent = 0
        self.bad_events_acknowledged = 0
        self.answers: Counter[int | str] = Counter()
        self.surprises: list[str] = []

    def new_marks(self, count: int, *, has_id: bool) -> list[int]:
        """Numbers for events that are about to be sent."""
        with self._lock:
            marks = list(range(self._last_mark + 1, self._last_mark + 1 + count))
            self._last_mark += count
            self.events.update((mark, Sent(has_id)) for mark in marks)
        return marks

    def note_send(self, request: Outgoing) -> None:
        """The request goes out now."""
        with self._lock:
            self.bad_events_sent += request.bad_events
            for mark in request.marks:
                self.events[mark].sends += 1

    def note_answer(self, request: Outgoing, status: int, body: bytes) -> bool:
        """The answer is there. Returns whether the events are acknowledged."""
        is_taken = status == (400 if request.bad_events else 200) and body != b""
        with self._lock:
            self.answers[status] += 1
            if is_taken:
                self.bad_events_acknowledged += request.bad_events
                for mark in request.marks:
                    self.events[mark].acknowledgements += 1
            elif status != 503 or (body and request.path == GAMEANALYTICS_PATH):
                self.surprises.append(f"{request.path}: {status} {body[:200]!r}")
        return is_taken

    def note_failure(self, error: Exception) -> None:
        """There is no answer."""
        with self._lock:
            self.answers[type(error).__name__] += 1

    def take_back(self, destroyed: Mapping[int, int]) -> None:
        """So many acknowledged copies of these events were destroyed on purpose."""
        with self._lock:
            for mark, count in destroyed.items():
                self.events[mark].acknowledgements -= count

    @property
    def acknowledged(self) -> int:
        """How many events were acknowledged at least once."""
        with self._lock:
            return sum(1 for sent in self.events.values() if sent.acknowledgements)

    @property
    def sends(self) -> int:
        """How many times a good event was sent."""
        with self._lock:
            return sum(sent.sends for sent in self.events.values())

    @property
    def acknowledgements(self) -> int:
        """How many times a good event was acknowledged."""
        with self._lock:
            return sum(sent.acknowledgements for sent in self.events.values())

    def faults(self, rows: Mapping[int, int]) -> list[str]:
        """What is wrong with a store that has so many rows of each mark; empty when all is well."""
        lost_or_doubled = [
            f"event {mark}: {rows.get(mark, 0)} rows, {sent}"
            for mark, sent in self.events.items()
            if rows.get(mark, 0) not in sent.allowed_rows()
        ]
        invented = [
            f"event {mark}: {count} rows, never sent" for mark, count in rows.items() if mark not in self.events
        ]
        return lost_or_doubled + invented + self.surprises


class Script:
    """Makes requests: of both protocols, with and without ids, with a bad event now and then. For one thread."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self._ledger = ledger
        self._chance = chance
        self._now_s = int(time.time())
        self._sessions = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(40)]

    def next_request(self) -> Outgoing:
        """Some events that were never sent before."""
        has_ids = self._chance.random() < 0.6
        marks = self._ledger.new_marks(self._chance.randint(1, 20), has_id=has_ids)
        bad_events = int(self._chance.random() < 0.05)
        if self._chance.random() < 0.5:
            events = [self._gameanalytics_event(mark, has_ids) for mark in marks] + [
                {"category": "no such"}
            ] * bad_events
            return Outgoing(GAMEANALYTICS_PATH, json.dumps(events).encode(), tuple(marks), bad_events, has_ids)
        events = [self._satori_event(mark, has_ids) for mark in marks] + [{"name": "_reserved"}] * bad_events
        return Outgoing(SATORI_PATH, json.dumps({"events": events}).encode(), tuple(marks), bad_events, has_ids)

    def _gameanalytics_event(self, mark: int, has_id: bool) -> dict[str, Any]:
        player = self._chance.randrange(30)
        event: dict[str, Any] = {
            "v": 2,
            "user_id": f"player-{player}",
            "client_ts": self._now_s - self._chance.randrange(2 * _DAY_S),
            "sdk_version": "rest api v2",
            "os_version": "ios 17.4",
            "manufacturer": "apple",
            "device": "iPhone15,2",
            "platform": "ios",
            "session_id": self._sessions[player % len(self._sessions)],
            "session_num": 1,
            "category": "design",
            "event_id": f"kill:{self._chance.randrange(5)}",
            "value": mark,
        }
        return event | {"event_uuid": str(uuid.uuid5(_ID_SPACE, str(mark)))} if has_id else event

    def _satori_event(self, mark: int, has_id: bool) -> dict[str, Any]:
        player = self._chance.randrange(20)
        event: dict[str, Any] = {
            "name": f"killed{self._chance.randrange(5)}",
            "identity_id": f"identity-{player:04}",
            "timestamp": f"{self._now_s - self._chance.randrange(2 * _DAY_S)}",
            "value": str(mark),
        }
        event["timestamp"] = _rfc3339(int(event["timestamp"]))
        if self._chance.random() < 0.5:
            event["session_id"] = self._sessions[player]
        return event | {"id": f"text-{mark}"} if has_id else event


class Senders:
    """Threads that send until they are told to stop, each on a kept-alive connection."""

    def __init__(self, installation: Installation, ledger: Ledger, seed: int, count: int = 4) -> None:
        self._port = installation.collector_port
        self._basic = _basic(installation)
        self._ledger = ledger
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(random.Random(f"{seed} {number}"),)) for number in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def send_once(self, requests: Sequence[Outgoing]) -> None:
        """Send these, here and now, each until it is acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        for request in requests:
            while not self._post(connection, request):
                time.sleep(_BROKEN_PAUSE_S)
        connection.close()

    def _send(self, chance: random.Random) -> None:
        script = Script(self._ledger, chance)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        recent: list[Outgoing] = []
        again: Outgoing | None = None
        while not self._stopping.is_set():
            request = again or self._choose(script, recent, chance)
            is_taken = self._post(connection, request)
            # A client that got no answer sends again, as all SDKs do; sometimes it has been switched off instead.
            again = None if is_taken or chance.random() < 0.1 else request
            recent = [*recent, request][-_RECENT_REQUESTS:]
            self._stopping.wait(_PAUSE_S if is_taken else _BROKEN_PAUSE_S)
        connection.close()

    def _choose(self, script: Script, recent: Sequence[Outgoing], chance: random.Random) -> Outgoing:
        """Mostly something new; sometimes what was sent before, which must then have ids."""
        if recent and chance.random() < 0.15:
            request = chance.choice(recent)
            if request.has_ids:
                return request
        return script.next_request()

    def _post(self, connection: http.client.HTTPConnection, request: Outgoing) -> bool:
        headers = {"Content-Type": "application/json", "Authorization": self._authorization(request)}
        self._ledger.note_send(request)
        try:
            connection.request("POST", request.path, request.body, headers)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._ledger.note_failure(error)
            return False
        return self._ledger.note_answer(request, status, body)

    def _authorization(self, request: Outgoing) -> str:
        return signature(request.body) if request.path == GAMEANALYTICS_PATH else self._basic


def _basic(installation: Installation) -> str:
    """The header of the sandbox game's API key, which `questlog run` tells once it is ready."""
    installation.wait_until(lambda: bool(_API_KEY.search(installation.log())), "the sandbox's API key")
    found = _API_KEY.search(installation.log())
    assert found
    return "Basic " + base64.b64encode(f"{found[1]}:".encode()).decode()


def _rfc3339(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
