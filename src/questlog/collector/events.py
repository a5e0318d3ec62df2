"""The events of one request, of either protocol: made durable, then counted."""

from collections.abc import Sequence

from questlog.collector.worker import Worker
from questlog.model.event import Source
from questlog.model.reasons import DroppedEvent
from questlog.model.record import Envelope, encode_record


async def journal_events(
    worker: Worker,
    source: Source,
    envelope: Envelope,
    body: bytes,
    accepted: int,
    lenient: int,
    dropped: Sequence[DroppedEvent],
) -> None:
    """Return once the request's bytes are on stable storage. `lenient` of the accepted events have invalid fields."""
    await worker.journal.append(encode_record(envelope, body))
    counters = worker.counters
    if accepted:
        counters.count_accepted(envelope.game_id, source, accepted, lenient)
    for each in dropped:
        counters.count_events(envelope.game_id, source, each.reason, 1)
