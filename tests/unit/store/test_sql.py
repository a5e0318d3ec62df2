"""A user's SQL reads the tables and nothing else."""

import threading
import time
from collections.abc import Iterator

import pytest

from questlog.model.record import Position
from questlog.store.contract import Cancellation, QueryAborted, SqlValue
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    directory = tmp_path_factory.mktemp("store")
    opened = DuckDBStore(directory, EngineSettings(memory_limit_mb=300, temp_limit_mb=200))
    opened.load(batch([{"player_id": "p", "session_id": "s"}]), NOON)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT player_id FROM events",
        "select count(*) from players;",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x",
        "FROM sessions",
        "VALUES (1)",
        "TABLE players",
        "EXPLAIN SELECT * FROM events",
        "DESCRIBE events",
        "SHOW TABLES",
        "SUMMARIZE players",
        "SELECT * FROM range(3)",
        "SELECT i FROM generate_series(1, 3) t(i)",
        "SELECT i FROM players, range(players.events) t(i)",
        "SELECT (SELECT sum(i) FROM range(3) t(i))",
        'SELECT "range" FROM range(3) WHERE "range" > 1',
        "SELECT unnest([1, 2])",
        "SELECT json_extract(attributes, '$.a') FROM events",
        "SELECT * FROM information_schema.tables",
        "SELECT 'a;b' -- c; d",
    ],
)
def test_what_reads_is_answered(store: DuckDBStore, statement: str) -> None:
    assert store.sql(statement, 100, Cancellation()).num_rows >= 1


_FORBIDDEN = [
    "",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE events",
    "INSERT INTO players (player_no) VALUES (9)",
    "UPDATE players SET events = 0",
    "DELETE FROM players",
    "DROP TABLE events",
    "CREATE TABLE x (a INTEGER)",
    "CREATE TEMP TABLE x (a INTEGER)",
    "CREATE TABLE memory.main.x (a INTEGER)",
    "CREATE MACRO f(a) AS a",
    "WITH d AS (DELETE FROM players RETURNING *) SELECT * FROM d",
    "WITH d AS (INSERT INTO players (player_no) VALUES (9) RETURNING *) SELECT * FROM d",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN ANALYZE DELETE FROM players",
    "EXPLAIN DELETE FROM players",
    "BEGIN",
    "COMMIT",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'data.csv'",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM read_duckdb('x.duckdb')",
    "COPY events TO '/tmp/out.csv'",
    "COPY events FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "ATTACH '/tmp/other.duckdb'",
    "DETACH questlog",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "SET operator_memory_limit = '100GB'",
    "SET lock_configuration = false",
    "RESET memory_limit",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "CREATE SECRET s (TYPE s3)",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('players')",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM pragma_storage_info('events')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM test_all_types()",
    "SELECT getenv('HOME')",
    "SELECT nextval('s')",
    "SELECT repeat('x', 2000000000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT 'x'.repeat(2000000000)",
    "SELECT \"REPEAT\"('x', 2000000000)",
    "SELECT list_transform([1], lambda n: repeat('x', 2000000000))",
    "SELECT write_log('x')",
    "SELECT * FROM no_such_table",
    "SELEC 1",
    "SELECT '\udcff'",
    "SELECT " + "1 + " * 990 + "1",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
]


@pytest.mark.parametrize("statement", _FORBIDDEN, ids=range(len(_FORBIDDEN)))
def test_everything_else_is_refused(store: DuckDBStore, statement: str) -> None:
    with pytest.raises(QueryAborted):
        store.sql(statement, 100, Cancellation())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT len(range(40000000))",
        "SELECT unnest(generate_series(1, 40000000))",
        "SELECT (40000000).range()",
        'SELECT main."RANGE"(40000000)',
        "SELECT [x FOR x IN range(40000000)]",
        "FROM unnest(range(40000000))",
        "FROM range(len(range(40000000)))",
        "FROM players ORDER BY range(40000000)",
    ],
)
def test_a_list_of_any_length_is_refused_and_where_to_ask_is_told(store: DuckDBStore, statement: str) -> None:
    with pytest.raises(QueryAborted, match="is available in FROM only"):
        store.sql(statement, 100, Cancellation())


