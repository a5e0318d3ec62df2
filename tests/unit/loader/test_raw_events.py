"""What was sent of an event, found in the journal."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from questlog.journal.reader import FileJournalReader
from questlog.loader.raw_events import RawEvents
from questlog.model.record import Kind, Position
from tests.unit.loader.test_records_to_rows import ADA, World, gameanalytics_event, gameanalytics_record, satori_record


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def test_every_event_is_found_at_its_place(world: World) -> None:
    sent = [gameanalytics_event(number, event_id=f"a:{number}") for number in range(3)]
    named: dict[str, object] = {"name": "boss", "value": "1"}
    world.write(
        gameanalytics_record(*sent[:2]),
        satori_record(Kind.SATORI_CLIENT_EVENTS, named, player_id=ADA),
        gameanalytics_record(sent[2]),
    )
    world.load()
    raw = RawEvents(lambda: FileJournalReader(world.journal_dir))
    places = world.rows("SELECT writer, segment, record_offset, record_index, event_id FROM events ORDER BY row_no")
    found = []
    for place in places:
        start = Position(*(place[name] for name in ("writer", "segment", "record_offset")))  # type: ignore[arg-type]
        text = raw.find(start, place["record_index"])  # type: ignore[arg-type]
        assert text is not None
        found.append(msgspec.json.decode(text))
    assert found == [*sent[:2], named, sent[2]]
    start = Position(places[0]["writer"], places[0]["segment"], places[0]["record_offset"])  # type: ignore[arg-type]
    assert raw.find(start, 7) is None
    assert raw.find(Position(start.writer, start.segment, start.offset + 1), 0) is None
    assert raw.find(Position(start.writer, start.segment + 9, 0), 0) is None
    assert raw.find(Position(start.writer + 5, 1, 0), 0) is None
