"""The codecs of the records that hold events."""

from collections.abc import Sequence
from functools import partial

from questlog.loader.sources import Decoded, EventSource, EventSources
from questlog.model.event import Source
from questlog.model.record import Envelope, Kind
from questlog.protocols.gameanalytics import codec as gameanalytics
from questlog.protocols.satori import codec as satori


def _decode_gameanalytics(body: bytes, envelope: Envelope) -> Decoded:
    """GameAnalytics knows no undeclared names: nothing is refused but by the body itself."""
    return gameanalytics.decode_events(body, is_lenient=envelope.is_lenient)


def _decode_satori(source: Source, body: bytes, envelope: Envelope) -> Decoded:
    return satori.decode_events(body, source=source, refused=envelope.refused, is_lenient=envelope.is_lenient)


def _satori(source: Source) -> EventSource:
    is_player_from_token = source is Source.SATORI_CLIENT
    return EventSource(
        source,
        partial(_decode_satori, source),
        satori.to_columns,
        is_player_from_token,
        _satori_body,
        satori.undeclared,
    )


def _satori_body(events: Sequence[bytes]) -> bytes:
    return b'{"events":[' + b",".join(events) + b"]}"


EVENT_SOURCES: EventSources = {
    Kind.GAMEANALYTICS_EVENTS: EventSource(Source.GAMEANALYTICS, _decode_gameanalytics, gameanalytics.to_columns),
    Kind.SATORI_CLIENT_EVENTS: _satori(Source.SATORI_CLIENT),
    Kind.SATORI_SERVER_EVENTS: _satori(Source.SATORI_SERVER),
    Kind.SATORI_SYSTEM_EVENTS: _satori(Source.SATORI_SYSTEM),
}
