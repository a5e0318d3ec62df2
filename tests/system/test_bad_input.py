"""Whatever a stranger sends to a collector is answered, or kept with its reason, and nobody else notices."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from questlog.model.game import ApiKey, Game
from tests.support.bad_bodies import GAMEANALYTICS, GIB, GOOD, SATORI, BadBody, gzip_bomb
from tests.support.ingest import (
    answered_statuses,
    collector_pids,
    peak_memory_bytes,
    unbalanced_events,
    unbalanced_hours,
    wait_until_all_is_loaded,
)
from tests.support.installation import SANDBOX_GAME_KEY, Installation, Response, Row, installation, signature
from tests.support.raw_http import RawAnswer, answers_in, connected, exchange, read_all

pytestmark = pytest.mark.system

BODY_TIMEOUT_S = 1.0
CASES = {"gameanalytics": GAMEANALYTICS, "satori": SATORI}


class Owner(NamedTuple):
    """A game of a case's own, so that what is kept of it is told apart."""

    game: Game
    api_key: ApiKey


class Outcome(NamedTuple):
    """The answer to a bad body, and what was stored of it."""

    answer: Response
    rejected: list[Row]
    stored: int


@pytest.fixture(scope="module")
def owners() -> dict[tuple[str, str], Owner]:
    return {}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, owners: dict[tuple[str, str], Owner]) -> Iterator[Installation]:
    settings = {"collector.body_timeout_s": BODY_TIMEOUT_S}
    with installation(tmp_path_factory.mktemp("bad") / "data", settings) as made:
        made.data_dir.mkdir()
        with ControlDatabase(made.data_dir / "control.sqlite3", SystemClock()) as control:
            for protocol, cases in CASES.items():
                for case in cases:
                    game = control.create_game(f"{protocol}: {case.name}")
                    owners[protocol, case.name] = Owner(game, control.create_api_key(game.game_key, "game server"))
        made.start_run()
        yield made


def send(made: Installation, protocol: str, owner: Owner, case: BadBody) -> Response:
    if protocol == "gameanalytics":
        headers = {"Authorization": signature(case.body, owner.game.secret_key), **case.headers}
        return made.request("POST", f"/v2/{owner.game.game_key}/events", case.body, headers)
    credentials = base64.b64encode(f"{owner.api_key.key}:".encode()).decode()
    return made.request(
        "POST", "/v1/server-event", case.body, {"Authorization": f"Basic {credentials}", **case.headers}
    )


# Bodies


@pytest.fixture(scope="module")
def outcomes(running: Installation, owners: dict[tuple[str, str], Owner]) -> dict[tuple[str, str], Outcome]:
    answers = {
        (protocol, case.name): send(running, protocol, owners[protocol, case.name], case)
        for protocol, cases in CASES.items()
        for case in cases
    }
    wait_until_all_is_loaded(running)
    rejected = running.sql("SELECT * FROM rejected_events ORDER BY rejected_no")
    events = running.sql("SELECT game_id FROM events WHERE source <> 'satori_system'")
    return {
        key: Outcome(
            answer,
            [row for row in rejected if row["game_id"] == owners[key].game.game_id],
            sum(row["game_id"] == owners[key].game.game_id for row in events),
        )
        for key, answer in answers.items()
    }


@pytest.mark.parametrize(
    ("protocol", "case"),
    [pytest.param(name, case, id=f"{name}-{case.name}") for name, cases in CASES.items() for case in cases],
)
def test_a_bad_body_is_answered_and_kept_with_its_reason(
    outcomes: dict[tuple[str, str], Outcome], protocol: str, case: BadBody
) -> None:
    answer, rejected, stored = outcomes[protocol, case.name]
    assert (answer.status, [row["reason"] for row in rejected], stored) == (
        case.status,
        list(case.reasons),
        case.stored,
    )
    assert answer.headers["content-type"] == "application/json"
    told = json.loads(answer.body, parse_int=str)  # Python's own limit on digits is not the matter here
    if case.status == 200:
        assert told == ([] if protocol == "gameanalytics" else {})
        return
    for row in rejected:
        assert row["detail"]
        assert len(row["raw"]) <= 16_384
        assert row["is_whole_request"] == (row["errors"] is None and not row["reason"].isupper())
    if isinstance(told, list):
        assert [failure["errors"] for failure in told] == [json.loads(row["errors"]) for row in rejected]
        assert all(failure["errors"] for failure in told)
    elif protocol == "gameanalytics":
        assert told == {"error": rejected[0]["reason"], "detail": rejected[0]["detail"]}
    else:
        assert sorted(told) == ["code", "details", "message"]


