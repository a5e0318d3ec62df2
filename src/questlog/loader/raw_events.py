"""What was sent of one stored event, read back from the journal while its segment is kept."""

from collections.abc import Callable

import msgspec

from questlog.journal.reader import FileJournalReader
from questlog.model.reasons import RequestRejected
from questlog.model.record import Position, decode_record
from questlog.protocols.inflate import inflate

_MAX_INFLATED_BYTES = 1 << 30
_list = msgspec.json.Decoder(list[msgspec.Raw])


class _Request(msgspec.Struct):
    events: list[msgspec.Raw] | None = None


_request = msgspec.json.Decoder(_Request)


class RawEvents:
    """Finds raw events. Safe in any thread: each time the journal is opened anew."""

    def __init__(self, open_journal: Callable[[], FileJournalReader]) -> None:
        self._open_journal = open_journal

    def find(self, start: Position, index: int) -> str | None:
        """The JSON of the event at this place of the record that starts there; None where it is not there any more."""
        reader = self._open_journal()
        try:
            entries = reader.read({**reader.ends(), start.writer: start}, 1)
            record = next((entry.record for entry in entries if entry.start == start), None)
            return None if record is None else _event(record, index)
        except (OSError, ValueError, LookupError, RequestRejected):
            return None
        finally:
            reader.close()


def _event(record: bytes, index: int) -> str:
    """Raises `ValueError`, `LookupError` or `RequestRejected` where there is none."""
    envelope, body = decode_record(record)
    plain = inflate(body, envelope.content_coding, _MAX_INFLATED_BYTES)
    events = _list.decode(plain) if plain.lstrip().startswith(b"[") else _request.decode(plain).events or []
    return bytes(events[index]).decode(errors="replace")
