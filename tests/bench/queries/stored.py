"""The history in Questlog's store, and the questions as Questlog asks them.

For the metrics of what the history has none of, the store can have more beside it: every session begins with an
`sdk_init`, every third with ad events and an impression, and every third ends with a `health` event; there are scores,
attempts, errors of SDKs, refunds, and receipts of every state.

To load it event by event would take an hour or two. So it is written into the tables by SQL, rows as the loader makes
them, and `rebuild` makes the rollups. Questions then go the way of every question: `analytics.runner`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from questlog.analytics.analyses.explore import Explore, Measure
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.engine.growing import KeptRows
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Granularity, Operator, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from questlog.config import CardinalitySettings
from questlog.store.duckdb.connection import _ROW_GROUP_SIZE, EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.bench.queries.answers import BUILDS, FUNNEL_STEPS, FUNNEL_WINDOW_US, LAST_30_DAYS, PLATFORM, Rows

GAME = 1
PERIOD = Period(dt.date(2025, 1, 1), dt.date(2025, 3, 1))
RECENT = Period(dt.date.fromisoformat(LAST_30_DAYS), PERIOD.end)
NOW_US = 1_767_225_600_000_000  # 2026-01-01: every day has passed

_NUMBERS = """
    CREATE TEMP TABLE new_players AS
    SELECT player_id, row_number() OVER (ORDER BY min(event_time), player_id) AS player_no
    FROM read_parquet($files) GROUP BY player_id;
    CREATE TEMP TABLE new_sessions AS
    SELECT session_id, row_number() OVER (ORDER BY min(event_time), session_id) AS session_no
    FROM read_parquet($files) GROUP BY session_id;
    CREATE TEMP TABLE new_names AS
    SELECT category, event_id, row_number() OVER (ORDER BY category, event_id) AS event_no
    FROM (SELECT DISTINCT category, event_id FROM read_parquet($files)
        UNION SELECT unnest(['sdk_init', 'ads', 'impression', 'health', 'sdk_error']), NULL);
"""

_SENT = """
    SELECT *, CASE WHEN category = 'business' THEN 'unchecked' END AS receipt_state, NULL::BIGINT AS attempt_num,
        NULL::DOUBLE AS score, NULL::DECIMAL(18,6) AS ad_revenue_usd, NULL AS ad_action FROM read_parquet($file)
"""

_THIRD = "hash(session_id) % 3"
_NOT_SENT = "NULL AS event_id, NULL AS value, NULL AS amount, NULL AS currency"
_AD_ACTIONS = "['request', 'show', if(hash(session_id) % 2 = 0, 'clicked', 'reward_received'), 'failed_show']"


def _table(name: str, entries: int) -> str:
    """SQL: a table of samples as SDKs send it, around a place that differs from session to session."""
    middle = f"hash(session_id) % {entries - 20} + 10"
    entry = f"if(abs(place - ({middle})::BIGINT) < 8, (hash(session_id) >> (place % 16)) % 30, 0)"
    return f"'\"{name}\":' || to_json([{entry} FOR place IN range({entries})])"


_TABLES = " || ',' || ".join(
    (_table("fps_data_table", 121), _table("memory_sys_data_table", 101), _table("memory_app_data_table", 101))
)

_ALL_KINDS = f"""
    SELECT * REPLACE (
        CASE WHEN category = 'business' THEN ['valid', 'invalid', 'unchecked'][1 + ({_THIRD})::BIGINT] END
            AS receipt_state,
        CASE WHEN category = 'business' AND hash(session_id) % 40 = 0 THEN -amount ELSE amount END AS amount,
        CASE WHEN category = 'progression' THEN 1 + hash(session_id) % 4 END AS attempt_num,
        CASE WHEN category = 'progression' THEN hash(event_time) % 1000 END AS score
    ) FROM ({_SENT})
    UNION ALL BY NAME SELECT * REPLACE ('sdk_init' AS category, {_NOT_SENT},
        '{{"app_boot_time":' || (200 + hash(session_id) % 5000) || '}}' AS attributes)
    FROM read_parquet($file) WHERE category = 'user'
    UNION ALL BY NAME SELECT * REPLACE ('ads' AS category, {_NOT_SENT}, NULL AS attributes),
        unnest({_AD_ACTIONS}) AS ad_action
    FROM read_parquet($file) WHERE category = 'user' AND {_THIRD} = 0
    UNION ALL BY NAME SELECT * REPLACE ('impression' AS category, {_NOT_SENT}, NULL AS attributes),
        0.01 AS ad_revenue_usd
    FROM read_parquet($file) WHERE category = 'user' AND {_THIRD} = 0
    UNION ALL BY NAME SELECT * REPLACE ('health' AS category, {_NOT_SENT}, '{{' || {_TABLES} || '}}' AS attributes)
    FROM read_parquet($file) WHERE category = 'session_end' AND {_THIRD} = 1
    UNION ALL BY NAME SELECT * REPLACE ('sdk_error' AS category, {_NOT_SENT}, NULL AS attributes)
    FROM read_parquet($file) WHERE category = 'session_end' AND hash(session_id) % 50 = 0
    ORDER BY event_time