def test_nothing_was_changed_by_all_that(store: DuckDBStore) -> None:
    for statement in _FORBIDDEN:
        with pytest.raises(QueryAborted):
            store.sql(statement, 100, Cancellation())
    assert store.sql("SELECT events FROM players", 10, Cancellation()).to_pylist() == [{"events": 1}]
    assert store.load(batch([{}]), NOON).stored == 1


def stopped_after(seconds: float) -> Cancellation:
    cancellation = Cancellation()
    timer = threading.Timer(seconds, cancellation.cancel, ["it took longer than it may"])
    timer.daemon = True
    timer.start()
    return cancellation


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM range(100000000000) a, range(100000) b",
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t",
        "SELECT i, count(*) FROM range(10000000000) t(i) GROUP BY i",
    ],
)
def test_a_long_statement_is_stopped(store: DuckDBStore, statement: str) -> None:
    start = time.monotonic()
    with pytest.raises(QueryAborted):
        store.sql(statement, 100, stopped_after(0.5))
    assert time.monotonic() - start < 10
    assert store.load(batch([{}]), NOON).stored == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT list(i) FROM range(100000000) t(i)",
        "SELECT string_agg(i::VARCHAR || '0123456789012345678901234567890123456789', ',') FROM range(30000000) t(i)",
        "SELECT * FROM range(1000000000) t(i) ORDER BY hash(i)",
    ],
)
def test_a_greedy_statement_ends_and_loading_goes_on(store: DuckDBStore, statement: str) -> None:
    with pytest.raises(QueryAborted):
        store.sql(statement, 100, stopped_after(5.0))
    assert store.load(batch([{}]), NOON).stored == 1


def test_rows_are_cut_at_the_limit_without_being_made(store: DuckDBStore) -> None:
    assert store.sql("SELECT * FROM range(1000000000000)", 7, Cancellation()).column(0).to_pylist() == list(range(7))


def test_a_result_is_limited_in_size(store: DuckDBStore) -> None:
    statement = "SELECT md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS x, * FROM range(100000000) t(i)"
    with pytest.raises(QueryAborted, match="MiB"):
        store.sql(statement, 100_000_000, Cancellation())


ENDLESS = "SELECT sum(a.range * b.range) FROM range(300000) a, range(600000) b"


@pytest.mark.parametrize("timeout_s", [0.0, 0.00001, 0.001, 0.003])
def test_a_limit_that_is_over_before_the_statement_begins_stops_it(store: DuckDBStore, timeout_s: float) -> None:
    with pytest.raises(QueryAborted, match=r"took longer than"):
        store.sql(ENDLESS, 10, stopped_after(timeout_s))


def test_a_statement_that_begins_while_it_is_cancelled_is_stopped() -> None:
    """DuckDB forgets an interrupt that comes before a statement begins."""
    cancellation, begun, stopped = Cancellation(), threading.Event(), threading.Event()

    def stop() -> None:
        if begun.is_set():
            stopped.set()

    with cancellation.stopping(stop):
        cancellation.cancel()
        begun.set()
        assert stopped.wait(10)
    with pytest.raises(QueryAborted, match="cancelled"):
        cancellation.check()


def test_a_reading_that_is_cancelled_answers_nothing_more(store: DuckDBStore) -> None:
    cancellation = Cancellation()
    with store.reading(cancellation) as reading:
        assert reading.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        threading.Timer(0.2, cancellation.cancel, ["nobody waits"]).start()
        for _ in range(2):
            with pytest.raises(QueryAborted, match="nobody waits"):
                reading.ask(ENDLESS)


