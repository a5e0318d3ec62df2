"""What pages remember for a user: preferences, and the statements that were run."""

import pytest

from questlog.control import preferences, sql_history
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed, NotFound
from tests.contract.control.conftest import SteppingClock

ADA, BOB = "ada@example.com", "bob@example.com"


def test_a_preference_is_of_one_user(control: ControlDatabase, other: ControlDatabase) -> None:
    control.set_preference(ADA, "starred 1", ["KPIs", "🚀"])
    assert other.preference(ADA, "starred 1") == ["KPIs", "🚀"]
    assert other.preference(BOB, "starred 1") is None
    control.set_preference(ADA, "starred 1", ["KPIs"])
    assert other.preference(ADA, "starred 1") == ["KPIs"]
    control.set_preference(ADA, "starred 1", None)
    assert other.preference(ADA, "starred 1") is None


def test_preferences_have_a_size_and_a_number(control: ControlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed, match="bytes"):
        control.set_preference(ADA, "large", "x" * preferences.MAX_PREFERENCE_BYTES)
    monkeypatch.setattr(preferences, "MAX_PREFERENCES", 2)
    for name in ("a", "b", "a"):
        control.set_preference(ADA, name, 1)
    with pytest.raises(NotAllowed, match="at most 2"):
        control.set_preference(ADA, "c", 1)
    control.set_preference(BOB, "c", 1)


def test_statements_are_listed_the_latest_first(control: ControlDatabase, clock: SteppingClock) -> None:
    control.note_statement(ADA, "SELECT $a", {"a": 1}, took_ms=1.5, rows=1)
    clock.now += 1
    control.note_statement(ADA, "SELEC 1", {}, took_ms=0.5, error="no such thing")
    control.note_statement(BOB, "SELECT 2", {}, took_ms=0.5, rows=1)
    latest, first = control.list_statements(ADA)
    assert (latest.statement, latest.rows, latest.error, latest.at) == ("SELEC 1", None, "no such thing", clock.now)
    assert (first.statement, first.parameters, first.rows, first.took_ms) == ("SELECT $a", {"a": 1}, 1, 1.5)
    assert control.find_statement(ADA, first.entry_id) == first
    with pytest.raises(NotFound):
        control.find_statement(BOB, first.entry_id)


def test_the_same_statement_again_is_there_once(control: ControlDatabase) -> None:
    for value in (1, 1, 2):
        control.note_statement(ADA, "SELECT $a", {"a": value}, took_ms=1, rows=1)
    assert [each.parameters for each in control.list_statements(ADA)] == [{"a": 2}, {"a": 1}]


def test_only_the_latest_statements_are_kept(control: ControlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_history, "MOST_KEPT", 3)
    control.note_statement(BOB, "SELECT 0", {}, took_ms=1, rows=1)
    for number in range(5):
        control.note_statement(ADA, f"SELECT {number}", {}, took_ms=1, rows=1)
    assert [each.statement for each in control.list_statements(ADA)] == ["SELECT 4", "SELECT 3", "SELECT 2"]
    assert len(control.list_statements(BOB)) == 1
    control.clear_statements(ADA)
    assert control.list_statements(ADA) == []


def test_a_user_who_is_removed_leaves_nothing(control: ControlDatabase) -> None:
    control.create_user(ADA, "correct horse battery")
    control.set_preference(ADA, "starred 1", ["KPIs"])
    control.note_statement(ADA, "SELECT 1", {}, took_ms=1, rows=1)
    control.remove_user(ADA)
    assert control.preference(ADA, "starred 1") is None
    assert control.list_statements(ADA) == []
