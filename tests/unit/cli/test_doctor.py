import os
import time
from pathlib import Path

from questlog.app import checks
from questlog.app.started_with import COLLECTORS, SERVER, note_settings
from questlog.cli.doctor import examine
from questlog.collector.counters import CounterBook, publish
from questlog.config import load
from questlog.control.database import ControlDatabase
from questlog.journal.head import current_boot_id
from questlog.model.clock import SystemClock
from questlog.model.finding import Finding, Level
from questlog.model.record import Position
from questlog.rates.files import RatesFiles
from tests.support.journals import die, log_of
from tests.support.rates import ecb_archive, today


class FixedClock:
    """It is 2026-01-01."""

    def now_us(self) -> int:
        return 1_767_225_600_000_000


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.what.partition(",")[0]: finding.level for finding in findings}


def nobody_listens(_host: str, _port: int) -> bool:
    return False


def somebody_listens(_host: str, _port: int) -> bool:
    return True


def test_a_directory_that_is_not_there_fails_and_ends_the_examination(tmp_path: Path) -> None:
    findings = list(examine(load(tmp_path / "nothing"), nobody_listens, SystemClock()))
    assert [finding.what for finding in findings] == ["data directory", "country database"]
    assert findings[0].level is Level.FAIL
    assert not (tmp_path / "nothing").exists()


def test_a_directory_without_a_control_database_fails(tmp_path: Path) -> None:
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    assert levels(findings)["control database"] is Level.FAIL
    assert not (tmp_path / "control.sqlite3").exists()


def test_an_installation_at_rest_is_warned_about_and_does_not_fail(tmp_path: Path) -> None:
    with ControlDatabase(tmp_path / "control.sqlite3", SystemClock()) as control:
        control.create_game("a")
        control.set_strict("a", True)
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    found = levels(findings)
    assert Level.FAIL not in {found[what] for what in found if what not in ("disk", "country database")}
    assert (found["console"], found["collectors"]) == (Level.WARN, Level.WARN)
    assert (found["control database"], found["store"], found["journal"]) == (Level.OK, Level.OK, Level.OK)
    assert any("declares no event name" in finding.text for finding in findings)


def test_ports_that_another_program_has_fail(tmp_path: Path) -> None:
    with ControlDatabase(tmp_path / "control.sqlite3", SystemClock()) as control:
        control.create_game("a")
    found = levels(list(examine(load(tmp_path), somebody_listens, SystemClock())))
    assert (found["console"], found["collectors"]) == (Level.FAIL, Level.FAIL)


def test_secrets_that_others_may_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)
    assert [finding.level for finding in checks.data_directory(tmp_path)] == [Level.WARN, Level.OK]
    path.chmod(0o600)
    assert [finding.level for finding in checks.data_directory(tmp_path)] == [Level.OK]


def test_a_clock_behind_the_journal_fails(tmp_path: Path) -> None:
    segment = tmp_path / "journal" / "0" / "segment"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"")
    now = time.time()
    assert checks.clock(tmp_path, now).level is Level.OK
    os.utime(segment, (now + 3600, now + 3600))
    assert checks.clock(tmp_path, now).level is Level.FAIL


def test_a_store_that_is_ahead_of_its_journal_is_warned_about(tmp_path: Path) -> None:
    settings = load(tmp_path)
    log = log_of(settings.journal_dir, boot_id=current_boot_id())
    segment = log.commit([b"record"]).segment
    die(log)
    assert checks.journal(settings, {}).level is Level.OK
    assert checks.journal(settings, {0: Position(0, segment, 0), 7: Position(7, 2**31, 0)}).level is Level.OK, (
        "of writer 7 there is no journal"
    )
    ahead = checks.journal(settings, {0: Position(0, segment, 1_000_000)})
    assert ahead.level is Level.WARN
    assert "writer 0" in ahead.text


def exchange_rates(tmp_path: Path, **money: object) -> dict[str, Finding]:
    settings = load(tmp_path, overrides={f"money.{name}": value for name, value in money.items()})
    found = examine(settings, nobody_listens, SystemClock())
    return {finding.what: finding for finding in found if finding.what.startswith("exchange rates")}


