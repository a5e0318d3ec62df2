"""A question's surroundings: its time is for all of its statements together."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from questlog.analytics.engine.compile import Dialect
from questlog.analytics.engine.context import Context, TimeLeft
from questlog.store.contract import Cancellation, QueryRefused


class _Slow:
    """An engine whose every answer takes ten seconds of a clock of its own."""

    dialect: Dialect = "duckdb"

    def __init__(self) -> None:
        self.now_s = 0.0
        self.allowed: list[float] = []

    def ask(self, statement: str, timeout_s: float, cancellation: Cancellation) -> pa.Table:  # noqa: ARG002
        self.allowed.append(timeout_s)
        self.now_s += 10
        return pa.table({"n": pa.array([1], pa.int64())})


def _one() -> ir.Table:
    return ibis.table({"n": "int64"}, name="numbers")


def test_statements_share_the_time_of_their_question() -> None:
    engine = _Slow()
    context = Context(1, engine, 0, time_left=TimeLeft(25, lambda: engine.now_s))
    for _ in range(3):
        context.run(_one)
    assert engine.allowed == [25, 15, 5]
    with pytest.raises(QueryRefused, match="longer than 25 s"):
        context.run(_one)


def test_today_is_the_running_day_in_utc() -> None:
    last_of_1970 = 365 * 86_400_000_000 - 1
    assert Context(1, _Slow(), last_of_1970).today.isoformat() == "1970-12-31"
    assert Context(1, _Slow(), last_of_1970 + 1).today.isoformat() == "1971-01-01"
