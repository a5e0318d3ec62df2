"""Funnels from events to steps: both engines say what the oracle finds by trying every attempt."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.funnel_attempts import Order
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.question.query import Condition, EventMatch, Operator, Period
from tests.support.answers import answers, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle import funnel
from tests.support.oracle.dimensions import own_value
from tests.support.oracle.events import Is, of_category, of_node
from tests.support.oracle.funnel import Attempt
from tests.support.oracle.game import Game, Stored, game

_PERIOD = Period(dt.date(2025, 12, 27), dt.date(2026, 1, 5))
_OFTEN = ("progression", "purchases")
_START = EventMatch("progression", "Start", is_prefix=True)
_COMPLETE_W1 = EventMatch("progression", "Complete:w1", is_prefix=True)
_PURCHASE = EventMatch("business", filter=Condition("build", Operator.IS_NOT, ("1.1",)))
_STEPS = (_START, _COMPLETE_W1, _PURCHASE)


def _is_purchase_elsewhere(event: Stored) -> bool:
    return event.sent.category == "business" and event.sent.build != "1.1"


_ARE_STEPS: Sequence[Is] = (
    of_node("progression", "Start"),
    of_node("progression", "Complete:w1"),
    _is_purchase_elsewhere,
)
_SAME = (EventMatch("progression"), EventMatch("progression"), EventMatch("progression", "Complete", is_prefix=True))
_ARE_SAME: Sequence[Is] = (of_category("progression"), of_category("progression"), of_node("progression", "Complete"))


@FEW
@given(history=histories(_OFTEN, max_events=25))
def test_funnels(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, max_events=25))
def test_funnels_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history, NOW)
        for order in Order:
            _compare_funnel(engines, known, Funnel(_STEPS, _PERIOD, 3 * 3600, order), _ARE_STEPS)
        _compare_funnel(engines, known, Funnel(_STEPS, _PERIOD, 2 * 86_400, count=Unit.SESSIONS), _ARE_STEPS)
        _compare_funnel(engines, known, Funnel(_SAME, _PERIOD, 3601), _ARE_SAME)
        _compare_funnel(engines, known, Funnel(_STEPS, _PERIOD, 5 * 86_400, group_by=("country",)), _ARE_STEPS)


def _compare_funnel(engines: BothEngines, known: Game, question: Funnel, steps: Sequence[Is]) -> None:
    events = [event for event in known.events if event.player is not None]
    unit = "session" if question.count is Unit.SESSIONS else "player"
    window = question.window_s * 1_000_000
    found = funnel.attempts(known, events, steps, window, question.order, unit, may_begin=_is_in_period)
    groups = {_group(attempt, events, steps[0]) for attempt in found} if question.group_by else {None}
    wanted = {
        (group, step + 1): row
        for group in groups
        for step, row in enumerate(
            _rows([a for a in found if not question.group_by or _group(a, events, steps[0]) == group], len(steps))
        )
    }
    for engine, answer in answers(engines, question):
        told = {(row.get("country"), row["step"]): row for row in rows(answer)}
        assert set(told) == set(wanted), (engine, question)
        for key, row in wanted.items():
            assert is_same_row(told[key], row), (engine, question, key, told[key], row)


def _is_in_period(event: Stored) -> bool:
    return _PERIOD.start <= event.day <= _PERIOD.end


def _rows(found: Sequence[Attempt], steps: int) -> list[dict[str, Any]]:
    counts, times = funnel.counts(found, steps), funnel.median_times_s(found, steps)
    return [
        {
            "count": counts[step],
            "from_previous": counts[step] / counts[step - 1] if step and counts[step - 1] else None,
            "from_first": counts[step] / counts[0] if counts[0] else None,
            "median_from_previous_s": times[step],
        }
        for step in range(steps)
    ]


def _group(attempt: Attempt, events: Sequence[Stored], is_first: Is) -> str | None:
    """The country of the attempt's first event; of several at that time the least."""
    firsts = [e for e in events if e.player == attempt.unit and e.time == attempt.first.time and is_first(e)]
    countries = [str(value) for event in firsts if (value := own_value(event, "country")) is not None]
    return min(countries, default=None)
