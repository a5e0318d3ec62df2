import json

import pytest

from questlog.model.exchange import Reply
from questlog.model.reasons import DroppedEvent, Reason, RequestRejected
from questlog.protocols.satori import replies
from questlog.protocols.satori.properties import Properties

# Of satori.md §1.1: the vendor's gateway maps gRPC codes to these statuses; 413 and 415 are plain HTTP's.
STATUSES_OF_GRPC = {3: {400, 413, 415}, 4: {408}, 5: {404}, 7: {403}, 12: {501}, 13: {500}, 14: {503}, 16: {401}}


def body_of(reply: Reply) -> object:
    return json.loads(reply.body)


def test_every_reason_has_a_status() -> None:
    assert set(replies.STATUS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_rejection_is_an_error_object(reason: Reason) -> None:
    reply = replies.rejected(RequestRejected(reason, ""))
    error = json.loads(reply.body)
    assert list(error) == ["code", "message", "details"]
    assert error["message"]
    assert error["details"] == []
    assert reply.status in STATUSES_OF_GRPC[error["code"]]


def test_a_rejections_detail_is_its_message() -> None:
    reply = replies.rejected(RequestRejected(Reason.BAD_TOKEN, "Refresh token invalid or expired"))
    assert (reply.status, body_of(reply)) == (
        401,
        {"code": 16, "message": "Refresh token invalid or expired", "details": []},
    )


@pytest.mark.parametrize("reason", [Reason.OVERLOADED, Reason.JOURNAL_UNAVAILABLE])
def test_who_may_come_again_is_told_when_in_whole_seconds(reason: Reason) -> None:
    headers = dict(replies.rejected(RequestRejected(reason, "")).headers)
    assert int(headers["retry-after"]) >= 1


def test_a_session_has_tokens_and_properties() -> None:
    reply = replies.session(Properties({"email": "a@b.com"}, {"sessionStartCount": "1"}, {"guild": "x"}), "t", "r")
    assert (reply.status, body_of(reply)) == (
        200,
        {
            "token": "t",
            "refresh_token": "r",
            "properties": {
                "default": {"email": "a@b.com"},
                "computed": {"sessionStartCount": "1"},
                "custom": {"guild": "x"},
            },
        },
    )


def test_without_a_session_there_are_no_tokens_but_always_properties() -> None:
    assert body_of(replies.session(Properties())) == {"properties": {"default": {}, "computed": {}, "custom": {}}}


def test_properties_are_three_maps() -> None:
    assert body_of(replies.listed_properties(Properties())) == {"default": {}, "computed": {}, "custom": {}}


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (replies.EMPTY, {}),
        (replies.NO_FLAGS, {"flags": []}),
        (replies.NO_FLAG_OVERRIDES, {"flags": []}),
        (replies.NO_EXPERIMENTS, {"experiments": []}),
        (replies.NO_LIVE_EVENTS, {"live_events": [], "explicit_join_live_events": []}),
        (replies.NO_MESSAGES, {"messages": []}),
    ],
)
def test_what_there_is_none_of_is_an_empty_list(reply: Reply, body: object) -> None:
    assert (reply.status, body_of(reply)) == (200, body)


def test_unknown_items_are_not_found() -> None:
    for reply in (replies.MESSAGE_NOT_FOUND, replies.LIVE_EVENT_NOT_FOUND):
        assert (reply.status, json.loads(reply.body)["code"]) == (404, 5)


def test_a_batch_with_invalid_events_names_them() -> None:
    dropped = [DroppedEvent(3, b"{}", Reason.INVALID_NAME, "Event name invalid: it is missing")]
    reply = replies.invalid_events(dropped)
    assert (reply.status, body_of(reply)) == (
        400,
        {
            "code": 3,
            "message": "Event batch contained invalid events",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [
                        {"field": "events[3]", "description": "INVALID_NAME: Event name invalid: it is missing"}
                    ],
                }
            ],
        },
    )


def test_a_batch_of_nothing_but_invalid_events_has_a_bounded_answer() -> None:
    dropped = [DroppedEvent(index, b"{}", Reason.INVALID_ID, "x" * 100) for index in range(10_000)]
    assert len(replies.invalid_events(dropped).body) < 10_000


def test_browsers_may_call_from_anywhere() -> None:
    for reply in (
        replies.EMPTY,
        replies.FAULT,
        replies.PREFLIGHT,
        replies.rejected(RequestRejected(Reason.NOT_JSON, "")),
    ):
        assert dict(reply.headers)["access-control-allow-origin"] == "*"
    preflight = dict(replies.PREFLIGHT.headers)
    assert preflight["access-control-allow-methods"] == "GET, HEAD, POST, PUT, DELETE"
    assert {"Authorization", "Content-Type"} <= set(preflight["access-control-allow-headers"].split(", "))


def test_nothing_is_cached() -> None:
    assert "no-store" in dict(replies.EMPTY.headers)["cache-control"]
    assert dict(replies.EMPTY.headers)["content-type"] == "application/json"
