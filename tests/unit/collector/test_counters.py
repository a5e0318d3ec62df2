"""Counts that collectors leave for the console."""

import os
from pathlib import Path

import msgspec
import pytest

from questlog.collector.counters import CollectorCounters, CounterBook, publish, published, withdraw
from questlog.model.clock import SystemClock
from questlog.model.histogram import LATENCY_BOUNDS_S, HistogramCounts

NOW_US = SystemClock().now_us()


def test_counts_are_read_back_by_another_process(tmp_path: Path) -> None:
    book = CounterBook(collector=3, started_at_us=5)
    book.count_request("gameanalytics", "events", 200, 0.0005)
    book.count_request("gameanalytics", "events", 200, 0.002)
    book.count_events(7, "gameanalytics", "accepted", 20)
    book.count_rejected("not_json")
    publish(tmp_path, book.snapshot(is_ready=True, pending_bytes=3))

    [found] = published(tmp_path, NOW_US)
    assert found.memory_bytes > 1_000_000
    assert [msgspec.structs.replace(found, memory_bytes=0, control_errors=0)] == [
        CollectorCounters(
            collector=3,
            started_at=5,
            is_ready=True,
            pending_bytes=3,
            requests={"gameanalytics events 200": HistogramCounts(LATENCY_BOUNDS_S, (1, 1, *[0] * 11), 0.0025)},
            events={"7 gameanalytics accepted": 20},
            rejected={"not_json": 1},
        )
    ]


def test_a_collector_that_stopped_publishing_is_gone_and_after_a_minute_its_file_too(tmp_path: Path) -> None:
    publish(tmp_path, CollectorCounters(collector=3))
    [file] = tmp_path.iterdir()
    written_us = int(file.stat().st_mtime * 1_000_000)
    assert published(tmp_path, written_us + 9_000_000) == [CollectorCounters(collector=3)]
    assert published(tmp_path, written_us + 11_000_000) == []
    assert file.exists()
    assert published(tmp_path, written_us + 61_000_000) == []
    assert not file.exists()


def test_a_collector_whose_place_was_taken_is_one_collector(tmp_path: Path) -> None:
    publish(tmp_path, CollectorCounters(collector=3, rejected={"not_json": 9}))
    publish(tmp_path, CollectorCounters(collector=3, rejected={"not_json": 1}))
    assert published(tmp_path, NOW_US) == [CollectorCounters(collector=3, rejected={"not_json": 1})]


def test_a_collector_that_cannot_publish_is_still_there(tmp_path: Path) -> None:
    publish(tmp_path, CollectorCounters(collector=3))
    [file] = tmp_path.iterdir()
    os.utime(file, (0, 0))
    file.with_suffix(".tmp").mkdir()  # as little can be written there as on a full disk
    with pytest.raises(IsADirectoryError):
        publish(tmp_path, CollectorCounters(collector=3))
    assert published(tmp_path, NOW_US) == [CollectorCounters(collector=3)]


def test_an_unreadable_snapshot_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "collector-1.json").write_text("{")
    assert published(tmp_path, NOW_US) == []


def test_a_collector_that_stops_withdraws_its_counts(tmp_path: Path) -> None:
    publish(tmp_path, CounterBook(0, 0).snapshot(is_ready=True, pending_bytes=0))
    withdraw(tmp_path, 0)
    assert published(tmp_path, NOW_US) == []
