"""GameAnalytics' routes: what is answered, and what is journalled."""

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.model.record import Kind
from questlog.protocols.gameanalytics.codec import decode_events
from tests.support.collectors import TestCollector
from tests.support.installation import SANDBOX_GAME_KEY, signature

EVENTS = f"/v2/{SANDBOX_GAME_KEY}/events"
INIT = f"/v2/{SANDBOX_GAME_KEY}/init"
REMOTE = f"/remote_configs/v1/init?game_key={SANDBOX_GAME_KEY}&interval_seconds=0&configs_hash="
USER = {
    "v": 2,
    "user_id": "player-1",
    "client_ts": 1_763_750_000,
    "sdk_version": "rest api v2",
    "os_version": "ios 17.4",
    "manufacturer": "apple",
    "device": "iPhone15,2",
    "platform": "ios",
    "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014",
    "session_num": 1,
    "category": "user",
}
DEVICE = {"platform": "ios", "os_version": "ios 8.1", "sdk_version": "rest api v2"}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path)
    yield made
    made.close()


def signed(body: bytes) -> dict[str, str]:
    return {"Authorization": signature(body)}


def test_events_are_journalled_as_received_with_what_the_body_does_not_say(collector: TestCollector) -> None:
    body = gzip.compress(json.dumps([USER]).encode())
    headers = {"Content-Encoding": "gzip", "X-Forwarded-For": "203.0.113.7"}
    assert collector.send_events(body, headers) == (200, b"[]", collector.send_events([]).headers)
    [(envelope, kept)] = collector.journal.entries()
    assert kept == body
    assert (envelope.kind, envelope.country, envelope.content_coding, envelope.received_at) == (
        Kind.GAMEANALYTICS_EVENTS,
        "NZ",
        "gzip",
        collector.clock.now,
    )


def test_an_empty_list_is_answered_and_not_journalled(collector: TestCollector) -> None:
    assert collector.send_events([]).status == 200
    assert collector.journal.records == []


def test_a_batch_with_a_bad_event_is_journalled_whole_and_the_answer_names_the_field(collector: TestCollector) -> None:
    bad = {**USER, "session_id": 5}
    answer = collector.send_events([USER, bad])
    assert answer.status == 400
    assert json.loads(answer.body) == [{"event": bad, "errors": [{"error_type": "wrong_type", "path": "/session_id"}]}]
    [(_, kept)] = collector.journal.entries(Kind.GAMEANALYTICS_EVENTS)
    assert len(decode_events(kept).events) == 1


@pytest.mark.parametrize("authorization", ["", "x", "\xff\xfe", signature(b"other")])
def test_a_wrong_signature_is_401_with_a_body(collector: TestCollector, authorization: str) -> None:
    answer = collector.ask("POST", EVENTS, [USER], {"Authorization": authorization})
    assert answer.status == 401
    assert json.loads(answer.body)["error"] == "wrong_signature"
    assert collector.journal.entries(Kind.GAMEANALYTICS_EVENTS) == []
    [(envelope, kept)] = collector.journal.entries(Kind.REJECTED_REQUEST)
    assert (envelope.reason, kept) == ("wrong_signature", b""), "a stranger's bytes are not kept"


def test_an_unknown_game_key_is_401_with_a_body(collector: TestCollector) -> None:
    answer = collector.ask("POST", f"/v2/{'0' * 32}/events", [USER], signed(json.dumps([USER]).encode()))
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "unknown_game_key")
    assert collector.journal.records == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"[{", {}, 400, "not_json"),
        (b'"\xff"', {}, 400, "not_json"),
        (b"{}", {}, 400, "not_a_list"),
        (b"[" * 100_000, {}, 400, "too_deep"),
        (b"[]", {"Content-Encoding": "gzip"}, 400, "bad_compression"),
        (b"[]", {"Content-Encoding": "zstd"}, 400, "unknown_content_coding"),
        (gzip.compress(b" " * 5_000_000), {"Content-Encoding": "gzip"}, 413, "inflated_body_too_large"),
    ],
)
def test_an_unreadable_request_is_answered_with_a_reason_and_kept(
    collector: TestCollector, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = collector.send_events(body, headers)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, reason)
    [(envelope, kept)] = collector.journal.entries(Kind.REJECTED_REQUEST)
    assert envelope.reason == reason
    assert kept == body[: len(kept)]


def test_what_is_kept_of_rejected_requests_is_bounded(collector: TestCollector) -> None:
    for _ in range(100):
        collector.send_events(b"x" * 100_000)
    kept = collector.journal.entries(Kind.REJECTED_REQUEST)
    assert 0 < len(kept) <= 31
    assert max(len(body) for _, body in kept) <= 16_384