"""  # noqa: S608 - no values, and ours

_EVENTS = """
    INSERT INTO events BY NAME
    SELECT $before + row_number() OVER () AS row_no, 1 AS batch_no, game_id, 'gameanalytics' AS source,
        uuid() AS event_uuid, false AS has_client_id, event_time AS received_at, event_time, event_time AS client_time,
        player_no, player_id, session_no, session_id, false AS session_is_matched, event_no, 1 AS writer, 1 AS segment,
        0 AS record_offset, 0 AS record_index, history.category, history.event_id,
        CASE WHEN history.category = 'resource' THEN amount ELSE value END AS value,
        CASE WHEN history.category = 'business' THEN amount END AS amount, currency,
        CASE WHEN history.category = 'business' THEN (amount / 100)::DECIMAL(18,6) END AS amount_usd,
        receipt_state, attempt_num, score, ad_revenue_usd, ad_action, country, platform, build, attributes
    FROM ({source}) AS history JOIN new_players USING (player_id) JOIN new_sessions USING (session_id)
        JOIN new_names AS name ON name.category = history.category
            AND name.event_id IS NOT DISTINCT FROM history.event_id
"""

_COUNTERS = """
    UPDATE counters SET batch_no = 1, row_no = (SELECT count(*) FROM events),
        player_no = (SELECT count(*) FROM new_players), session_no = (SELECT count(*) FROM new_sessions),
        event_no = (SELECT count(*) FROM new_names)
