"""Recorded requests, changed at random: thousands against a running installation, many more in the nightly run."""

import http.client
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from tests.support.ingest import unbalanced_events, unbalanced_hours, wait_until_all_is_loaded
from tests.support.installation import SANDBOX_SECRET_KEY, Installation, installation, signature
from tests.support.mutations import mutated_body, mutated_headers
from tests.support.recordings import RecordedRequest, recorded_requests

pytestmark = pytest.mark.system

SEED = int(os.environ.get("FUZZ_SEED", "20261121"))
THREADS = 4
CLIENTS = (
    "gameanalytics/js-npm-4.4.7-chromium",
    "gameanalytics/goldfire-node-sdk-1.1.4",
    "satori/satori-js-2.5.1",
    "satori/seed-samples",
)
REQUESTS = [request for client in CLIENTS for request in recorded_requests(client) if request.method in {"POST", "PUT"}]
RECORDER_API_KEY = "b7d6b3f0-5a51-4a0e-9a2f-0d6f6c2a9e11"
EXPECTED = {200, 201, 400, 401, 404, 405, 413, 415, 501}


class Sent(NamedTuple):
    """One changed request. `SEED` and its number make it again."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("fuzz") / "data") as made:
        made.data_dir.mkdir()
        with ControlDatabase(made.data_dir / "control.sqlite3", SystemClock()) as control:
            control.create_game("recorded")
            control.create_api_key("recorded", "recorder", RECORDER_API_KEY)
        made.start_run()
        yield made


def changed(number: int) -> Sent:
    source = random.Random(f"{SEED}:{number}")
    request: RecordedRequest = source.choice(REQUESTS)
    body = mutated_body(request.body, source)
    headers = dict(request.headers)
    if request.target.startswith(("/v2/", "/remote_configs/")):
        headers["Authorization"] = signature(body, SANDBOX_SECRET_KEY)
    elif request.target == "/v1/event":  # the recording's token is not ours: the key's route takes the same body
        request = request._replace(target="/v1/server-event")
        headers["Authorization"] = next(
            value for name, value in REQUESTS[-1].headers if name.lower() == "authorization"
        )
    return Sent(request.method, request.target, body, mutated_headers(headers, source))


def run(made: Installation, count: int) -> Counter[int]:
    """Send that many changed requests; how often each status was answered."""
    with ThreadPoolExecutor(THREADS) as pool:
        parts = [range(first, count, THREADS) for first in range(THREADS)]
        return sum(pool.map(lambda numbers: run_part(made.collector_port, numbers), parts), Counter())


def run_part(port: int, numbers: range) -> Counter[int]:
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for number in numbers:
            statuses[answered(connection, number)] += 1
    finally:
        connection.close()
    return statuses


def answered(connection: http.client.HTTPConnection, number: int) -> int:
    sent = changed(number)
    try:
        connection.request(sent.method, sent.target, sent.body, sent.headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise AssertionError(f"no answer to number {number} of seed {SEED}: {sent}") from error
    assert answer.status in EXPECTED, f"{answer.status} for number {number} of seed {SEED}: {sent}"
    if body:
        json.loads(body, parse_int=str)
    return answer.status


def assert_sound(made: Installation) -> None:
    wait_until_all_is_loaded(made, timeout_s=120)
    assert unbalanced_hours(made) == []
    assert unbalanced_events(made) == []
    # What a collector has acknowledged, the loader could decode.
    assert made.sql("SELECT count(*) AS n FROM rejected_events WHERE reason = 'corrupt_record'") == [{"n": 0}]
    assert "questlog_loader_refused_records_total 0.0" in made.console("GET", "/metrics").body.decode()
    log = made.log()
    assert "Traceback" not in log
    assert log.count("process started") == 2  # collectors and a server, never again
    assert "Unexpected exit from worker" not in log


def test_changed_requests_are_taken_or_refused_and_nothing_else(running: Installation) -> None:
    statuses = run(running, 3_000)
    assert sum(statuses.values()) == 3_000
    # Both outcomes are common, or the changes are too weak or too strong.
    assert min(statuses[200], statuses[400]) > 300
    assert_sound(running)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_very_many_changed_requests(running: Installation) -> None:
    run(running, 300_000)
    assert_sound(running)