def test_the_api_lists_what_was_rejected(
    running: Installation, outcomes: dict[tuple[str, str], Outcome], owners: dict[tuple[str, str], Owner]
) -> None:
    for key, outcome in outcomes.items():
        game = owners[key].game
        listed = running.console("GET", f"/api/v1/games/{game.game_key}/events?status=rejected")
        assert listed.status == 200
        assert [row["reason"] for row in listed.json()["events"]] == [row["reason"] for row in outcome.rejected][::-1]


def test_bombs_are_not_unpacked_in_memory(running: Installation) -> None:
    body = gzip_bomb(GIB, 64)
    before = {pid: peak_memory_bytes(pid) for pid in collector_pids(running)}
    assert len(before) == 2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: running.send_body(body, {"Content-Encoding": "gzip"}), range(32)))
    assert {answer.status for answer in answers} == {413}
    # At most max_inflated_bytes, 16 MiB, of a few requests at once, beside their bodies as sent.
    assert all(peak_memory_bytes(pid) - peak < 100 << 20 for pid, peak in before.items())


# HTTP

SIGNED = f"Host: game\r\nAuthorization: {signature(GOOD)}\r\n".encode()
EVENTS = f"POST /v2/{SANDBOX_GAME_KEY}/events HTTP/1.1\r\n".encode()
CLOSE = b"Connection: close\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(GOOD)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n" % len(GOOD) + GOOD + b"\r\n"
TAKEN = (200, b"[]")


def events_request(headers: bytes = b"", *, framed: bytes = SIZED + GOOD, signed: bytes = SIGNED) -> bytes:
    return EVENTS + signed + CLOSE + headers + framed


def asking(line: bytes, headers: bytes = b"", framed: bytes = b"\r\n") -> bytes:
    return line + b" HTTP/1.1\r\nHost: game\r\n" + CLOSE + headers + framed


def length(text: bytes) -> bytes:
    return b"Content-Length: " + text + b"\r\n\r\n" + GOOD


