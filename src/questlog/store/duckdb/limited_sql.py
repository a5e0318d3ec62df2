"""Users' SQL limited to some games: it reads views of those games' rows, and nothing else.

A statement's tables are the ones that the engine's own parser finds. Each must be one of ours without a schema before
its name, or a WITH table of the statement. The names of ours are, for this statement's connection alone, views that
hold the rows of the games. Everything else that can stand for rows is refused: other schemas and databases, the
engine's catalogues, EXPLAIN and SHOW, whose answers come from the statistics of all games.
"""

from collections.abc import Collection, Iterable, Mapping

import duckdb

from questlog.store.contract import QueryAborted
from questlog.store.duckdb.connection import CATALOG
from questlog.store.schema import TABLES

GAME_TABLES = frozenset(table.name for table in TABLES if any(column.name == "game_id" for column in table.columns))
"""The tables whose rows are of a game."""

STATISTICS = frozenset({"stats"})
"""Functions that answer from the statistics of a column, which are of all games."""

_SHOWN = frozenset({"DESCRIBE", "SUMMARY"})  # of a query, whose tables are checked as any others

# OFFSET keeps the engine from trying a user's condition on a row before it is known to be of one of the games: a
# condition that fails, or that takes long, would tell of it. TRY keeps the engine from knowing a column's least and
# greatest value, which are those of all games: it drops a condition that they decide, and with it what would fail.
_VIEW = """
    CREATE TEMP VIEW {table} AS
    SELECT try(COLUMNS(*)) FROM (SELECT * FROM {catalog}.main.{table} WHERE game_id IN ({games}) OFFSET 0)
"""


def tables_of(cursor: duckdb.DuckDBPyConnection, nodes: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """The tables of ours that a parsed statement reads. Raises `QueryAborted` for anything that is not of games."""
    with_tables: set[str] = set()
    named: list[Mapping[str, object]] = []
    for node in nodes:
        with_tables |= _with_tables(node)
        if node.get("type") == "SHOW_REF" and node.get("show_type") not in _SHOWN:
            raise QueryAborted(f"SHOW is not available to a role for some games; the tables are {_told()}")
        if node.get("type") == "BASE_TABLE":
            named.append(node)
    # Out of its scope, the name of a WITH table is that of whatever else has it.
    hidden = {name for name in with_tables - GAME_TABLES if _is_in_catalogue(cursor, name)}
    found = set()
    for node in named:
        name = str(node.get("table_name", "")).lower()
        if node.get("catalog_name") or node.get("schema_name"):
            raise QueryAborted("tables have no schema before their name for a role for some games")
        if name in hidden or name not in GAME_TABLES | with_tables:
            raise QueryAborted(f"there is no table {name} for a role for some games; the tables are {_told()}")
        if name in GAME_TABLES:
            found.add(name)
    return frozenset(found)


def limit_tables(cursor: duckdb.DuckDBPyConnection, tables: Iterable[str], game_ids: Collection[int]) -> None:
    """Let the names of these tables, on this connection, mean the rows of these games."""
    games = ", ".join(str(int(game_id)) for game_id in sorted(game_ids)) or "NULL"
    for table in sorted(tables):
        cursor.execute(_VIEW.format(table=table, catalog=CATALOG, games=games))


def _with_tables(node: Mapping[str, object]) -> set[str]:
    """The names that a node's WITH clause declares."""
    clause = node.get("cte_map")
    entries = clause.get("map") if isinstance(clause, dict) else None
    names = {str(entry.get("key", "")).lower() for entry in entries or () if isinstance(entry, dict)}
    return names | ({str(node["cte_name"]).lower()} if node.get("cte_name") else set())


def _is_in_catalogue(cursor: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = """
        SELECT 1 FROM duckdb_views() WHERE lower(view_name) = $name
        UNION ALL SELECT 1 FROM duckdb_tables() WHERE lower(table_name) = $name
    """
    return bool(cursor.execute(query, {"name": name}).fetchall())


def _told() -> str:
    return ", ".join(sorted(GAME_TABLES))
