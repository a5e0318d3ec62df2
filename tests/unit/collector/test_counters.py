"""Counts that collectors leave for the console."""

import os
from pathlib import Path

import pytest

from questlog.collector.counters import CollectorCounters, CounterBook, publish, published, withdraw


def test_counts_are_read_back_by_another_process(tmp_path: Path) -> None:
    book = CounterBook(started_at_us=5)
    book.count_request("events", 200)
    book.count_request("events", 200)
    book.count_events(7, "gameanalytics", "accepted", 20)
    book.count_rejected("not_json")
    publish(tmp_path, book.snapshot(is_ready=True, pending_bytes=3))

    assert published(tmp_path) == [
        CollectorCounters(
            pid=os.getpid(),
            started_at=5,
            is_ready=True,
            pending_bytes=3,
            requests={"events 200": 2},
            events={"7 gameanalytics accepted": 20},
            rejected={"not_json": 1},
        )
    ]


def test_a_dead_collectors_counts_are_cleared_away(tmp_path: Path) -> None:
    dead_pid = 2**22 + 1  # above the largest process id of Linux and macOS
    publish(tmp_path, CollectorCounters(pid=dead_pid))
    assert published(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_another_users_collector_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    publish(tmp_path, CollectorCounters(pid=1))
    assert published(tmp_path) == [CollectorCounters(pid=1)]


def test_an_unreadable_snapshot_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "collector-1.json").write_text("{")
    assert published(tmp_path) == []


def test_a_collector_that_stops_withdraws_its_counts(tmp_path: Path) -> None:
    publish(tmp_path, CounterBook(0).snapshot(is_ready=True, pending_bytes=0))
    withdraw(tmp_path)
    assert published(tmp_path) == []