# What is sent, and the status of its one answer; 0 for a connection that is closed without one.
HTTP: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"\x00\x01\x02\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x00\xf1" + bytes(200), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0),
    "two lengths": (events_request(framed=b"Content-Length: 1\r\n" + SIZED + GOOD), 400),
    "a list of lengths": (events_request(framed=length(b"9, 9")), 400),
    "a negative length": (events_request(framed=length(b"-9")), 400),
    "a length with a sign": (events_request(framed=length(b"+9")), 400),
    "a length in hexadecimal": (events_request(framed=length(b"0x9")), 400),
    "a length in words": (events_request(framed=length(b"nine")), 400),
    "a length in other digits": (events_request(framed=length("٩".encode())), 400),
    "an empty length": (events_request(framed=length(b"")), 400),
    "a length of 30 digits": (events_request(framed=length(b"9" * 30)), 400),
    "a length of 2^63": (events_request(framed=length(b"9223372036854775808")), 413),
    "a length of 2^64 - 1": (events_request(framed=length(b"18446744073709551615")), 431),
    "a length and no body": (events_request(framed=SIZED), 408),
    "a length too long": (events_request(framed=length(b"9999")), 408),
    "chunks without end": (events_request(framed=CHUNKED + CHUNK), 408),
    "a length too short": (events_request(framed=length(b"9")), 401),
    "no length": (events_request(framed=b"\r\n" + GOOD), 401),
    "a chunk of no size": (events_request(framed=CHUNKED + b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"), 401),
    "a chunk of 2^64 - 1": (events_request(framed=CHUNKED + b"ffffffffffffffff\r\n" + GOOD), 408),
    "a chunk of 2^64": (events_request(framed=CHUNKED + b"10000000000000000\r\n" + GOOD), 401),
    "an unknown transfer coding": (events_request(framed=b"Transfer-Encoding: gzip\r\n\r\n" + GOOD), 400),
    "chunks in HTTP/1.0": (events_request(framed=CHUNKED + CHUNK + b"0\r\n\r\n").replace(b"/1.1", b"/1.0"), 400),
    "1 000 headers": (events_request(b"".join(b"X-%d: 1\r\n" % number for number in range(1000))), 431),
    "a header of 10 MB": (events_request(b"X-Long: " + b"x" * 10_000_000 + b"\r\n"), 431),
    "a target of 100 kB": (asking(b"GET /" + b"x" * 100_000), 414),
    "a method of 100 kB": (asking(b"A" * 100_000 + b" /v1/event"), 501),
    "a method in small letters": (asking(b"post /v1/event"), 501),
    "a method that is none": (asking(b"P\xff\xffT /v1/event"), 400),
    "another method": (asking(b"TRACE /v1/event"), 501),
    "another method of GameAnalytics": (asking(f"DELETE /v2/{SANDBOX_GAME_KEY}/events".encode()), 405),
    "a proxy's method": (asking(b"CONNECT example.com:443"), 404),
    "a path outside": (asking(b"GET /../../etc/passwd"), 404),
    "an unknown path": (asking(b"GET /v3/event"), 404),
    "a header name of other bytes": (events_request(b"X-\xff: 1\r\n"), 400),
    "a header name with a space": (events_request(b"X-A : 1\r\n"), 400),
    "a folded header": (events_request(b"X-A: 1\r\n 2\r\n"), 400),
    "a NUL in a header": (events_request(b"X-A: 1\x002\r\n"), 400),
    "a control character in a header": (events_request(b"X-A: 1\x012\r\n"), 400),
    "a signature of other bytes": (events_request(signed=b"Host: game\r\nAuthorization: \xff\xfe\r\n"), 401),
    "no signature": (events_request(signed=b"Host: game\r\n"), 401),
    "a token of other bytes": (asking(b"GET /v1/properties", b"Authorization: Bearer \xff\xfe\r\n"), 401),
    "a key of other bytes": (asking(b"GET /v1/flag", b"Authorization: Basic \xff\xfe\r\n"), 401),
    "a key of other bytes in base64": (asking(b"GET /v1/flag", b"Authorization: Basic //79Og==\r\n"), 401),
    "a path of other bytes": (asking(b"POST /v2/\xff\xfe/events"), 400),
    "a path in UTF-8": (asking("POST /v2/ключ/events".encode()), 401),
    "a path with a wrong escape": (asking(b"POST /v2/%zz/events"), 401),
    "a path with escaped other bytes": (asking(b"POST /v2/%ff%00/events"), 401),
    "a NUL in a path": (asking(b"POST /v2/\x00/events"), 400),
    "a message of other bytes": (asking(b"PUT /v1/message/%ff%00", b"Authorization: Bearer x\r\n"), 401),
    "a query of other bytes": (asking(b"POST /remote_configs/v1/init?game_key=\xff"), 400),
    "a query with wrong escapes": (asking(b"POST /remote_configs/v1/init?game_key=%ff&a=%zz&&&=&a"), 401),
    # Odd, and right all the same
    "HTTP/1.0": (events_request().replace(b"/1.1", b"/1.0"), 200),
    "the same length twice": (events_request(SIZED[:-2]), 200),
    "chunks with extensions": (events_request(framed=CHUNKED + CHUNK.replace(b"\r", b";a=b\r", 1) + b"0\r\n\r\n"), 200),
    "chunks with trailers": (events_request(framed=CHUNKED + CHUNK + b"0\r\nX-A: 1\r\n\r\n"), 200),
    "an unknown expectation": (events_request(b"Expect: a miracle\r\n"), 200),
    "a content coding of other bytes": (events_request(b"Content-Encoding: \xff\r\n"), 200),
    "an address of other bytes": (events_request(b"X-Forwarded-For: \xff\xfe\r\n"), 200),
    "an address that is none": (events_request(b"X-Forwarded-For: [::1, 999.1.1.1%eth0]:x\r\n"), 200),
    "a host of other bytes": (events_request(signed=SIGNED.replace(b"game", b"\xff")), 200),
    "a whole URL": (asking(b"GET http://example.com/healthcheck"), 200),
    "an offer of HTTP/2": (asking(b"GET /healthcheck", b"Upgrade: h2c\r\n"), 200),
    "a body of a GET": (asking(b"GET /healthcheck", framed=SIZED + GOOD), 200),
    "HEAD": (asking(b"HEAD /healthcheck"), 200),
}


@pytest.mark.parametrize("name", HTTP)
def test_odd_http_gets_one_answer_and_the_connection_is_closed(running: Installation, name: str) -> None:
    sent, status = HTTP[name]
    began = time.monotonic()
    answers = exchange(running.collector_port, sent)
    assert [answer.status for answer in answers] == ([status] if status else [])
    assert time.monotonic() - began < 5
    assert_serves_others(running)


@pytest.mark.parametrize(
    "sent",
    [
        EVENTS + SIGNED,
        events_request(framed=SIZED),
        events_request(framed=length(b"9999")),
        events_request(framed=CHUNKED),
        events_request(framed=CHUNKED + CHUNK[:50]),
    ],
)
def test_a_client_that_stops_in_the_middle_is_not_told_of_a_fault_of_ours(running: Installation, sent: bytes) -> None:
    answers = exchange(running.collector_port, sent, is_finished=True)
    assert all(400 <= answer.status < 500 for answer in answers)
    assert_serves_others(running)


def assert_serves_others(made: Installation) -> None:
    answer = made.request("GET", "/healthcheck", timeout_s=5)
    assert (answer.status, answer.body) == (200, b"{}")


def test_a_client_that_waits_for_permission_gets_it(running: Installation) -> None:
    with connected(running.collector_port) as connection:
        connection.sendall(events_request(b"Expect: 100-continue\r\n", framed=SIZED))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(GOOD)
        assert [(answer.status, answer.body) for answer in answers_in(read_all(connection))] == [TAKEN]


def test_pipelined_requests_are_answered_in_their_order(running: Installation) -> None:
    bodies = [GOOD, b"[]", b"{}", GOOD[:-1]] * 8
    requests = [
        EVENTS + f"Host: game\r\nAuthorization: {signature(body)}\r\nContent-Length: {len(body)}\r\n".encode()
        for body in bodies
    ]
    sent = b"".join(request + b"\r\n" + body for request, body in zip(requests[:-1], bodies, strict=False))
    answers = exchange(running.collector_port, sent + requests[-1] + CLOSE + b"\r\n" + bodies[-1])
    assert [answer.status for answer in answers] == [200, 200, 400, 400] * 8


def test_two_framings_are_one_request(running: Installation) -> None:
    """RFC 9112 §6.3: chunks win and the connection ends, so that nothing hides behind the other framing."""
    hidden = b"GET /readycheck HTTP/1.1\r\nHost: game\r\n\r\n"
    framed = b"Content-Length: %d\r\n" % len(CHUNK) + CHUNKED + CHUNK + b"0\r\n\r\n" + hidden
    answers = exchange(running.collector_port, EVENTS + SIGNED + framed)
    assert [(answer.status, answer.body) for answer in answers] == [TAKEN]


@pytest.mark.parametrize("size", [(1 << 20) + 1, (2 << 20) + 1, 64 << 20])
def test_a_body_that_is_too_large_is_refused_without_reading_on(running: Installation, size: int) -> None:
    with connected(running.collector_port) as connection:
        connection.sendall(events_request(framed=b"Content-Length: %d\r\n\r\n" % size))
        answers = answers_in(connection.recv(10_000))
        assert [answer.status for answer in answers] == [413]
        assert json.loads(answers[0].body)["error"] == "body_too_large"
        assert sent_until_refused(connection, 64 << 20) < 16 << 20  # what fits into the buffers between us


def test_chunks_without_end_are_refused_once_they_are_too_large(running: Installation) -> None:
    with connected(running.collector_port) as connection:
        connection.sendall(events_request(framed=CHUNKED))
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        assert sent_until_refused(connection, 64 << 20, chunk) < 16 << 20
        received = b""
        try:
            received = connection.recv(10_000)
        except ConnectionResetError:  # closed with the answer still on its way: refused all the same
            return
        assert [answer.status for answer in answers_in(received)] == [413]


def sent_until_refused(connection: socket.socket, size: int, piece: bytes = bytes(65_536)) -> int:
    """How many bytes went out before the other side closed the connection or stopped taking them."""
    connection.settimeout(2)
    sent = 0
    try:
        while sent < size:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


# Slow clients


def trickle(port: int, sent: Sequence[bytes], pause_s: float, stopped: threading.Event) -> list[RawAnswer]:
    """Send piece by piece until the server has had enough, or all is sent."""
    with connected(port) as connection:
        for piece in sent:
            try:
                connection.sendall(piece)
            except OSError:
                break
            if stopped.wait(pause_s):
                return []
        return answers_in(read_all(connection))


def test_slow_bodies_are_given_up_and_delay_nobody(running: Installation) -> None:
    body = [bytes([byte]) for byte in GOOD]
    framings = [
        [events_request(framed=SIZED), *body],
        [events_request(framed=CHUNKED), *(b"1\r\n" + byte + b"\r\n" for byte in body)],
        [events_request(framed=SIZED)],
    ]
    stopped, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(60) as pool:
        slow = [pool.submit(trickle, running.collector_port, framings[n % 3], 0.2, stopped) for n in range(60)]
        took = [timed(lambda: assert_takes_events(running)) for _ in range(30)]
        answers = [future.result() for future in slow]
        assert time.monotonic() - began < 20
        stopped.set()
    assert max(took) < 5
    assert {answer.status for given in answers for answer in given} == {408}
    assert all(answer.body == b"" for given in answers for answer in given)  # an SDK keeps what it sent


def test_slow_heads_delay_nobody(running: Installation) -> None:
    stopped = threading.Event()
    head = [bytes([byte]) for byte in EVENTS]
    with ThreadPoolExecutor(100) as pool:
        slow = [pool.submit(trickle, running.collector_port, head, 0.2, stopped) for _ in range(100)]
        took = [timed(lambda: assert_takes_events(running)) for _ in range(30)]
        stopped.set()
        assert [future.result() for future in slow] == [[]] * 100
    assert max(took) < 5


def assert_takes_events(made: Installation) -> None:
    answer = made.send_body(GOOD)
    assert (answer.status, answer.body) == TAKEN


def timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


# In the end


def test_after_all_that_the_sums_hold_and_the_collectors_are_the_same(running: Installation) -> None:
    """The last test of this file: of all that the others have sent."""
    wait_until_all_is_loaded(running)
    assert unbalanced_hours(running) == []
    assert unbalanced_events(running) == []
    answered = answered_statuses(running)
    assert answered[200] > 100
    assert [status for status in answered if status >= 500] == [501]  # Satori's answer to an unknown method
    log = running.log()
    assert "Traceback" not in log
    assert log.count("process started") == 2  # collectors and a server, never again
    assert "Unexpected exit from worker" not in log
