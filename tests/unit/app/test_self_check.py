"""The server's own checks find what `questlog doctor` finds from outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.app.self_check import self_check
from questlog.config import load
from questlog.model.finding import Finding, Level
from questlog.store.contract import StoreFailed
from tests.support.console import FakeConsole


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    yield fake
    fake.close()


def found(console: FakeConsole, directory: Path) -> dict[str, Finding]:
    findings = self_check(
        load(directory), console.progress, console.control, console.tables, console.clock, lambda _host, _port: False
    )
    return {finding.what.partition(",")[0]: finding for finding in findings}


def test_a_server_at_rest_is_checked(console: FakeConsole, tmp_path: Path) -> None:
    console.control.create_game("Sky Raiders")
    findings = found(console, tmp_path)
    assert list(findings) == [
        *("data directory", "country database", "disk", "clock", "control database", "server", "collectors"),
        *("store", "journal", "maintenance"),
    ]
    levels = {what: finding.level for what, finding in findings.items()}
    assert levels["collectors"] is Level.WARN
    assert {levels[what] for what in ("server", "store", "journal", "maintenance", "control database")} == {Level.OK}


def test_reasons_that_the_server_is_not_ready_fail(console: FakeConsole, tmp_path: Path) -> None:
    console.progress.reasons = ["the loader cannot store events"]
    finding = found(console, tmp_path)["server"]
    assert (finding.level, finding.text) == (Level.FAIL, "the loader cannot store events")


def test_a_store_that_fails_is_one_of_the_findings(
    console: FakeConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreFailed("damaged")

    monkeypatch.setattr(console.tables, "query", fail)
    finding = found(console, tmp_path)["store"]
    assert (finding.level, finding.text) == (Level.FAIL, "damaged")
