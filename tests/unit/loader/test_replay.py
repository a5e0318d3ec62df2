"""Rejected events replayed between the real journal, the real codecs and the real store."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from questlog.loader.replay import GameRules, ReplayQuestion, ReplayState, ReplayStatus
from questlog.model.record import Kind, decode_record, encode_record
from questlog.store.contract import Batch, BatchRefused, LoadResult, RejectedFilter
from tests.unit.loader.test_records_to_rows import (
    ADA,
    World,
    gameanalytics_event,
    gameanalytics_record,
    satori_record,
)

LENIENT = GameRules(is_lenient=True)
OF_GAME = RejectedFilter(game_id=1)
TOKEN = {"player_id": ADA, "session_id": "s1", "session_issued_at": 5_000_000, "session_expires_at": 9_000_000}


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def replay(
    world: World, rules: GameRules = LENIENT, which: RejectedFilter = OF_GAME, *, is_dry_run: bool = False
) -> ReplayStatus:
    assert world.loader.replay.request(ReplayQuestion(which=which, rules=rules, is_dry_run=is_dry_run))
    assert not world.loader.replay.request(ReplayQuestion(which=which))
    world.load()
    return world.loader.replay.status


def hours(world: World) -> tuple[object, ...]:
    counts = "sum(received)::BIGINT AS a, sum(stored)::BIGINT AS b, sum(rejected)::BIGINT AS c"
    [row] = world.rows(f"SELECT {counts}, sum(duplicates)::BIGINT AS d FROM ingest_hours")  # noqa: S608 - no values
    return tuple(row.values())


def test_events_are_stored_as_if_they_had_been_taken_at_once(world: World, tmp_path: Path) -> None:
    records = [
        gameanalytics_record(
            gameanalytics_event(1), gameanalytics_event(2, build=7), gameanalytics_event(3, build=8, event_uuid=None)
        ),
        satori_record(Kind.SATORI_CLIENT_EVENTS, {"name": "boss", "timestamp": "nonsense"}, **TOKEN),
        satori_record(Kind.SATORI_SERVER_EVENTS, {"name": "boss", "identity_id": ADA, "timestamp": "nonsense"}),
    ]
    world.write(*records)
    world.load()
    assert hours(world) == (5, 1, 4, 0)
    status = replay(world)
    assert status == ReplayStatus(ReplayState.DONE, 1, tried=4, stored=4)
    assert hours(world) == (5, 5, 0, 0)
    assert world.rows("SELECT * FROM rejected_events") == []
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    other.write(*[_lenient(record) for record in records])
    other.load()
    rows = (
        "SELECT * EXCLUDE (row_no, batch_no, player_no, session_no, event_no) FROM events"
        " ORDER BY record_offset, record_index"
    )
    assert world.rows(rows) == other.rows(rows)
    assert world.rows("FROM ingest_hours ORDER BY ALL") != []
    other.store.close()


def _lenient(record: bytes) -> bytes:
    envelope, body = decode_record(record)
    return encode_record(msgspec.structs.replace(envelope, is_lenient=True), body)


def test_each_event_is_replayed_once(world: World) -> None:
    bad = gameanalytics_event(1, build=7, event_uuid=None)
    record = gameanalytics_record(gameanalytics_event(2), bad)
    world.write(record, record)
    world.load()
    assert hours(world) == (4, 1, 2, 1)
    status = replay(world)
    assert (status.tried, status.stored, status.duplicates) == (2, 1, 1)
    assert hours(world) == (4, 2, 0, 2)
    assert replay(world).tried == 0
    world.write(record)
    world.load()
    assert len(world.rows("SELECT 1 FROM events")) == 2


def test_what_is_wrong_still_stays_as_it_was(world: World) -> None:
    world.write(gameanalytics_record(gameanalytics_event(1, user_id=7), gameanalytics_event(2, build=7)))
    world.load()
    before = world.rows("FROM rejected_events ORDER BY rejected_no")
    status = replay(world)
    assert (status.tried, status.stored, status.rejected) == (2, 1, 1)
    assert status.reasons == {"failed_validation": 1}
    assert world.rows("FROM rejected_events") == before[:1]


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(world: World) -> None:
    world.write(gameanalytics_record(gameanalytics_event(1, user_id=7), gameanalytics_event(2, build=7)))
    world.load()
    status = replay(world, is_dry_run=True)
    assert (status.is_dry_run, status.tried, status.stored, status.rejected) == (True, 2, 1, 1)
    assert hours(world) == (2, 0, 2, 0)


def test_a_strict_games_names_count_as_they_are_now(world: World) -> None:
    refused = {"refused": (0, 1)}
    world.write(satori_record(Kind.SATORI_CLIENT_EVENTS, {"name": "boss"}, {"name": "other"}, **TOKEN, **refused))
    world.load()
    status = replay(world, GameRules(event_names=frozenset({"boss"})))
    assert (status.stored, status.reasons) == (1, {"INVALID_NAME": 1})
    assert replay(world, GameRules()).stored == 1


def test_only_what_is_asked_for_is_replayed(world: World) -> None:
    world.write(
        gameanalytics_record(gameanalytics_event(1, build=7), gameanalytics_event(2, custom_01=7, build="1.0")),
        satori_record(Kind.SATORI_CLIENT_EVENTS, {"name": "boss", "timestamp": "nonsense"}, **TOKEN),
    )
    world.load()
    error = '{"error_type":"wrong_type","path":"/build"}'
    for which in (
        RejectedFilter(game_id=2),
        RejectedFilter(game_id=1, source="satori_server"),
        RejectedFilter(game_id=1, build="2.0"),
        RejectedFilter(game_id=1, since=world.clock.now_us() + 1),
    ):
        assert replay(world, which=which).tried == 0
    for which in (
        RejectedFilter(game_id=1, error=error),
        RejectedFilter(game_id=1, reason="INVALID_TIMESTAMP", build=""),
        RejectedFilter(game_id=1, build="1.0", sdk_version="rest api v2"),
    ):
        assert replay(world, which=which).stored == 1


def test_an_erased_players_events_stay_away(world: World) -> None:
    world.write(satori_record(Kind.SATORI_CLIENT_EVENTS, {"name": "boss", "timestamp": "nonsense"}, **TOKEN))
    world.load()
    world.write(satori_record(Kind.PLAYER_ERASURE, player_id=ADA))
    world.load()
    assert replay(world).tried == 0


def test_values_that_cannot_be_stored_keep_no_other_event_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [gameanalytics_record(gameanalytics_event(number, build=number)) for number in range(3)]
    world.write(*records)
    world.load()
    load = world.store.load

    def refuse(batch: Batch, now_us: int) -> LoadResult:
        if any('"build":1' in (text or "") for text in batch.events["attributes"].to_pylist()):
            raise BatchRefused("no")
        return load(batch, now_us)

    monkeypatch.setattr(world.store, "load", refuse)
    status = replay(world)
    assert (status.tried, status.stored, status.unstorable) == (3, 2, 1)
    assert hours(world) == (3, 2, 1, 0)


def test_one_that_is_cancelled_ends(world: World) -> None:
    world.write(gameanalytics_record(gameanalytics_event(1, build=7)))
    world.load()
    assert not world.loader.replay.cancel()
    world.loader.replay.request(ReplayQuestion(which=OF_GAME, rules=LENIENT))
    assert world.loader.replay.cancel()
    world.load()
    assert world.loader.replay.status.state is ReplayState.CANCELLED
    assert hours(world) == (1, 0, 1, 0)
