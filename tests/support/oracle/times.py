"""When events happened (metrics.md §1)."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from tests.support.generated_histories import EARLIEST, Event
from tests.support.staged import MINUTE

_MOST_AHEAD = 10 * MINUTE


def event_times(events: Sequence[Event]) -> list[int]:
    """The time of each event, in the order of the events.

    Those of a request and a player that are more than ten minutes ahead of the receipt are moved back together, until
    the latest of them is at the receipt. Events of no player are moved like those of a player. What is moved to before
    the earliest time happened at the receipt.
    """
    ahead: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        if event.client_time is not None and event.client_time > event.received_at + _MOST_AHEAD:
            ahead[_sent_with(event, place)].append(event.client_time)
    times = []
    for place, event in enumerate(events):
        client = floored(event.client_time)
        if client is None:
            times.append(event.received_at)
        elif client > event.received_at + _MOST_AHEAD:
            moved = client - (max(ahead[_sent_with(event, place)]) - event.received_at)
            times.append(event.received_at if floored(moved) is None else moved)
        else:
            times.append(client)
    return times


def floored(time: int | None) -> int | None:
    """A client's time; None where it is so early that the client did not know it."""
    return None if time is None or time < EARLIEST else time


def _sent_with(event: Event, place: int) -> Hashable:
    """The request and the player; an event without a request came by itself."""
    return (("alone", place) if event.request is None else ("request", event.request), event.player_id)
