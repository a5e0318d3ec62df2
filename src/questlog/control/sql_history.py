"""The statements that a user ran on the SQL page, the latest ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select

from questlog.control.connections import insert
from questlog.control.errors import NotFound
from questlog.control.part import Part
from questlog.control.tables import sql_history

MOST_KEPT = 200
"""Statements of one user or token."""

_MAX_ERROR = 1_000


class RanStatement(msgspec.Struct, frozen=True):
    """A statement that was run. `at` is UTC microseconds; `rows` is None where it failed, `error` where it did not."""

    entry_id: int
    at: int
    statement: str
    parameters: Mapping[str, Any]
    rows: int | None
    took_ms: float
    error: str | None


class SqlHistory(Part):
    """Statements by who ran them, as the audit log names users and tokens."""

    def note_statement(
        self,
        who: str,
        statement: str,
        parameters: Mapping[str, Any],
        *,
        took_ms: float,
        rows: int | None = None,
        error: str | None = None,
    ) -> None:
        """Remember a statement. The same one again with the same parameters is remembered once."""
        row = {
            "who": who,
            "at": self._clock.now_us(),
            "statement": statement.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
            "parameters": dict(parameters),
            "rows": rows,
            "took_ms": took_ms,
            "error": error[:_MAX_ERROR].replace("\x00", "\N{REPLACEMENT CHARACTER}") if error else None,
        }
        named = {name: value for name, value in row.items() if value is not None}
        with self._connections.write() as connection:
            latest = connection.execute(_latest(who).limit(1)).first()
            if latest is not None and (latest.statement, latest.parameters) == (row["statement"], row["parameters"]):
                connection.execute(delete(sql_history).where(sql_history.c.entry_id == latest.entry_id))
            connection.execute(insert(connection, sql_history).values(named))
            oldest = connection.execute(_latest(who).offset(MOST_KEPT).limit(1)).first()
            if oldest is not None:
                is_old = (sql_history.c.who == who, sql_history.c.entry_id <= oldest.entry_id)
                connection.execute(delete(sql_history).where(*is_old))

    def list_statements(self, who: str, most: int = MOST_KEPT) -> Sequence[RanStatement]:
        """The latest first."""
        with self._connections.read() as connection:
            return [_ran(row) for row in connection.execute(_latest(who).limit(most)).all()]

    def find_statement(self, who: str, entry_id: int) -> RanStatement:
        """One of them. Raises `NotFound`."""
        with self._connections.read() as connection:
            row = connection.execute(_latest(who).where(sql_history.c.entry_id == entry_id)).first()
        if row is None:
            raise NotFound(f"there is no statement {entry_id} in your history")
        return _ran(row)

    def clear_statements(self, who: str) -> None:
        """Forget all of a user or token."""
        self._connections.change(lambda connection: forget_statements(connection, who))


def forget_statements(connection: Connection, who: str) -> None:
    """Delete all of a user who is removed."""
    connection.execute(delete(sql_history).where(sql_history.c.who == who))


def _latest(who: str) -> Any:
    return select(sql_history).where(sql_history.c.who == who).order_by(sql_history.c.entry_id.desc())


def _ran(row: Row[Any]) -> RanStatement:
    return RanStatement(**{name: getattr(row, name) for name in RanStatement.__struct_fields__})
