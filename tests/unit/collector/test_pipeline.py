"""The steps that every request takes, shown by an operation that no protocol has: one entry of a table."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from questlog.collector.operation import Operation, Received
from questlog.collector.pipeline import Pipeline
from questlog.collector.routing import Router
from questlog.collector.satori import SATORI, by_api_key
from questlog.collector.satori_callers import KeyCaller
from questlog.collector.worker import Worker
from questlog.control.errors import ControlUnavailable
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import Source
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Kind
from tests.support.collectors import Headers, TestCollector

FAULTS = {
    "the journal": (JournalUnavailable("no space left on device"), 503, "no space left on device"),
    "control": (ControlUnavailable("locked"), 503, "The control database is not available"),
    "not found": (RequestRejected(Reason.NOT_FOUND, "no such flag"), 404, "no such flag"),
}


def decode_flags(text: bytes, caller: KeyCaller) -> dict[str, str]:
    assert caller.game.name
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise RequestRejected(Reason.NOT_JSON, str(error)) from error


async def set_flags(worker: Worker, received: Received, caller: KeyCaller, flags: dict[str, str]) -> Reply:
    if flags.get("fault") in FAULTS:
        raise FAULTS[flags["fault"]][0]
    said = {"game": caller.game.game_id, "item": received.request.path, "flags": flags, "now": worker.clock.now_us()}
    return Reply(200, json.dumps(said).encode(), ())


SET_FLAGS = Operation(
    "set_flags", "PUT", "/v1/flag/{}", by_api_key, decode_flags, set_flags, source=Source.SATORI_SERVER
)


class FlagsServer:
    """A collector whose Satori has one operation more."""

    def __init__(self, folder: Path) -> None:
        self.collector = TestCollector(folder)
        protocol = replace(SATORI, operations=(*SATORI.operations, SET_FLAGS))
        self._router = Router((protocol,), fallback=protocol)
        self._pipeline = Pipeline(self.collector.worker)

    def ask(self, body: bytes, headers: dict[str, str], method: str = "PUT") -> Reply:
        """One request of the new operation."""
        request = Request(method, "/v1/flag/a", "", Headers(headers), body, "127.0.0.1")
        return asyncio.run(self._pipeline.answer(request, self._router.route(method, "//v1/flag/a/")))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FlagsServer]:
    made = FlagsServer(tmp_path)
    yield made
    made.collector.close()


def counted(server: FlagsServer) -> tuple[dict[str, int], dict[str, int]]:
    counters = server.collector.worker.counters.snapshot(is_ready=True, pending_bytes=0)
    by_status: Counter[str] = Counter()
    for key, count in server.collector.answered().items():
        protocol, _, status = key.split(" ")
        by_status[f"{protocol} {status}"] += count
    return by_status, counters.rejected


def test_a_new_operation_is_one_entry(server: FlagsServer) -> None:
    headers = {**server.collector.basic(), "Content-Encoding": "gzip"}
    answer = server.ask(gzip.compress(b'{"a": "b"}'), headers)
    assert (answer.status, json.loads(answer.body)["flags"]) == (200, {"a": "b"})
    assert counted(server) == ({"satori 200": 1}, {})


@pytest.mark.parametrize(
    ("method", "body", "headers", "status", "is_kept"),
    [
        ("PUT", b"{}", {"Authorization": "no"}, 401, False),
        ("PUT", b"{}", {"Content-Encoding": "gzip"}, 400, True),
        ("PUT", b"{}", {"Content-Encoding": "zstd"}, 415, True),
        ("PUT", b"{", {}, 400, True),
        ("POST", b"{}", {}, 501, False),
    ],
    ids=["authenticate", "inflate", "coding", "decode", "method"],
)
def test_each_step_may_reject(
    server: FlagsServer, method: str, body: bytes, headers: dict[str, str], status: int, is_kept: bool
) -> None:
    answer = server.ask(body, {**server.collector.basic(), **headers}, method)
    assert answer.status == status
    assert json.loads(answer.body)["code"]
    assert counted(server)[0] == {f"satori {status}": 1}
    assert sum(counted(server)[1].values()) == 1
    kept = server.collector.journal.entries(Kind.REJECTED_REQUEST)
    assert [envelope.source for envelope, _ in kept] == ([Source.SATORI_SERVER] if is_kept else [])
    assert [envelope.api_key_name for envelope, _ in kept] == [server.collector.sandbox.api_key.name] * is_kept


@pytest.mark.parametrize("fault", FAULTS)
def test_what_handling_meets_is_answered_in_the_protocols_words(server: FlagsServer, fault: str) -> None:
    answer = server.ask(json.dumps({"fault": fault}).encode(), server.collector.basic())
    _, status, message = FAULTS[fault]
    assert (answer.status, json.loads(answer.body)["message"]) == (status, message)


def test_its_path_answers_a_preflight(server: FlagsServer) -> None:
    assert server.ask(b"", {}, "OPTIONS").status == 204
