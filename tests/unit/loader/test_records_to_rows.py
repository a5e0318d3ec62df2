"""The loader between the real journal, the real codecs and the real store."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from questlog.journal.reader import FileJournalReader
from questlog.journal.writer import open_writer
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader
from questlog.loader.money import Converter
from questlog.model.record import Envelope, Kind, encode_record
from questlog.rates.rates import Rates
from questlog.store.duckdb.store import DuckDBStore
from tests.support.loading import NOW_US, FakeClock

GAME = 1
NOW_S = NOW_US // 1_000_000
ADA = "ada-lovelace"


def gameanalytics_event(number: int, **fields: object) -> dict[str, object]:
    return {
        "v": 2,
        "event_uuid": f"00000000-0000-4000-8000-{number:012d}",
        "user_id": "grace",
        "client_ts": NOW_S - 5,
        "sdk_version": "rest api v2",
        "os_version": "ios 17.4",
        "manufacturer": "apple",
        "device": "iPhone15,2",
        "platform": "ios",
        "session_id": "11111111-2222-4333-8444-555555555555",
        "session_num": 1,
        "category": "design",
        "event_id": "menu:open",
        **fields,
    }


def gameanalytics_record(*events: dict[str, object], received_at: int = NOW_US) -> bytes:
    body = gzip.compress(json.dumps(events).encode())
    return encode_record(
        Envelope(Kind.GAMEANALYTICS_EVENTS, GAME, received_at, content_coding="gzip", country="SI"), body
    )


def satori_record(kind: Kind, *events: dict[str, object], **envelope: object) -> bytes:
    head = Envelope(kind, GAME, NOW_US, api_key_name="web", **envelope)  # type: ignore[arg-type]
    return encode_record(head, json.dumps({"events": events}).encode())


class World:
    """A journal that records are written to, and the loader behind it."""

    def __init__(self, directory: Path) -> None:
        self.journal_dir = directory / "journal"
        self.store_dir = directory / "store"
        self.journal_dir.mkdir()
        self.clock = FakeClock(NOW_US + 1_000_000)
        self.start()

    def start(self) -> None:
        self.store = DuckDBStore(self.store_dir)
        decoding = Decoding(EVENT_SOURCES, Converter(Rates()), 1_000_000)
        self.loader = Loader(FileJournalReader(self.journal_dir), self.store, decoding, self.clock, BatchLimits())

    def restart(self) -> None:
        self.store.close()
        self.start()

    def write(self, *records: bytes) -> None:
        asyncio.run(self._write(records))

    async def _write(self, records: Sequence[bytes]) -> None:
        writer = open_writer(self.journal_dir, self.clock, segment_bytes=1_000_000, max_pending_bytes=1_000_000)
        for record in records:
            await writer.append(record)
        await writer.close()

    def load(self) -> None:
        self.loader.step()
        assert self.loader.counters.error is None

    def rows(self, statement: str) -> list[dict[str, object]]:
        return list(self.store.query(statement, {}).to_pylist())


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def test_records_of_both_protocols_become_rows(world: World) -> None:
    client = {"player_id": ADA, "session_id": "s1", "session_issued_at": NOW_US - 9_000_000}
    world.write(
        gameanalytics_record(
            gameanalytics_event(1, value=2.5, country_code="NO"),
            gameanalytics_event(
                2, category="business", event_id="pack:gold", amount=499, currency="USD", transaction_num=1
            ),
        ),
        satori_record(
            Kind.SATORI_CLIENT_EVENTS,
            {
                "name": "levelCompleted",
                "value": "3",
                "timestamp": "2025-11-21T18:33:19Z",
                "identity_id": "someone-else",
            },
            **client,
        ),
        satori_record(Kind.SATORI_SERVER_EVENTS, {"name": "enemySpawned", "id": "e1"}),
    )
    world.load()
    rows = world.rows("SELECT * FROM events ORDER BY row_no")
    assert [(row["source"], row["event_id"]) for row in rows] == [
        ("gameanalytics", "menu:open"),
        ("gameanalytics", "pack:gold"),
        ("satori_client", "levelCompleted"),
        ("satori_server", "enemySpawned"),
    ]
    design, purchase, client_event, server_event = rows
    assert (design["value"], design["country"], design["player_id"]) == (2.5, "NO", "grace")
    assert (purchase["amount"], str(purchase["amount_usd"]), purchase["country"]) == (499, "4.990000", "SI")
    assert (client_event["player_id"], client_event["session_id"], client_event["value"]) == (ADA, "s1", 3.0)
    assert (server_event["player_id"], server_event["api_key_name"]) == (None, "web")


def test_events_sent_twice_are_stored_once(world: World) -> None:
    record = gameanalytics_record(gameanalytics_event(1), gameanalytics_event(2))
    world.write(record, record)
    world.load()
    world.restart()
    world.write(record)
    world.load()
    assert world.rows("SELECT count(*) AS events FROM events") == [{"events": 2}]
    hours = "SELECT sum(received) AS received, sum(stored) AS stored, sum(duplicates) AS duplicates FROM ingest_hours"
    assert [{name: int(str(count)) for name, count in row.items()} for row in world.rows(hours)] == [
        {"received": 6, "stored": 2, "duplicates": 4}
    ]


def test_events_without_an_id_are_loaded_once_also_after_a_restart(world: World) -> None:
    nameless = gameanalytics_event(1)
    del nameless["event_uuid"]
    world.write(gameanalytics_record(nameless, nameless))
    world.load()
    world.restart()
    world.load()
    assert world.rows("SELECT count(*) AS events, count(DISTINCT event_uuid) AS ids FROM events") == [
        {"events": 2, "ids": 2}
    ]


def test_bad_events_and_bad_requests_are_kept_with_their_reasons(world: World) -> None:
    rejected = Envelope(
        Kind.REJECTED_REQUEST, GAME, NOW_US, reason="not_json", detail="no JSON", source="gameanalytics"
    )
    world.write(
        gameanalytics_record(gameanalytics_event(1), gameanalytics_event(2, session_num="one")),
        encode_record(rejected, b"\xff{"),
        encode_record(Envelope(Kind.GAMEANALYTICS_EVENTS, GAME, NOW_US, content_coding="gzip"), b"no gzip"),
    )
    world.load()
    rows = world.rows("SELECT * FROM rejected_events ORDER BY rejected_no")
    assert [(row["reason"], row["is_whole_request"], row["source"]) for row in rows] == [
        ("failed_validation", False, "gameanalytics"),
        ("not_json", True, "gameanalytics"),
        ("bad_compression", True, "gameanalytics"),
    ]
    assert rows[0]["player_id"] == "grace"
    assert json.loads(str(rows[0]["errors"])) == [{"error_type": "wrong_type", "path": "/session_num"}]
    assert world.rows("SELECT count(*) AS events FROM events") == [{"events": 1}]


def test_damage_in_the_journal_costs_only_what_was_damaged(world: World) -> None:
    records = [gameanalytics_record(gameanalytics_event(number)) for number in range(1, 4)]
    world.write(*records)
    [segment] = [path for path in world.journal_dir.rglob("*") if path.is_file() and records[1] in path.read_bytes()]
    damaged = segment.read_bytes()
    place = damaged.index(records[1]) + len(records[1]) // 2
    segment.write_bytes(damaged[:place] + bytes([damaged[place] ^ 0xFF]) + damaged[place + 1 :])
    world.load()
    uuids = world.rows("SELECT event_uuid::VARCHAR AS uuid FROM events ORDER BY row_no")
    assert [str(row["uuid"])[-1] for row in uuids] == ["1", "3"]
    assert world.rows("SELECT reason, game_id FROM rejected_events") == [{"reason": "corrupt_record", "game_id": 0}]


def test_the_counters_agree_with_the_store(world: World) -> None:
    record = gameanalytics_record(gameanalytics_event(1), gameanalytics_event(2, session_num="one"))
    world.write(record, record)
    world.load()
    counts = world.loader.counters.events[GAME, "gameanalytics"]
    assert (counts.received, counts.stored, counts.duplicates, counts.rejected) == (4, 1, 1, 2)
    assert world.loader.counters.lag_bytes == 0


def test_an_erased_player_is_gone_and_what_comes_later_stays(world: World) -> None:
    erasure = Envelope(Kind.PLAYER_ERASURE, GAME, NOW_US, player_id="grace")
    world.write(
        gameanalytics_record(gameanalytics_event(1), gameanalytics_event(2, session_num="one")),
        satori_record(Kind.SATORI_SERVER_EVENTS, {"name": "enemySpawned", "identity_id": ADA}),
        encode_record(erasure, b""),
        gameanalytics_record(gameanalytics_event(3), received_at=NOW_US + 1),
    )
    world.load()
    rows = world.rows("SELECT player_id, event_uuid::VARCHAR AS uuid FROM events ORDER BY row_no")
    assert [(row["player_id"], str(row["uuid"])[-1]) for row in rows if row["player_id"] != ADA] == [("grace", "3")]
    assert [row["player_id"] for row in rows] == [ADA, "grace"]
    assert world.rows("SELECT * FROM rejected_events WHERE player_id IS NOT NULL") == []
