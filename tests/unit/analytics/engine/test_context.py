"""A question's surroundings: one state of the data, what stops it, what is kept for the next."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from questlog.analytics.engine.compile import Dialect
from questlog.analytics.engine.context import Context, KeptAnswers
from questlog.analytics.runner import Analytics, Definitions
from questlog.store.contract import Cancellation, PlayerErasure, QueryAborted
from tests.support.engines import embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import NOON, batch, erase_all


class _Reading:
    """Answers every statement with a 1."""

    dialect: Dialect = "duckdb"

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.parameters: list[Mapping[str, object] | None] = []

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        self.statements.append(statement)
        self.parameters.append(parameters)
        return pa.table({"n": pa.array([1], pa.int64())})

    def table_sizes(self) -> pa.Table:
        return pa.table({"name": ["numbers"], "rows": [9]})


def _one() -> ir.Table:
    return ibis.table({"n": "int64"}, name="numbers")


def test_nothing_more_is_asked_once_the_question_is_cancelled() -> None:
    reading, cancellation = _Reading(), Cancellation()
    context = Context(1, reading, 0, cancellation=cancellation)
    context.run(_one)
    cancellation.cancel("it took longer than 25 s")
    with pytest.raises(QueryAborted, match="longer than 25 s"):
        context.run(_one)
    assert len(reading.statements) == 1


def test_what_was_read_is_traced_by_the_source_that_asked() -> None:
    context = Context(1, _Reading(), 0)
    with context.trace.answering("days", ["dau"]):
        context.run(_one)
        with context.trace.answering("hours", ["revenue", "dau"]):
            context.run(_one)
    assert {name: list(answers) for name, answers in context.trace.sources.items()} == {
        "days": ["dau"],
        "hours": ["revenue", "dau"],
    }
    context.run(_one)
    assert list(context.trace.sources) == ["days", "hours", "numbers"]
    assert context.trace.tables == {"numbers": 3}


def test_what_many_need_is_asked_once_while_the_data_stay() -> None:
    reading, kept = _Reading(), KeptAnswers()
    for version in (7, 7, 8, 8, 0, 0):
        assert Context(1, reading, 0, data_version=version, kept_answers=kept).run_once(_one).num_rows == 1
    assert len(reading.statements) == 4


def test_kept_answers_are_bounded() -> None:
    kept = KeptAnswers(most=2)
    made = [kept.get(key, 1, lambda: pa.table({})) for key in range(5)]
    assert kept.get(4, 1, lambda: pa.table({"new": [1]})) is made[4]
    assert kept.get(0, 1, lambda: pa.table({"new": [1]})).num_rows == 1


def test_today_is_the_running_day_in_utc() -> None:
    last_of_1970 = 365 * 86_400_000_000 - 1
    assert Context(1, _Reading(), last_of_1970).today.isoformat() == "1970-12-31"
    assert Context(1, _Reading(), last_of_1970 + 1).today.isoformat() == "1971-01-01"


def test_all_statements_of_a_question_see_one_state_of_the_data() -> None:
    with embedded_store() as store:
        store.load(batch([{"player_id": "one"}]), NOON)
        analytics = Analytics(store, FakeClock(NOON), lambda _: Definitions())
        with analytics.context(1) as context:
            first = context.run(_players)
            store.load(batch([{"player_id": "two"}]), NOON)
            assert (context.run(_players), context.data_version) == (first, 1)
        with analytics.context(1) as context:
            assert (context.run(_players)["players"].to_pylist(), context.data_version) == ([2], 2)


def test_an_erasure_and_a_rebuild_are_other_data() -> None:
    with embedded_store() as store:
        analytics = Analytics(store, FakeClock(NOON), lambda _: Definitions())
        store.load(batch([{"player_id": "one"}, {"player_id": "two"}]), NOON)
        seen = [analytics.state(1).data_version]
        store.load(batch(erasures=[PlayerErasure(1, "one", NOON)]), NOON)
        erase_all(store)
        seen.append(analytics.state(1).data_version)
        store.rebuild(lambda _table, _share: None)
        seen.append(analytics.state(1).data_version)
        store.load(batch([{"player_id": "one"}]), NOON)
        seen.append(analytics.state(1).data_version)
    assert seen == [1, 3, 4, 5]


def _players() -> ir.Table:
    return ibis.table({"player_no": "int64"}, name="players").aggregate(players=ibis._.count())
