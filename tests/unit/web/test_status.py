import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from questlog.collector.counters import CollectorCounters
from questlog.loader.counters import LoaderCounters
from questlog.store.contract import StoreFailed
from questlog.web.status import Status, StatusReader
from tests.support.console import FakeConsole

NOW = datetime(2026, 1, 1, 12, 20)  # noqa: DTZ001 - as the engine has it: UTC without saying so
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


@pytest.fixture
def console_at_noon(console: FakeConsole) -> FakeConsole:
    console.clock.us = (NOW - _EPOCH) // timedelta(microseconds=1)
    return console


def read(console: FakeConsole) -> Status:
    return StatusReader(console.services).read()


def stored(console: FakeConsole, game_id: int, seconds_ago: float) -> None:
    received_at = NOW - timedelta(seconds=seconds_ago)
    console.tables.insert("events", game_id=game_id, received_at=received_at)
    hour = received_at.replace(minute=0, second=0)
    console.tables.insert("ingest_hours", game_id=game_id, hour=hour, stored=1, rejected=0, duplicates=0)


def test_without_games_there_is_nothing_to_say(console_at_noon: FakeConsole) -> None:
    status = read(console_at_noon)
    assert (status.games, status.rejections, status.problems) == ([], [], [])
    assert (status.events_per_s, status.last_event_at, status.load_delay_s) == (0, None, None)
    assert not status.has_events


def test_events_per_second_are_those_of_the_last_minute(console_at_noon: FakeConsole) -> None:
    console_at_noon.control.create_game("a")
    console_at_noon.control.create_game("b")
    for seconds_ago in (1, 30, 59.9, 61, 4000):
        stored(console_at_noon, 1, seconds_ago)
    stored(console_at_noon, 2, 5)
    status = read(console_at_noon)
    assert [game.events_per_s for game in status.games] == [3 / 60, 1 / 60]
    assert status.events_per_s == pytest.approx(4 / 60)


def test_hours_of_long_ago_are_read_once_and_not_with_every_look(
    console_at_noon: FakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    query = console_at_noon.tables.query

    def noting(statement: str, parameters: Mapping[str, object]) -> pa.Table:
        if "max(hour)" in statement:
            asked.append(parameters.get("since"))
        return query(statement, parameters)

    monkeypatch.setattr(console_at_noon.tables, "query", noting)
    console_at_noon.control.create_game("a")
    stored(console_at_noon, 1, 40 * 86_400)
    reader = StatusReader(console_at_noon.services)
    first = reader.read()
    console_at_noon.clock.us += 2_000_000
    second = reader.read()
    assert asked == [0, console_at_noon.clock.us - 48 * 3_600_000_000]
    assert first.last_event_at is not None
    assert second.last_event_at == first.last_event_at


def test_the_last_event_is_found_however_old_it_is(console_at_noon: FakeConsole) -> None:
    console_at_noon.control.create_game("a")
    console_at_noon.control.create_game("b")
    console_at_noon.control.create_game("c")
    stored(console_at_noon, 1, 40 * 86_400)
    stored(console_at_noon, 1, 40 * 86_400 + 7)
    stored(console_at_noon, 2, 5)
    status = read(console_at_noon)
    ages = [game.last_event_at and (status.now - game.last_event_at) / 1_000_000 for game in status.games]
    assert ages == [40 * 86_400, 5, None]
    assert status.last_event_at == status.games[1].last_event_at


def test_counts_are_those_of_this_hour_and_the_one_before(console_at_noon: FakeConsole) -> None:
    console_at_noon.control.create_game("a")
    for hour, stored_events in ((12, 5), (11, 7), (10, 100)):
        console_at_noon.tables.insert(
            "ingest_hours", game_id=1, hour=NOW.replace(hour=hour, minute=0), stored=stored_events, rejected=2,
            duplicates=3, rejected_requests=4,
        )  # fmt: skip
    status = read(console_at_noon)
    game = status.games[0]
    assert (game.stored, game.rejected, game.duplicates, game.rejected_requests) == (12, 4, 6, 8)
    assert status.since == (NOW.replace(hour=11, minute=0) - _EPOCH) // timedelta(microseconds=1)


def test_reasons_are_counted_and_the_newest_detail_is_shown(console_at_noon: FakeConsole) -> None:
    console_at_noon.control.create_game("a")
    for minutes_ago, reason, game_id, detail in (
        (1, "failed_validation", 1, "newest"),
        (2, "failed_validation", 1, "older"),
        (3, "unknown_game_key", 0, "no such key"),
        (90, "not_json", 1, "too long ago"),
    ):
        console_at_noon.tables.insert(
            "rejected_events", game_id=game_id, reason=reason, detail=detail, source="gameanalytics",
            is_whole_request=game_id == 0, received_at=NOW - timedelta(minutes=minutes_ago),
        )  # fmt: skip
    found = [(each.game, each.reason, each.count, each.detail) for each in read(console_at_noon).rejections]
    assert found == [("a", "failed_validation", 2, "newest"), ("no known game", "unknown_game_key", 1, "no such key")]


def test_loading_and_collectors_are_shown_as_they_are(console_at_noon: FakeConsole) -> None:
    console_at_noon.progress.loader = LoaderCounters(batches=1, lag_bytes=77, newest_age_ms=250.0)
    console_at_noon.progress.collectors = [CollectorCounters(is_ready=True), CollectorCounters(is_ready=False)]
    console_at_noon.progress.reasons = ["the disk is full"]
    status = read(console_at_noon)
    assert (status.lag_bytes, status.load_delay_s, status.problems) == (77, 0.25, ["the disk is full"])
    assert (status.collectors, status.collectors_ready) == (2, 1)


def test_a_store_that_fails_is_a_problem_and_not_an_error(
    console_at_noon: FakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(statement: str, parameters: Mapping[str, object]) -> pa.Table:
        raise StoreFailed(f"cannot answer {len(statement)} {len(parameters)}")

    monkeypatch.setattr(console_at_noon.tables, "query", fail)
    status = read(console_at_noon)
    assert status.games == []
    assert status.problems[0].startswith("the store does not answer: cannot answer")


def test_however_many_look_the_store_is_asked_once_a_second(console_at_noon: FakeConsole) -> None:
    reader = StatusReader(console_at_noon.services)
    first = reader.read()
    console_at_noon.clock.us += 999_999
    assert reader.read() is first
    console_at_noon.clock.us += 1
    assert reader.read() is not first


def test_however_many_look_at_a_slow_store_one_thread_waits_for_it(
    console_at_noon: FakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def wait(statement: str, parameters: Mapping[str, object]) -> pa.Table:
        assert is_over.wait(20)
        raise StoreFailed(f"too slow: {len(statement)} {len(parameters)}")

    monkeypatch.setattr(console_at_noon.tables, "query", wait)
    reader = StatusReader(console_at_noon.services)

    async def look() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        looking = [asyncio.create_task(reader.latest()) for _ in range(10)]
        await asyncio.sleep(0.01)
        try:  # as the check of a token does
            await asyncio.wait_for(asyncio.to_thread(int), 5)
        finally:
            is_over.set()
        return len({id(status) for status in await asyncio.gather(*looking)})

    assert asyncio.run(look()) == 1
