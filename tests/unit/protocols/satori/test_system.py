from questlog.model.event import Source
from questlog.protocols.satori.codec import decode_events, to_columns
from questlog.protocols.satori.system import SystemEvent, SystemEventName, make_system_events

IDENTITY = "b70f78da-c784-4f5f-ab12-2c4c12ed2c95"
SESSION = "f998b3a2-e42b-4368-be42-fdc5671ee8ba"
NOW_US = 1_795_288_190_123_456


def test_what_is_made_is_decoded_as_it_was() -> None:
    body = make_system_events(
        [
            SystemEvent(SystemEventName.IDENTITY_CREATE, IDENTITY, id="made-once"),
            SystemEvent(
                SystemEventName.SESSION_START,
                IDENTITY,
                session_id=SESSION,
                session_issued_at=1_795_288_190_000_000,
                session_expires_at=1_795_291_790_999_999,
            ),
            SystemEvent(SystemEventName.IDENTIFY, IDENTITY, SESSION, metadata={"previousIdentityId": "guest-0001"}),
        ],
        NOW_US,
    )
    decoded = decode_events(body, source=Source.SATORI_SYSTEM)
    columns = to_columns(decoded.events)
    assert not decoded.dropped
    assert columns["event_id"] == ["_identityCreate", "_sessionStart", "_identify"]
    assert columns["client_time"] == [NOW_US] * 3
    assert columns["player_id"] == [IDENTITY] * 3
    assert columns["session_id"] == [None, SESSION, SESSION]
    assert columns["session_issued_at"] == [None, 1_795_288_190_000_000, None]
    assert columns["session_expires_at"] == [None, 1_795_291_790_000_000, None]
    assert columns["attributes"] == [None, None, '{"previousIdentityId":"guest-0001"}']
    assert columns["client_event_id"] == ["made-once", None, None]


def test_no_client_can_send_them() -> None:
    body = make_system_events([SystemEvent(SystemEventName.SESSION_START, IDENTITY)], NOW_US)
    for source in (Source.SATORI_CLIENT, Source.SATORI_SERVER):
        assert not decode_events(body, source=source).events