def test_a_stranger_does_not_use_up_what_is_kept_of_the_games_own_mistakes(collector: TestCollector) -> None:
    for _ in range(100):
        collector.send_events([USER], {"Authorization": "wrong"})
    collector.send_events(b"[{")
    reasons = [envelope.reason for envelope, _ in collector.journal.entries(Kind.REJECTED_REQUEST)]
    assert reasons[-1] == "not_json"
    assert reasons.count("wrong_signature") <= 31


def test_a_journal_that_cannot_be_written_makes_sdks_keep_their_data(collector: TestCollector) -> None:
    collector.journal.is_ready = False
    answer = collector.send_events([USER])
    assert (answer.status, answer.body) == (503, b"")


@pytest.mark.parametrize("body", [DEVICE, [DEVICE]])
def test_init_takes_an_object_or_a_list_with_one(collector: TestCollector, body: object) -> None:
    sent = json.dumps(body).encode()
    answer = collector.ask("POST", INIT, sent, signed(sent))
    now_s = collector.clock.now // 1_000_000
    assert (answer.status, json.loads(answer.body)) == (200, {"enabled": True, "server_ts": now_s, "flags": []})


def test_remote_configs_are_sent_once_and_then_unchanged(collector: TestCollector) -> None:
    sent = json.dumps({**DEVICE, "user_id": "u", "session_num": 0, "build": None, "random_salt": 0}).encode()
    first = collector.ask("POST", REMOTE, sent, signed(sent))
    assert first.status == 201
    configs_hash = json.loads(first.body)["configs_hash"]
    again = collector.ask("POST", f"{REMOTE}{configs_hash}&config_vsn_supported=3", sent, signed(sent))
    assert again.status == 200
    assert json.loads(again.body)["server_ts"] > 0


def test_a_disabled_game_is_told_so_and_its_events_are_refused(collector: TestCollector) -> None:
    collector.control.disable_game(SANDBOX_GAME_KEY)
    collector.worker.directory.refresh()
    sent = json.dumps(DEVICE).encode()
    assert json.loads(collector.ask("POST", INIT, sent, signed(sent)).body)["enabled"] is False
    assert json.loads(collector.ask("POST", REMOTE, sent, signed(sent)).body)["enabled"] is False
    assert collector.send_events([USER]).status == 401


@pytest.mark.parametrize("target", [EVENTS, INIT, REMOTE])
def test_a_browser_may_ask_first_and_reads_every_answer(collector: TestCollector, target: str) -> None:
    preflight = collector.ask("OPTIONS", target)
    assert preflight.status in (200, 204)
    headers = dict(preflight.headers)
    assert headers["access-control-allow-origin"] == "*"
    assert "Authorization" in headers["access-control-allow-headers"]
    assert dict(collector.ask("POST", target, b"{}").headers)["access-control-allow-origin"] == "*"


def test_another_method_is_refused_by_name(collector: TestCollector) -> None:
    answer = collector.ask("GET", EVENTS)
    assert (answer.status, json.loads(answer.body)["error"]) == (405, "method_not_allowed")


def test_a_new_game_is_found_without_waiting(collector: TestCollector) -> None:
    game = collector.control.create_game("new")
    time.sleep(0.11)  # the directory looks for an unknown key at most ten times a second
    body = json.dumps([USER]).encode()
    headers = {"Authorization": signature(body, game.secret_key)}
    assert collector.ask("POST", f"/v2/{game.game_key}/events", body, headers).status == 200


def test_a_secret_key_that_was_replaced_is_accepted_for_as_long_as_it_is_kept(collector: TestCollector) -> None:
    new = collector.control.rotate_secret(SANDBOX_GAME_KEY, keep_old_s=60).secret_key
    collector.worker.directory.refresh()
    body = json.dumps([USER]).encode()

    def statuses() -> list[int]:
        keys = [{"Authorization": signature(body, new)}, signed(body), {"Authorization": signature(body, "x" * 40)}]
        return [collector.ask("POST", EVENTS, body, headers).status for headers in keys]

    assert statuses() == [200, 200, 401]
    collector.clock.now += 60_000_000
    assert statuses() == [200, 401, 401]


def test_answers_are_counted(collector: TestCollector) -> None:
    collector.send_events([USER, {**USER, "v": 1}])
    counted = collector.worker.counters.snapshot(is_ready=True, pending_bytes=0)
    game_id = collector.sandbox.game.game_id
    assert collector.answered() == {"gameanalytics events 400": 1}
    assert counted.events == {
        f"{game_id} gameanalytics accepted": 1,
        f"{game_id} gameanalytics failed_validation": 1,
    }
