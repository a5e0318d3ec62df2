import json

import pytest

from questlog.model.exchange import Reply
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics import replies
from questlog.protocols.gameanalytics.codec import decode_events
from tests.support.gameanalytics import body, event

WHOLE_REQUEST_REASONS_OF_OTHERS = {
    Reason.UNKNOWN_API_KEY,
    Reason.BAD_TOKEN,
    Reason.BAD_FIELD,
    Reason.BAD_IDENTITY_ID,
    Reason.NOT_FOUND,
    Reason.CORRUPT_RECORD,
}


def allows_any_origin(reply: Reply) -> bool:
    return dict(reply.headers)["access-control-allow-origin"] == "*"


def test_init_is_200_because_clients_take_anything_else_for_a_failure() -> None:
    reply = replies.init(1_795_288_470)
    assert (reply.status, reply.body) == (200, b'{"enabled":true,"server_ts":1795288470,"flags":[]}')
    assert dict(reply.headers)["content-type"] == "application/json"
    assert allows_any_origin(reply)


@pytest.mark.parametrize("sent_hash", ["", "c0ffee00c0ffee00"])
def test_a_client_without_our_configs_gets_201_and_all_of_them(sent_hash: str) -> None:
    reply = replies.remote_configs_init(1_795_288_470, sent_hash)
    assert reply.status == 201
    assert json.loads(reply.body) == {
        "enabled": True,
        "server_ts": 1_795_288_470,
        "configs": [],
        "configs_hash": replies.NO_CONFIGS_HASH,
        "ab_id": "",
        "ab_variant_id": "",
    }


def test_a_client_that_has_our_configs_gets_200() -> None:
    reply = replies.remote_configs_init(1_795_288_470, replies.NO_CONFIGS_HASH)
    assert (reply.status, json.loads(reply.body)) == (200, {"enabled": True, "server_ts": 1_795_288_470})


def test_a_disabled_game_says_so() -> None:
    assert json.loads(replies.init(1, is_enabled=False).body)["enabled"] is False
    assert json.loads(replies.remote_configs_init(1, "", is_enabled=False).body)["enabled"] is False


def test_success_has_a_body_because_sdks_send_again_without_one() -> None:
    reply = replies.events([])
    assert (reply.status, reply.body) == (200, b"[]")
    assert allows_any_origin(reply)


def test_dropped_events_come_back_as_sent_with_what_is_wrong() -> None:
    """The production server's answer, as recorded in an issue of the Roblox SDK (spec §1.5)."""
    wrong = event("user", session_id=5)
    reply = replies.events(decode_events(body(event("user"), wrong)).dropped)
    assert reply.status == 400
    assert json.loads(reply.body) == [
        {"event": wrong, "errors": [{"error_type": "wrong_type", "path": "/session_id"}]},
    ]


def test_an_event_that_is_no_object_comes_back_too() -> None:
    reply = replies.events(decode_events(b'[ 7 , "x",{}]').dropped)
    answered = json.loads(reply.body)
    assert [failure["event"] for failure in answered] == [7, "x", {}]
    assert answered[0]["errors"] == [{"error_type": "wrong_type", "path": ""}]


def test_an_answer_does_not_repeat_megabytes() -> None:
    """16 KB of gzip can hold 16 MB of bad events."""
    large = event("user", session_id=5, build="x" * 100_000, custom_01=7)
    reply = replies.events(decode_events(body(*[large] * 100)).dropped)
    answered = json.loads(reply.body)
    assert len(reply.body) < 1_200_000
    assert len(answered) == 100
    assert answered[9]["event"] == large
    assert answered[99]["event"] == {}
    assert [len(failure["errors"]) for failure in (answered[9], answered[99])] == [len(answered[9]["errors"]), 1]
    assert all(failure["errors"] for failure in answered)


def test_every_reason_of_a_whole_request_has_an_answer() -> None:
    of_whole_requests = {reason for reason in Reason if reason.value.islower()}
    of_events = {Reason.FAILED_VALIDATION, Reason.PLAYER_ERASED, Reason.EXPIRED}
    assert set(replies.ANSWERS) >= of_whole_requests - of_events - WHOLE_REQUEST_REASONS_OF_OTHERS


@pytest.mark.parametrize("reason", replies.ANSWERS)
def test_a_client_deletes_what_was_refused_and_keeps_what_we_could_not_take(reason: Reason) -> None:
    reply = replies.rejected(RequestRejected(reason, "why"))
    if reply.status >= 500 or reason in (Reason.BODY_TIMEOUT, Reason.BODY_INCOMPLETE):
        assert reply.body == b""
    else:
        assert json.loads(reply.body) == {"error": reason.value, "detail": "why"}
    assert allows_any_origin(reply)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.WRONG_SIGNATURE, 401),
        (Reason.UNKNOWN_GAME_KEY, 401),
        (Reason.BODY_TOO_LARGE, 413),
        (Reason.INFLATED_BODY_TOO_LARGE, 413),
        (Reason.NOT_JSON, 400),
        (Reason.NOT_A_LIST, 400),
        (Reason.OVERLOADED, 503),
    ],
)
def test_statuses_are_the_documented_ones(reason: Reason, status: int) -> None:
    assert replies.rejected(RequestRejected(reason, "")).status == status


def test_a_preflight_allows_what_browsers_ask_for() -> None:
    headers = dict(replies.PREFLIGHT.headers)
    assert (replies.PREFLIGHT.status, replies.PREFLIGHT.body) == (204, b"")
    assert "POST" in headers["access-control-allow-methods"]
    allowed = headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "content-encoding"))
