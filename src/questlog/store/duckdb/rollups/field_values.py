"""The field_values table: which values each field had on a game's day, in order of their first arrival (metrics.md §6).

Every value is kept, so that their number is exact; each comes from an event, whose own row is larger.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import day_numbers
from questlog.store.duckdb.groups import I64, grouped
from questlog.store.duckdb.transaction import Transaction
from questlog.store.fields import COLUMN_FIELDS, FIELDS, ID_PARTS, IdPart

GameDay: TypeAlias = tuple[int, int]

_MAX_KNOWN = 200_000
_NOTHING: set[str] = set()
_PARTS = {category: [part for part in ID_PARTS if part.category == category] for _, category, _ in ID_PARTS}

SCHEMA = pa.schema(
    {"game_id": pa.int32(), "day": pa.date32(), "field": pa.string(), "value": pa.string(), "row_no": pa.int64()}
)


class NewValues:
    """What a batch brings that is not known to be stored."""

    def __init__(self) -> None:
        self.rows: dict[tuple[GameDay, str, str], int] = {}
        """The number of the first row, by game and day (since 1970), field and value."""
        self.event_days: list[int] = []
        """Event names on days (as `event_day_no`) whose parts were looked at."""

    def table(self) -> pa.Table:
        """The rows for the table."""
        keys = list(self.rows)
        columns = [
            pa.array([game_id for (game_id, _), _, _ in keys], pa.int32()),
            pa.array([day for (_, day), _, _ in keys], pa.int32()).cast(pa.date32()),
            pa.array([field for _, field, _ in keys], pa.string()),
            pa.array([value for _, _, value in keys], pa.string()),
            pa.array(self.rows.values(), pa.int64()),
        ]
        return pa.table(columns, schema=SCHEMA)


class KnownValues:
    """Values that are in the table for certain, so that only others are looked up there. Forgets all when full."""

    def __init__(self, max_known: int = _MAX_KNOWN) -> None:
        self._max_known = max_known
        self._values: dict[tuple[GameDay, str], set[str]] = {}
        self._event_days: set[int] = set()
        self._count = 0

    def new_values(self, events: pa.Table, days: I64, encoded: Mapping[str, pa.DictionaryArray]) -> NewValues:
        """What is not known of staged `events`, of one chunk, and their days (since 1970). Changes nothing.

        `encoded` may have columns of the events as dictionaries.
        """
        new = NewValues()
        if events.num_rows == 0:
            return new
        games, rows = _integers(events, "game_id"), _integers(events, "row_no")
        codes, game_days = _game_days(games, days)
        for field in COLUMN_FIELDS:
            for place, game_day, value in self._unknown(
                field, encoded.get(field, events[field].chunk(0)), codes, game_days
            ):
                new.rows[game_day, field, value] = int(rows[place])
        self._add_parts(new, events, days)
        return new

    def remember(self, new: NewValues) -> None:
        """These are in the table now."""
        if self._count + len(new.rows) + len(new.event_days) > self._max_known:
            self.forget()
        self._count += len(new.rows) + len(new.event_days)
        for game_day, field, value in new.rows:
            self._values.setdefault((game_day, field), set()).add(value)
        self._event_days.update(new.event_days)

    def forget(self) -> None:
        """Know nothing: rows may have gone."""
        self._values.clear()
        self._event_days.clear()
        self._count = 0

    def _unknown(
        self, field: str, texts: pa.Array, codes: I64, game_days: list[GameDay]
    ) -> Iterator[tuple[int, GameDay, str]]:
        """The first place, the game's day and the value, of each that is not known."""
        if texts.null_count == len(texts):
            return
        encoded = texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
        values = encoded.dictionary.to_pylist()
        known = [self._values.get((game_day, field), _NOTHING) for game_day in game_days]
        if len(game_days) == 1 and known[0].issuperset(values):
            return
        width = len(values) + 1
        indices = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        for code, place in _firsts(codes * width + indices):
            at, index = divmod(code, width)
            if index < len(values) and values[index] not in known[at]:
                yield place, game_days[at], values[index]

    def _add_parts(self, new: NewValues, events: pa.Table, days: I64) -> None:
        """Names of events on days that are not known: the parts of their ids."""
        for key, place in _firsts(day_numbers(_integers(events, "event_no"), days)):
            if key in self._event_days:
                continue
            new.event_days.append(key)
            parts = _PARTS.get(events["category"][place].as_py())
            event_id = events["event_id"][place].as_py()
            if parts is None or event_id is None:
                continue
            game_day = (events["game_id"][place].as_py(), int(days[place]))
            row_no = events["row_no"][place].as_py()
            for part in parts:
                value = _value(part, event_id)
                if value and value not in self._values.get((game_day, part.name), _NOTHING):
                    new.rows.setdefault((game_day, part.name, value), row_no)


