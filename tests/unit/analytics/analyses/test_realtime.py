"""The last hour and the last day, beside a week ago, the same on both engines."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from questlog.analytics.analyses.realtime import Realtime, Span, answer
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Not, Operator
from tests.support.engines import BothEngines, embedded_store
from tests.support.oracle.zones import moment
from tests.support.staged import DAY, HOUR, MINUTE, NOON, SECOND, batch, new_id

NOW = NOON + 30 * MINUTE + 20 * SECOND
WEEK = 7 * DAY


def event(at: int, player: str | None, **fields: Any) -> dict[str, Any]:
    session = f"{player}-{at}" if player else None
    return {"client_event_id": new_id(), "player_id": player, "session_id": session, "event_time": at, **fields}


ROWS = [
    event(NOW, "ann"),
    event(NOON + 30 * MINUTE, "bob", category="error", severity="error"),
    event(NOON + 29 * MINUTE, "ann", category="business", amount=199, amount_usd=Decimal("1.99"), currency="USD"),
    event(NOON + 29 * MINUTE, None, category="error", severity="warning"),
    event(NOON - 30 * MINUTE, "ann"),
    event(NOON - 29 * MINUTE, "cid"),
    event(NOON - 22 * HOUR, "ann"),
    event(NOON - 23 * HOUR - SECOND, "old"),
    event(NOW - WEEK + 30 * SECOND, "old"),  # later in the same minute a week ago
    event(NOW - WEEK - DAY, "old"),
    event(NOON - WEEK - 23 * HOUR, "eve", category="business", amount=1, amount_usd=Decimal("0.01"), currency="USD"),
    event(NOW, "ann", game_id=2),
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch(ROWS), NOW)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def context(request: pytest.FixtureRequest, engines: BothEngines) -> Context:
    engine = engines.duckdb if request.param == "duckdb" else engines.clickhouse
    return Context(1, engine, NOW, last_player_no=100)


def rows_of(question: Realtime, context: Context) -> list[dict[str, Any]]:
    found = answer(question, context)
    assert [column.name for column in found.columns] == found.table.column_names
    rows: list[dict[str, Any]] = found.table.to_pylist()
    return rows


def numbers(row: dict[str, Any], prefix: str = "") -> tuple[Any, ...]:
    return tuple(row[f"{prefix}{name}"] for name in ("active", "new", "sessions", "revenue", "errors"))


NOTHING = (0, 0, 0, Decimal(0), 0)


def test_the_hour_is_sixty_minutes_of_which_the_last_is_running(context: Context) -> None:
    rows = rows_of(Realtime(), context)
    assert [row["bucket"] for row in rows] == [moment(NOON + place * MINUTE) for place in range(-29, 31)]
    assert numbers(rows[-1]) == (2, 1, 2, Decimal(0), 1)
    assert numbers(rows[-2]) == (1, 0, 1, Decimal("1.99"), 1)
    assert numbers(rows[0]) == (1, 1, 1, Decimal(0), 0)
    assert {numbers(row) for row in rows[1:-2]} == {NOTHING}


def test_the_same_minute_a_week_ago_is_whole(context: Context) -> None:
    rows = rows_of(Realtime(), context)
    assert numbers(rows[-1], "week_ago_") == (1, 0, 1, Decimal(0), 0)
    assert {numbers(row, "week_ago_") for row in rows[:-1]} == {NOTHING}


def test_the_day_is_twenty_four_hours_of_which_the_last_is_running(context: Context) -> None:
    rows = rows_of(Realtime(Span.DAY), context)
    assert [row["bucket"] for row in rows] == [moment(NOON + place * HOUR) for place in range(-23, 1)]
    assert numbers(rows[-1]) == (2, 1, 3, Decimal("1.99"), 2)
    assert numbers(rows[-2]) == (2, 1, 2, Decimal(0), 0)
    assert numbers(rows[1]) == (1, 1, 1, Decimal(0), 0)
    assert numbers(rows[0], "week_ago_") == (1, 1, 1, Decimal("0.01"), 0)
    assert sum(row["active"] for row in rows) == 5


@pytest.mark.parametrize("span", Span)
def test_a_filter_that_all_pass_changes_nothing(context: Context, span: Span) -> None:
    everything = Not(Condition("country", Operator.IS, ("nowhere",)))
    assert rows_of(Realtime(span, everything), context) == rows_of(Realtime(span), context)


def test_only_what_passes_a_filter_counts(context: Context) -> None:
    rows = rows_of(Realtime(filter=Condition("severity", Operator.IS, ("warning",))), context)
    assert [row["errors"] for row in rows] == [0] * 58 + [1, 0]
    with pytest.raises(InvalidQuery, match="did you mean 'country'"):
        rows_of(Realtime(filter=Condition("contry", Operator.IS_SET)), context)


def test_the_statements_stay_the_same_from_minute_to_minute(engines: BothEngines) -> None:
    def asked_at(now_us: int) -> list[str]:
        engines.duckdb.statements.clear()
        answer(Realtime(), Context(1, engines.duckdb, now_us, last_player_no=100))
        return list(engines.duckdb.statements)

    assert asked_at(NOW) == asked_at(NOW + 5 * MINUTE)
    assert asked_at(NOW) != asked_at(NOW + HOUR)
