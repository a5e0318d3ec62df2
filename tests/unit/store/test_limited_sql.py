"""A statement that is limited to some games tells nothing of the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.store.contract import Cancellation, QueryAborted
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.limited_sql import GAME_TABLES
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch

MINE, THEIRS, LAST = 2, 5, 9


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path_factory.mktemp("store"), EngineSettings(memory_limit_mb=300, temp_limit_mb=200))
    opened.load(
        batch(
            [
                {"game_id": MINE, "player_id": "1", "session_id": "a"},
                {"game_id": THEIRS, "player_id": "secret", "session_id": "b"},
                {"game_id": LAST, "player_id": "3", "session_id": "c"},
            ]
        ),
        NOON,
    )
    yield opened
    opened.close()


def ask(store: DuckDBStore, statement: str, *games: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = store.sql(statement, 1_000, Cancellation(), frozenset(games)).to_pylist()
    return rows


@pytest.mark.parametrize("table", sorted(GAME_TABLES))
def test_a_table_has_the_rows_of_the_games(store: DuckDBStore, table: str) -> None:
    assert {row["game_id"] for row in ask(store, f"FROM {table}", MINE)} <= {MINE}
    assert ask(store, f"FROM {table.upper()} t SELECT t.game_id WHERE t.game_id = {THEIRS}", MINE) == []


def test_no_game_is_no_row(store: DuckDBStore) -> None:
    assert ask(store, "FROM events") == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT player_id FROM events",
        'SELECT "player_id" FROM "EVENTS"',
        "TABLE players",
        "WITH events AS (SELECT * FROM events) SELECT player_id FROM events",
        "WITH x AS (FROM events) FROM x",
        "WITH RECURSIVE x AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM x WHERE i < 3) FROM x, events",
        "SELECT (SELECT count(*) FROM players p WHERE p.player_id = e.player_id) FROM events e",
        "FROM events /* questlog.main.events */ -- main.events",
        "SUMMARIZE events",
        "DESCRIBE events",
        "FROM (SUMMARIZE events)",
        "SELECT e.player_id FROM events e JOIN players USING (player_no)",
        "SELECT player_id FROM events UNION ALL SELECT player_id FROM players",
        "SELECT * FROM range(3), events",
    ],
)
def test_what_reads_the_games_is_answered(store: DuckDBStore, statement: str) -> None:
    rows = ask(store, statement, MINE)
    assert rows
    assert "secret" not in str(rows)


@pytest.mark.parametrize(
    "statement",
    [
        "FROM questlog.main.events",
        "FROM questlog.events",
        "FROM main.events",
        'FROM "questlog"."main"."events"',
        "FROM temp.main.events",
        "FROM temp.events",
        "SELECT * FROM events, questlog.main.events o",
        "SELECT (SELECT max(player_id) FROM main.players)",
        "SELECT 1 WHERE EXISTS (FROM main.events)",
        "WITH x AS (FROM main.events) FROM x",
        "WITH x AS MATERIALIZED (FROM questlog.main.events) SELECT 1",
        "SELECT * FROM (WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables), duckdb_tables",
        "WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables",
        "WITH positions AS (SELECT 1) FROM positions",
        "FROM positions",
        "FROM player_event_totals",
        "FROM sessionless_events",
        "FROM duckdb_tables",
        "FROM duckdb_tables()",
        "FROM duckdb_columns",
        "FROM duckdb_views",
        "FROM sqlite_master",
        "FROM pg_catalog.pg_class",
        "FROM pg_class",
        "FROM information_schema.tables",
        "FROM information_schema.columns",
        "FROM system.main.duckdb_tables",
        "FROM query('FROM main.events')",
        "FROM query_table('events')",
        "FROM query_table(['events'])",
        "FROM pragma_storage_info('events')",
        "FROM pragma_table_info('events')",
        "SELECT stats(player_id) FROM events",
        "SELECT STATS(event_time) FROM events",
        "EXPLAIN FROM events",
        "EXPLAIN SELECT * FROM events WHERE player_id = 'secret'",
        "EXPLAIN ANALYZE FROM events",
        "explain\n(from events)",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "SHOW DATABASES",
        "SUMMARIZE questlog.main.events",
        "SUMMARIZE main.events",
        "DESCRIBE main.positions",
        "FROM (SUMMARIZE main.events)",
        "PRAGMA show_tables",
        "PRAGMA storage_info('events')",
        "CALL pragma_storage_info('events')",
        "PIVOT main.events ON player_id",
        "ATTACH ':memory:' AS other",
        "USE memory",
        "SET search_path = 'questlog.main'",
        "CREATE TEMP TABLE x AS FROM main.events",
        "DROP VIEW events",
        "FROM events; FROM main.events",
        "FROM '/etc/passwd'",
        "FROM read_text('/etc/passwd')",
    ],
)
def test_what_could_tell_of_another_game_is_refused(store: DuckDBStore, statement: str) -> None:
    with pytest.raises(QueryAborted) as refused:
        ask(store, statement, MINE)
    assert "secret" not in str(refused.value).replace(statement, "")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM events WHERE player_id::INTEGER > 0",
        "SELECT count(*) FROM events WHERE CASE WHEN player_id = 'secret' THEN error(player_id) ELSE true END",
        "SELECT max(player_id::INTEGER) FROM events",
        "SELECT count(*) FROM events e JOIN range(5) t(i) ON e.player_id::INTEGER = i",
        "SELECT count(*) FROM players WHERE error(player_id) IS NULL OR player_id::INTEGER > 0",
        "SELECT count(*) FROM events WHERE player_id::INTEGER IN (SELECT player_id::INTEGER FROM players)",
    ],
)
@pytest.mark.parametrize("games", [(MINE,), (MINE, LAST)])
def test_a_condition_is_not_tried_on_rows_of_other_games(
    store: DuckDBStore, statement: str, games: tuple[int, ...]
) -> None:
    """It would fail at the other game's player, and say the id."""
    try:
        ask(store, statement, *games)
    except QueryAborted as error:
        assert "secret" not in str(error).replace(statement, "")  # noqa: PT017 - it may fail for the games' own rows


