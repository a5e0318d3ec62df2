"""Which codec a kind of record is decoded with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from questlog.model.event import Columns, Source
from questlog.model.reasons import DroppedEvent
from questlog.model.record import Envelope, Kind


class Decoded(Protocol):
    """What a codec makes of one request's body."""

    @property
    def events(self) -> Sequence[Any]:
        """The events to store, in the codec's own type."""
        ...

    @property
    def indexes(self) -> Sequence[int]:
        """The place of each of them in the request, from 0."""
        ...

    @property
    def dropped(self) -> Sequence[DroppedEvent]:
        """The events that are not stored."""
        ...

    @property
    def lenient(self) -> int:
        """How many of the events to store have annotations that drop an event where the game is not lenient."""
        ...


def _as_list(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


def _none_undeclared(_decoded: Decoded, _declared: frozenset[str]) -> Sequence[int]:
    return ()


class EventSource(NamedTuple):
    """How the events of one kind of record are read.

    `decode_events` takes an inflated body and its envelope, which says by which rules the collector took it, and raises
    `RequestRejected`. With `is_player_from_token` the envelope says whose the events are, whatever the body
    says (satori.md §4.2). `wrap` makes the body of a request from the JSON of its events; `undeclared` finds the places
    of decoded events whose names a strict game does not declare.
    """

    source: Source
    decode_events: Callable[[bytes, Envelope], Decoded]
    to_columns: Callable[[Sequence[Any]], Columns]
    is_player_from_token: bool = False
    wrap: Callable[[Sequence[bytes]], bytes] = _as_list
    undeclared: Callable[[Any, frozenset[str]], Sequence[int]] = _none_undeclared


EventSources = Mapping[int, EventSource]
"""By `Kind`."""

SOURCE_OF_KIND: Mapping[int, Source] = {
    Kind.GAMEANALYTICS_EVENTS: Source.GAMEANALYTICS,
    Kind.SATORI_CLIENT_EVENTS: Source.SATORI_CLIENT,
    Kind.SATORI_SERVER_EVENTS: Source.SATORI_SERVER,
    Kind.SATORI_SYSTEM_EVENTS: Source.SATORI_SYSTEM,
    Kind.PLAYER_PROPERTIES: Source.SATORI_SYSTEM,
    Kind.PLAYER_ERASURE: Source.SATORI_SYSTEM,
}
