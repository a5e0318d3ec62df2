"""Which values of fields are looked up in the table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from questlog.store.duckdb.rollups.field_values import KnownValues, NewValues
from tests.support.staged import DAY, NOON, events

_TODAY = NOON // DAY


def _new(known: KnownValues, rows: Sequence[Mapping[str, Any]]) -> NewValues:
    """Each row is an event of a name of its own."""
    numbers = pa.array(range(1, len(rows) + 1))
    staged = events(rows).append_column("row_no", numbers).append_column("event_no", numbers)
    return known.new_values(staged, staged["event_time"].cast(pa.int64()).to_numpy() // DAY, {})


def test_a_value_is_new_once_and_at_its_first_row() -> None:
    known = KnownValues()
    rows: list[dict[str, Any]] = [
        {"build": None},
        {"build": "1"},
        {"build": "1"},
        {"build": "2"},
        {"build": "1", "game_id": 2},
    ]
    new = _new(known, rows)
    assert new.rows == {((1, _TODAY), "build", "1"): 2, ((1, _TODAY), "build", "2"): 4, ((2, _TODAY), "build", "1"): 5}
    known.remember(new)
    assert _new(known, rows).rows == {}
    tomorrow = _new(known, [{"build": "1", "event_time": NOON + DAY}])
    assert tomorrow.rows == {((1, _TODAY + 1), "build", "1"): 1}


def test_parts_of_an_id_are_looked_at_once() -> None:
    known = KnownValues()
    rows = [{"category": "resource", "event_id": f"Sink:gem:hat:{color}"} for color in ("red", "blue")]
    new = _new(known, rows)
    assert {(field, value): row for (_, field, value), row in new.rows.items()} == {
        ("resource_currency", "gem"): 1,
        ("resource_item_type", "hat"): 1,
        ("resource_item_id", "red"): 1,
        ("resource_item_id", "blue"): 2,
    }
    known.remember(new)
    again = _new(known, rows)
    assert (again.rows, again.event_days) == ({}, [])


def test_nothing_is_known_until_it_is_remembered_nor_after_it_is_forgotten() -> None:
    known = KnownValues()
    new = _new(known, [{"build": "1"}])
    assert _new(known, [{"build": "1"}]).rows == new.rows
    known.remember(new)
    known.forget()
    assert _new(known, [{"build": "1"}]).rows == new.rows


def test_what_is_full_forgets_and_starts_again() -> None:
    known = KnownValues(max_known=5)
    for build in ("1", "2", "3"):
        known.remember(_new(known, [{"build": build, "event_time": NOON + int(build) * DAY}]))
    assert _new(known, [{"build": "1", "event_time": NOON + DAY}]).rows != {}
    assert _new(known, [{"build": "3", "event_time": NOON + 3 * DAY}]).rows == {}


def test_a_table_has_the_rows() -> None:
    table = _new(KnownValues(), [{"build": "1"}]).table()
    assert [{**row, "day": str(row["day"])} for row in table.to_pylist()] == [
        {"game_id": 1, "day": "2026-01-01", "field": "build", "value": "1", "row_no": 1}
    ]
