"""Realtime beside the same hours a week ago: both engines say what the oracle says."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.realtime import Realtime, Span
from tests.support.answers import answers, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import realtime
from tests.support.oracle.game import Game, game
from tests.support.oracle.zones import moment
from tests.support.staged import DAY, HOUR, MINUTE, SECOND

_OFTEN = ("purchases", "errors", "sessions")
_WIDTHS = {Span.HOUR: (MINUTE, 60), Span.DAY: (HOUR, 24)}


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["half an hour"],)))
def test_realtime(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_realtime_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        times = sorted(event.time for event in known.events)
        for now in (times[-1] + 5 * MINUTE, times[len(times) // 2] + 7 * DAY + 30 * SECOND):
            for span in Span:
                _compare_span(engines, known, span, now)


def _compare_span(engines: BothEngines, known: Game, span: Span, now: int) -> None:
    width, count = _WIDTHS[span]
    zone, kind = known.zone, "minute" if width == MINUTE else "hour"
    starts = [zone.start_within(kind, now)]
    while len(starts) < count:
        starts.append(zone.start_within(kind, starts[-1] - 1))
    wanted = []
    for start in reversed(starts):
        # The same time on the clock, a week ago.
        moved = (zone.clock(start) - moment(start)) - (zone.clock(start - 7 * DAY) - moment(start - 7 * DAY))
        before = zone.start_within(kind, start - 7 * DAY + moved // dt.timedelta(microseconds=1))
        week_ago = {f"week_ago_{name}": value for name, value in _told(known, kind, before, width).items()}
        wanted.append({"bucket": moment(start), **_told(known, kind, start, width), **week_ago})
    for engine, answer in answers(engines, Realtime(span), now_us=now):
        found = rows(answer)
        assert len(found) == count
        for row, meant in zip(found, wanted, strict=True):
            assert is_same_row(row, meant), (engine, span, row, meant)


def _told(known: Game, kind: str, start: int, width: int) -> dict[str, Any]:
    """What happened in the hour or minute that begins at `start`; one that a change of the clock cuts is shorter."""
    last = known.zone.start_within(kind, start + width - 1)
    return realtime.told(known, start, last - start or width)
