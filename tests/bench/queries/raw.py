"""The questions in SQL on DuckDB and on ClickHouse (chdb), straight over the raw events in a table of their own."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from chdb.session import Session

from tests.bench.queries.answers import BUILDS, FUNNEL_STEPS, FUNNEL_WINDOW_US, LAST_30_DAYS, PLATFORM, Rows

_STEP_LIST = ", ".join(f"'{step}'" for step in FUNNEL_STEPS)
_WINDOW = FUNNEL_WINDOW_US
_IS_PLATFORM = f"platform = '{PLATFORM}'"
_IS_BUILD = f"build IN ({', '.join(map(repr, BUILDS))})"


# The latest attempt is the best one: of every start that reached a step, only the last is worth continuing.
def _duckdb_funnel(condition: str) -> str:
    return f"""
        WITH steps AS (
                 SELECT player_id, epoch_us(event_time) AS t, list_position([{_STEP_LIST}], event_id) AS step
                 FROM events WHERE category = 'progression' AND event_id IN ({_STEP_LIST}) AND {condition}),
             one AS (SELECT *, max(CASE WHEN step = 1 THEN t END) OVER attempt AS start FROM steps
                     WINDOW attempt AS (PARTITION BY player_id ORDER BY t, step)),
             two AS (SELECT *, max(CASE WHEN step = 2 AND t - start <= {_WINDOW} THEN start END) OVER attempt AS start2
                     FROM one WINDOW attempt AS (PARTITION BY player_id ORDER BY t, step))
        SELECT step, count(DISTINCT player_id) FROM two
        WHERE step = 1 OR (step = 2 AND t - start <= {_WINDOW}) OR (step = 3 AND t - start2 <= {_WINDOW})
        GROUP BY step"""  # noqa: S608 - our own constants


def _duckdb_tree(columns: str) -> str:
    return f"""
        WITH design AS (SELECT split_part(event_id, ':', 1) AS a, split_part(event_id, ':', 2) AS b, value, player_id
                        FROM events WHERE category = 'design')
        SELECT concat_ws(':', a, b), {columns} FROM design GROUP BY GROUPING SETS ((a), (a, b))"""  # noqa: S608


def _duckdb_dau(condition: str) -> str:
    return f"SELECT event_time::DATE, count(DISTINCT player_id) FROM events WHERE {condition} GROUP BY ALL"  # noqa: S608


_IS_RECENT = f"event_time >= '{LAST_30_DAYS}'"
_DUCKDB_ATTRIBUTE = "SELECT attributes->>'mode', count(*) FROM events WHERE category = 'design'"

DUCKDB: Mapping[str, str] = {
    "dau": "SELECT event_time::DATE AS day, count(DISTINCT player_id) FROM events GROUP BY day",
    "dau_by_platform": "SELECT event_time::DATE, platform, count(DISTINCT player_id) FROM events GROUP BY ALL",
    "dau_one_filter": _duckdb_dau(_IS_PLATFORM),
    "dau_two_filters": _duckdb_dau(f"{_IS_PLATFORM} AND {_IS_BUILD}"),
    "mau": """
        WITH active AS (SELECT DISTINCT player_id, event_time::DATE AS day FROM events),
             days AS (SELECT DISTINCT day FROM active)
        SELECT days.day, count(DISTINCT player_id)
        FROM days JOIN active ON active.day BETWEEN days.day - 29 AND days.day GROUP BY days.day""",
    "revenue": "SELECT event_time::DATE, sum(amount) / 100 FROM events WHERE category = 'business' GROUP BY ALL",
    "revenue_by_country": """
        SELECT event_time::DATE, country, sum(amount) / 100 FROM events WHERE category = 'business' GROUP BY ALL""",
    "arpdau": """
        SELECT event_time::DATE, sum(amount) FILTER (category = 'business') / 100 / count(DISTINCT player_id)
        FROM events GROUP BY ALL""",
    "session_length_median": """
        WITH sessions AS (
            SELECT min(event_time)::DATE AS day, epoch_us(max(event_time)) - epoch_us(min(event_time)) AS us
            FROM events GROUP BY session_id)
        SELECT day, median(us) / 1e6 FROM sessions GROUP BY day""",
    "retention": """
        WITH active AS (SELECT DISTINCT player_id, event_time::DATE AS day FROM events),
             born AS (SELECT player_id, min(day) AS first_day FROM active GROUP BY player_id)
        SELECT first_day, day - first_day AS age, count(*) FROM active JOIN born USING (player_id) GROUP BY ALL""",
    "funnel": _duckdb_funnel("true"),
    "funnel_30_days": _duckdb_funnel(_IS_RECENT),
    "explore": _duckdb_tree("count(*), sum(value)"),
    "explore_players": _duckdb_tree("count(*), sum(value), count(DISTINCT player_id)"),
    "attribute": f"{_DUCKDB_ATTRIBUTE} GROUP BY ALL",
    "attribute_30_days": f"{_DUCKDB_ATTRIBUTE} AND {_IS_RECENT} GROUP BY ALL",
}

CLICKHOUSE_TABLE = """
    CREATE TABLE bench.events (
        game_id UInt32, event_time DateTime64(6, 'UTC'),
        category LowCardinality(String), event_id LowCardinality(String), player_id String, session_id String,
        value Nullable(Float64), amount Nullable(Int64), currency LowCardinality(String),
        country LowCardinality(String), platform LowCardinality(String), build LowCardinality(String),
        attributes String
    ) ENGINE = MergeTree ORDER BY (game_id, category, event_id, event_time)"""


def _clickhouse_funnel(condition: str) -> str:
    return f"""
        SELECT step, countIf(level >= step)
        FROM (SELECT windowFunnel({_WINDOW})(toUInt64(toUnixTimestamp64Micro(event_time)),
                     {", ".join(f"event_id = '{step}'" for step in FUNNEL_STEPS)}) AS level
              FROM bench.events WHERE category = 'progression' AND event_id IN ({_STEP_LIST}) AND {condition}
              GROUP BY player_id)
        ARRAY JOIN {list(range(1, len(FUNNEL_STEPS) + 1))} AS step GROUP BY step"""  # noqa: S608


def _clickhouse_tree(columns: str) -> str:
    return f"""
        SELECT if(b = '', a, concat(a, ':', b)), {columns}
        FROM (SELECT splitByChar(':', event_id)[1] AS a, splitByChar(':', event_id)[2] AS b, value, player_id
              FROM bench.events WHERE category = 'design')
        GROUP BY GROUPING SETS ((a), (a, b))"""  # noqa: S608


def _clickhouse_dau(condition: str) -> str:
    return f"""
        SELECT toDate(event_time) AS day, uniqExact(player_id) FROM bench.events WHERE {condition} GROUP BY day"""  # noqa: S608


_CLICKHOUSE_ATTRIBUTE = (
    "SELECT JSONExtractString(attributes, 'mode') AS mode, count() FROM bench.events WHERE category = 'design'"
)

CLICKHOUSE: Mapping[str, str] = {
    "dau": "SELECT toDate(event_time) AS day, uniqExact(player_id) FROM bench.events GROUP BY day",
    "dau_by_platform": """
        SELECT toDate(event_time) AS day, platform, uniqExact(player_id) FROM bench.events GROUP BY day, platform""",
    "dau_one_filter": _clickhouse_dau(_IS_PLATFORM),
    "dau_two_filters": _clickhouse_dau(f"{_IS_PLATFORM} AND {_IS_BUILD}"),
    "mau": """
        SELECT day, count()
        FROM (SELECT arrayJoin(arrayDistinct(arrayFlatten(arrayMap(
                         day -> arrayMap(age -> day + age, range(30)), groupUniqArray(toDate(event_time)))))) AS day
              FROM bench.events GROUP BY player_id)
        WHERE day <= (SELECT max(toDate(event_time)) FROM bench.events) GROUP BY day""",
    "revenue": """
        SELECT toDate(event_time) AS day, sum(amount) / 100
        FROM bench.events WHERE category = 'business' GROUP BY day""",
    "revenue_by_country": """
        SELECT toDate(event_time) AS day, country, sum(amount) / 100
        FROM bench.events WHERE category = 'business' GROUP BY day, country""",
    "arpdau": """
        SELECT toDate(event_time) AS day, sumIf(amount, category = 'business') / 100 / uniqExact(player_id)
        FROM bench.events GROUP BY day""",
    "session_length_median": """
        SELECT toDate(start) AS day, quantileExactInclusive(0.5)(us) / 1e6
        FROM (SELECT min(event_time) AS start,
                     toUnixTimestamp64Micro(max(event_time)) - toUnixTimestamp64Micro(min(event_time)) AS us
              FROM bench.events GROUP BY session_id)
        GROUP BY day""",
    "retention": """
        SELECT first_day, arrayJoin(days) - first_day AS age, count()
        FROM (SELECT min(toDate(event_time)) AS first_day, groupUniqArray(toDate(event_time)) AS days
              FROM bench.events GROUP BY player_id)
        GROUP BY first_day, age""",
    "funnel": _clickhouse_funnel("true"),
    "funnel_30_days": _clickhouse_funnel(_IS_RECENT),
    "explore": _clickhouse_tree("count(), sum(value)"),
    "explore_players": _clickhouse_tree("count(), sum(value), uniqExact(player_id)"),
    "attribute": f"{_CLICKHOUSE_ATTRIBUTE} GROUP BY mode",
    "attribute_30_days": f"{_CLICKHOUSE_ATTRIBUTE} AND {_IS_RECENT} GROUP BY mode",
}


class RawDuckDB:
    """One table of the events as they are in the files, in order of time."""

    name = "DuckDB"

    def __init__(self, files: Sequence[Path], folder: Path, threads: int) -> None:
        self._connection = duckdb.connect(str(folder / "raw.duckdb"), config={"threads": threads})
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute("CREATE TABLE events AS FROM read_parquet($files)", {"files": list(map(str, files))})

    def ask(self, question: str) -> Rows:
        return self._connection.execute(DUCKDB[question]).fetchall()

    def close(self) -> None:
        self._connection.close()


class RawClickHouse:
    """One table of the events, sorted by category, id and time. chdb allows one session per process."""

    name = "ClickHouse"

    def __init__(self, files: Sequence[Path], folder: Path, threads: int) -> None:
        session: Any = Session(str(folder / "clickhouse"))  # type: ignore[no-untyped-call]
        self._session = session
        self._threads = threads
        for statement in ("CREATE DATABASE bench ENGINE = Atomic", CLICKHOUSE_TABLE):
            self._session.query(statement)
        for file in files:
            self._send(f"INSERT INTO bench.events SELECT * FROM file('{file.resolve()}', Parquet)")  # noqa: S608
        # Merged to the end: asked at its best, and not at work beside the other engines.
        self._session.query("OPTIMIZE TABLE bench.events FINAL")

    def ask(self, question: str) -> Rows:
        return list(csv.reader(io.StringIO(self._send(CLICKHOUSE[question]))))

    def close(self) -> None:
        self._session.close()

    def _send(self, statement: str) -> str:
        text: str = self._session.query(f"{statement} SETTINGS max_threads = {self._threads}", "CSV").bytes().decode()
        return text
