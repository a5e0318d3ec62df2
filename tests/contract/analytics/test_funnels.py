"""Funnels from events to steps: both engines say what the oracle finds by trying every attempt."""

import datetime as dt
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.funnel import Exclusion, Funnel
from questlog.analytics.analyses.funnel_attempts import Order
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Operator, Period
from tests.support.answers import answers, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, Frame, History, histories, load
from tests.support.oracle import funnel
from tests.support.oracle.asked import first_of
from tests.support.oracle.dimensions import own_value
from tests.support.oracle.events import Is, of_category, of_node
from tests.support.oracle.funnel import Attempt, Rules
from tests.support.oracle.game import Game, Stored, game
from tests.support.staged import SECOND

_OFTEN = ("progression", "purchases")


def _is_purchase_elsewhere(event: Stored) -> bool:
    return event.sent.category == "business" and event.sent.build != "1.1"


def _is_start_or_jump(event: Stored) -> bool:
    return of_node("progression", "Start")(event) or event.sent.event_id == "jump"


_START = EventMatch("progression", "Start", is_prefix=True)
_JUMP = EventMatch("custom", "jump")
_COMPLETE = EventMatch("progression", "Complete", is_prefix=True)
_COMPLETE_W1 = EventMatch("progression", "Complete:w1", is_prefix=True)
_PURCHASE = EventMatch("business", filter=Condition("build", Operator.IS_NOT, ("1.1",)))
_FAIL = EventMatch("progression", "Fail", is_prefix=True)


@dataclass(frozen=True)
class _Steps:
    """The steps asked for, and what they are."""

    asked: tuple[Any, ...]
    are: Sequence[Is]


_USUAL = _Steps(
    (_START, _COMPLETE_W1, _PURCHASE),
    (of_node("progression", "Start"), of_node("progression", "Complete:w1"), _is_purchase_elsewhere),
)
_SAME = _Steps(
    (EventMatch("progression"), EventMatch("progression"), _COMPLETE),
    (of_category("progression"), of_category("progression"), of_node("progression", "Complete")),
)
_ALTERNATIVES = _Steps(
    ((_START, _JUMP), _COMPLETE, (_PURCHASE, _JUMP)),
    (
        _is_start_or_jump,
        of_node("progression", "Complete"),
        lambda event: _is_purchase_elsewhere(event) or event.sent.event_id == "jump",
    ),
)
_EXCLUDED: tuple[tuple[Exclusion, funnel.Exclusion], ...] = (
    (Exclusion(_FAIL, after_step=1), funnel.Exclusion(of_node("progression", "Fail"), 1)),
    (Exclusion(EventMatch("error")), funnel.Exclusion(of_category("error"))),
)


@FEW
@given(history=histories(_OFTEN, max_events=25, frames=(FRAMES["yesterday again"],)))
def test_funnels(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, max_events=25, frames=tuple(FRAMES.values())))
def test_funnels_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    frame = history.frame
    period = Period(frame.day(1), frame.day(8))
    with embedded_store() as store:
        load(store, history)
        engines = BothEngines(store)
        for order in Order:
            _compare_funnel(engines, history, Funnel(_USUAL.asked, period, 3 * 3600, order), _USUAL)
        _compare_funnel(engines, history, Funnel(_USUAL.asked, period, 2 * 86_400, count=Unit.SESSIONS), _USUAL)
        _compare_funnel(engines, history, Funnel(_SAME.asked, period, 3601, granularity=Granularity.WEEK), _SAME)
        by_country = Funnel(_ALTERNATIVES.asked, period, 5 * 86_400, group_by=("country",))
        _compare_funnel(engines, history, by_country, _ALTERNATIVES)
        excluding = Funnel(_ALTERNATIVES.asked, period, 86_400, exclusions=tuple(asked for asked, _ in _EXCLUDED))
        _compare_funnel(engines, history, excluding, _ALTERNATIVES, tuple(are for _, are in _EXCLUDED))
        by_day = Funnel(_USUAL.asked, Period(frame.day(3), frame.day(6)), 86_400, granularity=Granularity.DAY)
        _compare_funnel(engines, history, by_day, _USUAL)


def _compare_funnel(
    engines: BothEngines,
    history: History,
    question: Funnel,
    steps: _Steps,
    exclusions: tuple[funnel.Exclusion, ...] = (),
) -> None:
    known = game(history)
    events = [event for event in known.events if event.player is not None]
    unit = "session" if question.count is Unit.SESSIONS else "player"

    def bucket(first: Stored) -> Hashable:
        if not question.period.start <= first.day <= question.period.end:
            return None
        return "all" if question.granularity is Granularity.ALL else first_of(question.granularity, first.day)

    rules = Rules(steps.are, question.window_s * SECOND, question.order, unit, bucket, exclusions)
    found = funnel.attempts(known, events, rules)
    for now in (known.now, history.frame.begin_of(5)):
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for of_cell in _buckets(question, history.frame):
            for group in _groups(question, known, found):
                of_group = [a for a in found if a.bucket == of_cell and group in (_group(a, question, known), "all")]
                if of_group or not question.group_by:
                    wanted |= {(of_cell, group, row["step"]): row for row in _rows(of_group, rules, now)}
        for engine, answer in answers(engines, question, now_us=now):
            told = {
                (row.get("bucket", "all"), row["country"] if question.group_by else "all", row["step"]): row
                for row in rows(answer)
            }
            assert set(told) == set(wanted), (engine, question)
            for key, row in wanted.items():
                assert is_same_row(told[key], row), (engine, question, key, told[key], row)


def _buckets(question: Funnel, frame: Frame) -> list[Hashable]:
    if question.granularity is Granularity.ALL:
        return ["all"]
    days = [question.period.start + dt.timedelta(days=number) for number in range(question.period.days)]
    there = [day for day in days if frame.zone.has_day(day)]
    return list(dict.fromkeys(first_of(question.granularity, day) for day in there))


def _groups(question: Funnel, known: Game, found: Sequence[Attempt]) -> list[str | None]:
    return list({_group(attempt, question, known) for attempt in found}) if question.group_by else ["all"]


def _group(attempt: Attempt, question: Funnel, known: Game) -> str | None:
    """The country of the attempt's first event of step 1; of several at that time the least."""
    if not question.group_by:
        return "all"
    firsts = [
        event
        for event in known.events
        if event.player == attempt.unit and event.time == attempt.times[0] and _is_start_or_jump(event)
    ]
    countries = [str(value) for event in firsts if (value := own_value(event, "country")) is not None]
    return min(countries, default=None)


def _rows(found: Sequence[Attempt], rules: Rules, now: int) -> list[dict[str, Any]]:
    steps = len(rules.steps)
    counts, times = funnel.counts(found, steps), funnel.median_times_s(found, steps)
    is_open = funnel.open_counts(found, rules, now)
    return [
        {
            "step": step + 1,
            "count": counts[step],
            "from_previous": counts[step] / counts[step - 1] if step and counts[step - 1] else None,
            "from_first": counts[step] / counts[0] if counts[0] else None,
            "median_from_previous_s": times[step],
            "open": is_open[step],
        }
        for step in range(steps)
    ]