def test_the_age_of_exchange_rates_is_told(tmp_path: Path) -> None:
    RatesFiles(tmp_path / "rates").keep_reference(ecb_archive(today()))
    found = exchange_rates(tmp_path, wide_rates=True)
    assert found["exchange rates, ecb"].level is Level.OK
    assert "days old" in found["exchange rates, ecb"].text
    assert found["exchange rates, wide"].level is Level.WARN


def test_rates_of_ones_own_that_cannot_be_read_fail(tmp_path: Path) -> None:
    found = exchange_rates(tmp_path, rates_path=str(tmp_path / "gone.csv"))
    assert found["exchange rates"].level is Level.FAIL


def test_a_data_directory_that_others_may_read_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    assert any(f"chmod -R go= {tmp_path}" in each.text for each in findings if each.level is Level.WARN)
    tmp_path.chmod(0o700)
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    assert not any("chmod -R" in finding.text for finding in findings)


def test_what_expires_is_told_of_games_that_do_not_keep_all(tmp_path: Path) -> None:
    with ControlDatabase(tmp_path / "control.sqlite3", SystemClock()) as control:
        for name, days in (("a", 1), ("b", 0), ("c", None)):
            control.create_game(name)
            control.set_keep_days(name, days)

    def told(keep_days: int) -> list[str]:
        settings = load(tmp_path, overrides={"event.keep_days": keep_days})
        findings = examine(settings, nobody_listens, FixedClock())
        return [finding.text for finding in findings if finding.what == "expiry"]

    of_a = "a keeps events for 1 day; events of a before 2025-12-31 will be deleted"
    assert told(0) == [of_a]
    assert told(10) == [of_a, "c keeps events for 10 days; events of c before 2025-12-22 will be deleted"]


def collectors_publish(tmp_path: Path) -> None:
    note_settings(load(tmp_path, overrides={"collector.port": 18_450}), COLLECTORS)
    publish(tmp_path / "run", CounterBook(0, SystemClock().now_us()).snapshot(is_ready=True, pending_bytes=0))


def test_settings_of_running_collectors_count_and_not_those_given(tmp_path: Path) -> None:
    with ControlDatabase(tmp_path / "control.sqlite3", SystemClock()) as control:
        control.create_game("a")
    collectors_publish(tmp_path)

    def listens(_host: str, port: int) -> bool:
        return port == 18_450

    findings = list(examine(load(tmp_path), listens, SystemClock()))
    assert levels(findings)["collectors"] is Level.OK
    (settings,) = [finding.text for finding in findings if finding.what == "settings"]
    assert settings.endswith("collector.port=18450")


def test_settings_of_processes_that_are_gone_do_not_count(tmp_path: Path) -> None:
    for process in (COLLECTORS, SERVER):
        note_settings(load(tmp_path, overrides={"collector.port": 18_450, "console.port": 18_451}), process)
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    assert "settings" not in levels(findings)
    assert any(finding.what == "collectors, port 7450" for finding in findings)


def test_settings_of_the_server_count_where_there_is_one_and_hold_no_secret(tmp_path: Path) -> None:
    note_settings(load(tmp_path, overrides={"console.port": 1, "control.url": "sqlite:///secret"}), SERVER)
    (tmp_path / "console.json").write_text("{}", encoding="utf-8")
    findings = list(examine(load(tmp_path), nobody_listens, SystemClock()))
    assert any(finding.what == "console, port 1" for finding in findings)
    noted = tmp_path / "run" / "settings-server.json"
    assert "secret" not in noted.read_text(encoding="utf-8")
    assert noted.stat().st_mode & 0o077 == 0


def test_tasks_of_maintenance_that_fail_are_named() -> None:
    good = {"name": "compact", "failures": 0, "error": None}
    bad = {"name": "expire", "failures": 3, "error": "disk\nfull"}
    assert [finding.level for finding in checks.maintenance([good])] == [Level.OK]
    (finding,) = checks.maintenance([good, bad])
    assert (finding.level, finding.text) == (
        Level.WARN,
        "expire failed 3 times in a row; it is tried again: disk full",
    )
