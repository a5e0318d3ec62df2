import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics.init import InitRequest, parse_init
from tests.support.gameanalytics import recordings


def test_the_recorded_requests_are_read() -> None:
    found = {recording.name: parse_init(recording.plain_body) for recording in recordings() if "init" in recording.kind}
    assert found["goldfire-node-sdk-1.1.4/001_init.json"] == InitRequest(
        platform="windows", os_version="windows 10", sdk_version="rest api v2"
    )
    assert found["js-npm-4.4.7-chromium/012_remote_configs_init.json"] == InitRequest(
        user_id="a35278d1-0d6b-4d0f-bf19-8dfde20af8db",
        platform="linux",
        os_version="linux 0.0.0",
        sdk_version="javascript 4.4.6",
        build="web 1.2.3",
        session_num=1,
    )
    assert len(found) == 4


def test_wrong_types_are_as_if_absent() -> None:
    sent: dict[str, object] = {
        "user_id": 5,
        "platform": None,
        "build": [],
        "session_num": True,
        "sdk_version": "x",
        "more": {"a": 1},
    }
    assert parse_init(json.dumps(sent).encode()) == InitRequest(sdk_version="x")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b'{"a":"\xff"}', Reason.NOT_JSON),
        (b'{"a":1e999}', Reason.NOT_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"[{},{}]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b"[" * 100_000, Reason.TOO_DEEP),
    ],
)
def test_what_is_no_object_is_named(body: bytes, reason: Reason) -> None:
    with pytest.raises(RequestRejected) as rejected:
        parse_init(body)
    assert rejected.value.reason is reason


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_a_rejection(body: bytes) -> None:
    with contextlib.suppress(RequestRejected):
        assert isinstance(parse_init(body), InitRequest)