def test_readings_after_each_other_see_what_was_stored_meanwhile(store: DuckDBStore) -> None:
    """Also where the one before was stopped, or failed."""
    for number in range(1, 4):
        cancellation = Cancellation()
        with store.reading(cancellation) as reading:
            before = reading.ask("SELECT count(*) AS n FROM positions")["n"][0].as_py()
            with pytest.raises(QueryAborted):
                reading.ask("SELECT nothing FROM positions")
        with store.reading(cancellation) as stopped:
            cancellation.cancel()
            with pytest.raises(QueryAborted):
                stopped.ask("SELECT 1 AS one")
        store.load(batch(positions={number: Position(number, 1, 1)}), NOON)
        with store.reading(Cancellation()) as reading:
            assert reading.ask("SELECT count(*) AS n FROM positions")["n"][0].as_py() == before + 1


def test_readings_at_the_same_time_do_not_share_their_state_of_the_data(store: DuckDBStore) -> None:
    counted = "SELECT count(*) AS n FROM positions"
    with store.reading(Cancellation()) as one:
        before = one.ask(counted).to_pylist()
        store.load(batch(positions={7: Position(7, 1, 1)}), NOON)
        with store.reading(Cancellation()) as other:
            assert other.ask(counted).to_pylist() == [{"n": before[0]["n"] + 1}]
        assert one.ask(counted).to_pylist() == before


def test_a_reading_is_asked_with_named_parameters(store: DuckDBStore) -> None:
    with store.reading(Cancellation()) as reading:
        for number in (1, 2):
            assert reading.ask("SELECT $number + 1 AS n", {"number": number}).to_pylist() == [{"n": number + 1}]
        with pytest.raises(QueryAborted):
            reading.ask("SELECT $number + 1 AS n", {"other": 1})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(CASE WHEN range = 90000 THEN 'x' ELSE '1' END AS INT) FROM range(100000)",
        "SELECT CASE WHEN range = 90000 THEN error('boom') ELSE 1 END FROM range(100000)",
    ],
)
def test_what_fails_among_the_last_rows_is_told(store: DuckDBStore, statement: str) -> None:
    with pytest.raises(QueryAborted, match=r"boom|Could not convert"):
        store.sql(statement, 1_000_000, Cancellation())


def test_values_of_named_parameters_are_given_apart(store: DuckDBStore) -> None:
    statement = "SELECT player_id, $n AS n FROM players WHERE first_day <= $day AND player_id = $id"
    values = {"day": "2026-01-01", "id": "p", "n": None}
    assert store.sql(statement, 10, Cancellation(), None, values).to_pylist() == [{"player_id": "p", "n": None}]
    assert store.sql(statement, 10, Cancellation(), None, {**values, "id": "' OR 1=1 --"}).num_rows == 0


def test_parameters_are_those_of_some_games_too(store: DuckDBStore) -> None:
    statement = "SELECT player_id FROM players WHERE player_id = $id"
    games = {game: store.sql(statement, 10, Cancellation(), [game], {"id": "p"}).num_rows for game in (1, 2)}
    assert games == {1: 1, 2: 0}


@pytest.mark.parametrize(
    ("statement", "values", "said"),
    [
        ("SELECT $day", {}, r"the parameter \$day, and there is no value for it"),
        ("SELECT ?", {}, r"the parameter \$1"),
        ("SELECT $day", {"day": 1, "dya": 2}, r"no parameter \$dya; its parameters: \$day"),
        ("SELECT 1", {"day": 1}, r"no parameter \$day; its parameters: none"),
        ("SELECT * FROM players WHERE first_day = $day", {"day": "soon"}, "soon"),
        ("SELECT * FROM read_text($file)", {"file": "/etc/passwd"}, "read_text is not available"),
    ],
)
def test_parameters_without_a_value_and_values_without_a_parameter(
    store: DuckDBStore, statement: str, values: dict[str, SqlValue], said: str
) -> None:
    with pytest.raises(QueryAborted, match=said):
        store.sql(statement, 10, Cancellation(), None, values)