def _value(part: IdPart, event_id: str) -> str:
    """The part of the id, "" where it has none."""
    if part.place is None:
        return event_id
    pieces = event_id.split(":")
    return pieces[part.place] if part.place < len(pieces) else ""


def _game_days(games: I64, days: I64) -> tuple[I64, list[GameDay]]:
    """For each row the place of its game and day in the list."""
    keys = day_numbers(games, days)
    if keys.min() == keys.max():
        return np.zeros(len(keys), np.int64), [(int(games[0]), int(days[0]))]
    _, firsts, codes = grouped(keys)
    return codes, list(zip(games[firsts].tolist(), days[firsts].tolist(), strict=True))


def _firsts(codes: I64) -> Iterator[tuple[int, int]]:
    """Each different code and its first place, in the places' order."""
    values, places, _ = grouped(codes)
    return zip(values.tolist(), places.tolist(), strict=True)


def _integers(events: pa.Table, column: str) -> I64:
    return np.asarray(events[column].chunk(0).cast(pa.int64()).to_numpy(), np.int64)


def _column_rows(field: str, source: str, condition: str) -> str:
    return f"""
    SELECT game_id, day, '{field}' AS field, {field} AS value, min(row_no) AS row_no
    FROM {source} WHERE {field} IS NOT NULL AND ({condition}) GROUP BY game_id, day, {field}
    """


def _part_rows(part: IdPart) -> str:
    value = "event_id" if part.place is None else f"split_part(event_id, ':', {part.place + 1})"
    return f"""
    SELECT game_id, day, '{part.name}' AS field, {value} AS value, min(row_no) AS row_no
    FROM ids WHERE category = '{part.category}' AND {value} <> '' GROUP BY game_id, day, {value}
    """


def facts(source: str, condition: str = "true", fields: Collection[str] = FIELDS) -> str:
    """SQL: the rows of the table that the events in `source`, each with its `day`, make; of these fields only."""
    columns = [_column_rows(field, source, condition) for field in COLUMN_FIELDS if field in fields]
    parts = [_part_rows(part) for part in ID_PARTS if part.name in fields]
    return f"""
    WITH ids AS (
        SELECT game_id, day, category, event_id, min(row_no) AS row_no
        FROM {source} WHERE event_id IS NOT NULL AND ({condition}) GROUP BY game_id, day, category, event_id
    )
    {" UNION ALL ".join([*columns, *parts])} ORDER BY day, game_id, row_no
    """


_INSERT = """
    INSERT INTO field_values (game_id, day, field, value, row_no)
    SELECT * FROM batch_field_values AS new WHERE NOT EXISTS (
        SELECT 1 FROM field_values AS old WHERE old.day BETWEEN $first AND $last AND old.game_id = new.game_id
            AND old.day = new.day AND old.field = new.field AND old.value = new.value)
"""


def update(transaction: Transaction, new: NewValues) -> None:
    """Insert what is not in the table yet."""
    if not new.rows:
        return
    rows = new.table()
    transaction.register("batch_field_values", rows)
    bounds = pc.min_max(rows["day"])
    transaction.write(_INSERT, {"first": bounds["min"].as_py(), "last": bounds["max"].as_py()})
