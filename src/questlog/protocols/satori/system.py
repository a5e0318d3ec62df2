"""Events that the server makes itself (satori.md §5.4)."""

import enum
from collections.abc import Mapping, Sequence

import msgspec

from questlog.protocols.satori.timestamps import format_timestamp


class SystemEventName(enum.StrEnum):
    """Reserved names: no client may send them."""

    IDENTITY_CREATE = "_identityCreate"
    SESSION_START = "_sessionStart"
    IDENTIFY = "_identify"


class SystemEvent(msgspec.Struct, frozen=True):
    """Something that happened to an identity. The session's times are UTC microseconds, sent on in whole seconds.

    With an `id` it is stored once, however often it is made. `time_us` is when it happened, where that was not now.
    """

    name: SystemEventName
    identity_id: str
    session_id: str | None = None
    session_issued_at: int | None = None
    session_expires_at: int | None = None
    metadata: Mapping[str, str] = {}
    id: str | None = None
    time_us: int | None = None


class _WireEvent(msgspec.Struct, omit_defaults=True):
    name: str
    timestamp: str
    identity_id: str
    session_id: str | None = None
    session_issued_at: int | None = None
    session_expires_at: int | None = None
    metadata: Mapping[str, str] = {}
    id: str | None = None


def make_system_events(events: Sequence[SystemEvent], time_us: int) -> bytes:
    """The body of a journal record of kind SATORI_SYSTEM_EVENTS: an EventRequest. Events happened at `time_us`."""
    return _encode(
        {
            "events": [
                _WireEvent(
                    name=event.name,
                    timestamp=format_timestamp(time_us if event.time_us is None else event.time_us),
                    identity_id=event.identity_id,
                    session_id=event.session_id,
                    session_issued_at=_seconds(event.session_issued_at),
                    session_expires_at=_seconds(event.session_expires_at),
                    metadata=event.metadata,
                    id=event.id,
                )
                for event in events
            ]
        }
    )


def _seconds(time_us: int | None) -> int | None:
    return None if time_us is None else time_us // 1_000_000


_encode = msgspec.json.Encoder().encode