@pytest.mark.parametrize("condition", ["player_id > '{}'", "player_id = '{}'"])
def test_a_condition_is_not_decided_by_the_statistics_of_all_games(store: DuckDBStore, condition: str) -> None:
    """A condition that no row of any game can meet is dropped by the engine, and then the other one is not tried."""
    outcomes = set()
    for value in ("2", "r", "t"):  # between them lies the other game's player
        where = f"session_id::INTEGER = 1 AND {condition.format(value)}"
        try:
            outcomes.add(str(ask(store, f"FROM events SELECT count(*) WHERE {where}", MINE)))
        except QueryAborted:
            outcomes.add("failed")
    assert len(outcomes) == 1


@pytest.mark.parametrize("table", sorted(GAME_TABLES))
def test_columns_have_the_types_of_the_table(store: DuckDBStore, table: str) -> None:
    limited = store.sql(f"FROM {table}", 1, Cancellation(), frozenset({MINE}))
    assert limited.schema == store.sql(f"FROM {table}", 1, Cancellation()).schema


def test_what_a_condition_pushes_is_behind_the_games(store: DuckDBStore) -> None:
    with store._runner._cursor(Cancellation()) as cursor:
        from questlog.store.duckdb.limited_sql import limit_tables

        limit_tables(cursor, ["events"], [MINE, LAST])
        plan = str(cursor.execute("EXPLAIN SELECT 1 FROM events WHERE player_id::INTEGER = 7").fetchall()[0][1])
    assert plan.index("CAST(player_id") < plan.index("Limit") < plan.index("game_id")


@pytest.mark.parametrize(
    "statement",
    [
        "FROM duckdb_databases",
        "FROM duckdb_databases()",
        "FROM pragma_database_list",
        "FROM pg_settings",
        "FROM duckdb_logs",
        "FROM duckdb_settings()",
        "FROM duckdb_temporary_files()",
        "SELECT current_setting('temp_directory')",
        "FROM read_csv('x.csv')",
        "FROM 'x.parquet'",
        "COPY events TO 'x.csv'",
        "ATTACH 'x.duckdb'",
        "FROM pragma_database_size()",
    ],
)
def test_no_message_and_no_answer_tells_where_the_files_are(store: DuckDBStore, statement: str) -> None:
    """Neither for a role for all games."""
    with pytest.raises(QueryAborted) as refused:
        store.sql(statement, 100, Cancellation())
    assert str(store._directory) not in str(refused.value)


def test_the_words_of_the_engine_are_without_the_directory(store: DuckDBStore) -> None:
    directory = str(store._directory)
    with pytest.raises(QueryAborted, match="\\(store\\)/temp") as refused:
        store.sql(f"SELECT error('cannot write {directory}/temp')", 100, Cancellation())
    assert directory not in str(refused.value)


def test_opening_leaves_the_connection_free_for_rebuilding(tmp_path: Path) -> None:
    opened = DuckDBStore(tmp_path, EngineSettings(memory_limit_mb=300, temp_limit_mb=200))
    opened.load(batch([{"player_id": "1", "session_id": "a"}]), NOON)
    opened.rebuild(lambda _table, _share: None)
    opened.close()
