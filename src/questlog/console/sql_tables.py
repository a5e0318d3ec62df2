"""The tables that SQL can read, for completion."""

from collections.abc import Collection, Sequence

import msgspec

from questlog.store.schema import TABLES, Table


class SqlColumn(msgspec.Struct, frozen=True):
    """A column: its name, its type in SQL, and what it means."""

    name: str
    type: str
    meaning: str


class SqlTable(msgspec.Struct, frozen=True):
    """A table and its columns."""

    name: str
    meaning: str
    columns: Sequence[SqlColumn]


def sql_tables(game_ids: Collection[int] | None) -> Sequence[SqlTable]:
    """All tables or, for who may ask about some games only, those whose rows are of a game."""
    return [_described(table) for table in TABLES if game_ids is None or _is_of_games(table)]


def _is_of_games(table: Table) -> bool:
    return any(column.name == "game_id" for column in table.columns)


def _described(table: Table) -> SqlTable:
    columns = [SqlColumn(column.name, str(column.kind), column.meaning) for column in table.columns]
    return SqlTable(table.name, table.meaning, columns)
