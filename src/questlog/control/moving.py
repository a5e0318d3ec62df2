"""Moves a control database to another one: every row of every table, or none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Integer, Table, func, null, select, text

from questlog.control.connections import Connections, insert, without_timeouts
from questlog.control.errors import ControlUnavailable, NotAllowed
from questlog.control.migrate import migrate
from questlog.control.tables import metadata

_ROWS_PER_STATEMENT = 1_000


def move(source: str | Path, target: str | Path) -> Mapping[str, int]:
    """Copy all rows of `source` into `target`, which is made or upgraded first. Returns how many each table has.

    `target` must have no rows; `source` stays as it is, and takes no writes meanwhile. Raises `NotAllowed`, and
    `ControlUnavailable` for a database that does not answer and for a copy that is not whole.
    """
    old, new = Connections(source), Connections(target)
    try:
        migrate(old)
        migrate(new)
        with old.write() as reading, new.write() as writing:
            without_timeouts(reading)
            without_timeouts(writing)
            _refuse_rows(writing, new.place)
            counts = {table.name: _copy(table, reading, writing) for table in metadata.sorted_tables}
            _continue_numbers(writing)
    finally:
        old.close()
        new.close()
    return counts


def _refuse_rows(connection: Connection, place: str) -> None:
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise NotAllowed(f"the control database to move to ({place}) has rows in `{table.name}`; name an empty one")


def _copy(table: Table, source: Connection, target: Connection) -> int:
    rows = source.execute(
        select(table).order_by(*table.primary_key), execution_options={"yield_per": _ROWS_PER_STATEMENT}
    )
    for some in rows.mappings().partitions(_ROWS_PER_STATEMENT):
        target.execute(insert(target, table).values([_values(table, row) for row in some]))
    counts = [
        connection.execute(select(func.count()).select_from(table)).scalar_one() for connection in (source, target)
    ]
    if counts[0] != counts[1]:
        raise ControlUnavailable(f"control database: {counts[1]} of {counts[0]} rows of `{table.name}` arrived")
    return int(counts[0])


def _values(table: Table, row: Mapping[Any, Any]) -> dict[str, object]:
    """The row as it is written: None would be the null of JSON in a column of JSON."""
    return {
        column.name: null() if row[column.name] is None and column.nullable else row[column.name]
        for column in table.columns
    }


def _continue_numbers(connection: Connection) -> None:
    """PostgreSQL counts by itself, and was not told of the numbers that were copied; SQLite notices them."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        columns = list(table.primary_key)
        if len(columns) > 1 or not isinstance(columns[0].type, Integer) or columns[0].foreign_keys:
            continue
        highest = connection.execute(select(func.max(columns[0]))).scalar()
        if highest is not None:
            names = {"table": table.name, "column": columns[0].name, "highest": highest}
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"), names)
