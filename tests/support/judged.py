"""The collector's judgement of a GameAnalytics request held against the loader's."""

from questlog.model.reasons import DroppedEvent, Reason, RequestRejected
from questlog.protocols.gameanalytics.codec import check_events, decode_events

Judgement = tuple[int, list[DroppedEvent]] | tuple[Reason, str]


def assert_the_collector_agrees(sent: bytes, *, is_lenient: bool = False) -> None:
    """`check_events` counts, drops and rejects as `decode_events` does."""
    assert _collectors(sent, is_lenient) == _loaders(sent, is_lenient), sent[:2000]


def _collectors(sent: bytes, is_lenient: bool) -> Judgement:
    try:
        checked = check_events(sent, is_lenient=is_lenient)
    except RequestRejected as rejected:
        return rejected.reason, rejected.detail
    return checked.good, list(checked.dropped)


def _loaders(sent: bytes, is_lenient: bool) -> Judgement:
    try:
        decoded = decode_events(sent, is_lenient=is_lenient)
    except RequestRejected as rejected:
        return rejected.reason, rejected.detail
    return len(decoded.events), decoded.dropped
