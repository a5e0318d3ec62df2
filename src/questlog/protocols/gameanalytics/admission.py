"""What the collector asks of a `/events` request: how many events are right, and what is wrong with the others.

The answer is that of `codec.decode_events`, with less to do before it.
"""

from collections.abc import Sequence

from msgspec import Struct

from questlog.model.reasons import DroppedEvent
from questlog.protocols.gameanalytics.codec import MAX_EVENTS, decode_other_events, must_be_left_unread
from questlog.protocols.gameanalytics.quick import read_plain_events


class Checked(Struct, frozen=True):
    """How many events of a request are stored, and those that are not.

    `lenient` of those that are stored have invalid annotations.
    """

    good: int
    dropped: Sequence[DroppedEvent]
    lenient: int = 0


def check_events(body: bytes, *, is_lenient: bool = False) -> Checked:
    """Judge the events of a `/events` request; `body` is without its content coding.

    Finds what `decode_events` finds, and raises `RequestRejected` as it does.
    """
    good = _count_if_all_are_plain(body)
    if good is not None:
        return Checked(good, ())
    decoded = decode_other_events(body, is_lenient=is_lenient)
    return Checked(len(decoded.events), decoded.dropped, decoded.lenient)


def _count_if_all_are_plain(body: bytes) -> int | None:
    """How many events there are, if nothing is wrong with any; None in doubt.

    A NUL character is as good here as the U+FFFD that `decode_events` puts in its place: no rule tells them apart.
    """
    if must_be_left_unread(body):
        return None
    events = read_plain_events(body)
    return None if events is None or len(events) > MAX_EVENTS else len(events)