"""


def fill(files: Sequence[Path], folder: Path, memory_limit_mb: int, *, with_all_kinds: bool = False) -> None:
    """Make a store with the history in `folder`."""
    insert = _EVENTS.format(source=_ALL_KINDS if with_all_kinds else _SENT)
    settings = EngineSettings(memory_limit_mb=memory_limit_mb, temp_limit_mb=65_536)
    DuckDBStore(folder, settings).close()
    with duckdb.connect(":memory:", config={"memory_limit": f"{memory_limit_mb}MB"}) as connection:
        connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{folder / 'events.duckdb'}' AS questlog (ROW_GROUP_SIZE {_ROW_GROUP_SIZE})")
        connection.execute("USE questlog")
        for statement in _NUMBERS.split(";")[:-1]:
            connection.execute(statement, {"files": [str(file) for file in files]})
        connection.execute(f"INSERT INTO event_names SELECT event_no, {GAME}, category, event_id FROM new_names")  # noqa: S608
        before = 0
        for file in files:
            [(inserted,)] = connection.execute(insert, {"file": str(file), "before": before}).fetchall()
            before += inserted
        connection.execute(_COUNTERS)
        connection.execute("CHECKPOINT")
    store = DuckDBStore(folder, settings)
    store.rebuild(lambda _table, _share: None)
    store.close()


class _Clock:
    def now_us(self) -> int:
        return NOW_US


class Questlog:
    """The store, opened as a server opens it, and its analytics."""

    name = "Questlog"

    def __init__(self, folder: Path, threads: int) -> None:
        self._store = DuckDBStore(folder, EngineSettings(threads=threads))
        limits = msgspec.structs.asdict(CardinalitySettings())
        self._analytics = Analytics(self._store, _Clock(), lambda _game: Definitions(), limits)
        self._analytics.kept_rows = KeptRows(most_bytes=0)  # nothing is kept from one round to the next

    def ask(self, question: str) -> Rows:
        asked, columns = QUESTIONS[question]
        return columns(self.answer(asked))

    def answer(self, question: msgspec.Struct) -> pa.Table:
        """The table of the answer, as the API gives it."""
        return self._analytics.ask(GAME, question).table

    def events(self) -> int:
        """How many events there are."""
        count: int = self._store.query("SELECT count(*) AS events FROM events", {})["events"][0].as_py()
        return count

    def close(self) -> None:
        self._store.close()


_IS_PLATFORM = Condition("platform", values=(PLATFORM,))
_IS_BUILD = Condition("build", Operator.IN, tuple(BUILDS))


def _metric(name: str, *group_by: str, condition: Filter | None = None) -> Query:
    return Query((name,), PERIOD, group_by=group_by, filter=condition)


def _funnel(period: Period) -> Funnel:
    steps = tuple(EventMatch("progression", event_id) for event_id in FUNNEL_STEPS)
    return Funnel(steps, period, FUNNEL_WINDOW_US // 1_000_000)


def _attribute(period: Period) -> Query:
    return Query(("design_count",), period, Granularity.ALL, ("attributes.mode",))


def _columns(*names: str) -> Callable[[pa.Table], Rows]:
    def rows(table: pa.Table) -> Rows:
        return list(zip(*(table[name].to_pylist() for name in names), strict=True))

    return rows


def _nodes(*names: str) -> Callable[[pa.Table], Rows]:
    def rows(table: pa.Table) -> Rows:
        return [row for row in _columns("node", *names)(table) if row[0]]

    return rows


QUESTIONS: Mapping[str, tuple[Any, Callable[[pa.Table], Rows]]] = {
    "dau": (_metric("dau"), _columns("bucket", "dau")),
    "dau_by_platform": (_metric("dau", "platform"), _columns("bucket", "platform", "dau")),
    "dau_one_filter": (_metric("dau", condition=_IS_PLATFORM), _columns("bucket", "dau")),
    "dau_two_filters": (_metric("dau", condition=AllOf((_IS_PLATFORM, _IS_BUILD))), _columns("bucket", "dau")),
    "mau": (_metric("mau"), _columns("bucket", "mau")),
    "revenue": (_metric("revenue"), _columns("bucket", "revenue")),
    "revenue_by_country": (_metric("revenue", "country"), _columns("bucket", "country", "revenue")),
    "arpdau": (_metric("arpdau"), _columns("bucket", "arpdau")),
    "session_length_median": (_metric("session_length_median"), _columns("bucket", "session_length_median")),
    "retention": (Retention(PERIOD, ages=PERIOD.days - 1), _columns("cohort", "age", "players")),
    "funnel": (_funnel(PERIOD), _columns("step", "count")),
    "funnel_30_days": (_funnel(RECENT), _columns("step", "count")),
    "explore": (Explore(PERIOD, depth=2, measures=(Measure.COUNT, Measure.SUM)), _nodes("count", "sum")),
    "explore_players": (
        Explore(PERIOD, depth=2, measures=(Measure.COUNT, Measure.SUM, Measure.PLAYERS)),
        _nodes("count", "sum", "players"),
    ),
    "attribute": (_attribute(PERIOD), _columns("attributes.mode", "design_count")),
    "attribute_30_days": (_attribute(RECENT), _columns("attributes.mode", "design_count")),
}
"""Each question, and the columns of its answer that are compared."""
