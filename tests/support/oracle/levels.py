"""Levels: how hard they are, who goes on, how long they take (metrics.md §5). A level is the id after the status."""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Any

from tests.support.oracle.asked import Where
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.events import mean_of
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.ratios import ratio

_STATUSES = ("Start", "Fail", "Complete")


def level_events(game: Game, start: Any, end: Any, where: Where) -> list[Stored]:
    """The progression events of a period that pass a filter."""
    return [
        event
        for event in game.events
        if event.sent.category == "progression"
        and event.parts[0] in _STATUSES
        and start <= event.day <= end
        and where(of_event(game, event))
    ]


def level_of(event: Stored, depth: int) -> str:
    return ":".join(event.parts[1 : depth + 1])


def told(events: Sequence[Stored], level: str, following: str | None, depth: int) -> dict[str, Any]:
    """All that is told of a level, `following` being the one after it; None for the last."""
    mine = [event for event in events if level_of(event, depth) == level]
    by_status = {status: [event for event in mine if event.parts[0] == status] for status in _STATUSES}
    starts, fails, completes = (len(by_status[status]) for status in _STATUSES)
    return {
        "starts": starts,
        "fails": fails,
        "completes": completes,
        "attempts": fails + completes,
        "completion_rate": ratio(completes, starts),
        "fail_rate": ratio(fails, fails + completes),
        "attempts_to_complete": _mean(by_status["Complete"], "attempt_num"),
        **{f"{status.lower()}_players": len(_players(by_status[status])) for status in _STATUSES},
        **{f"{status.lower()}_score": _mean(by_status[status], "score") for status in _STATUSES},
        "drop_off": _drop_off(events, level, following, depth),
        "time_to_complete_s": _time(by_status["Start"], by_status["Complete"]),
    }


def _players(events: Sequence[Stored]) -> set[str]:
    return {event.player for event in events if event.player is not None}


def _mean(events: Sequence[Stored], field: str) -> Fraction | None:
    values = [getattr(event.sent, field) for event in events]
    return mean_of([Fraction(value) for value in values if value is not None])


def _drop_off(events: Sequence[Stored], level: str, following: str | None, depth: int) -> Fraction | None:
    """The share of those who started it and did not start the next one, both within the period."""
    if following is None:
        return None
    starters, goers = (
        _players([event for event in events if event.parts[0] == "Start" and level_of(event, depth) == each])
        for each in (level, following)
    )
    return 1 - Fraction(len(starters & goers), len(starters)) if starters else None


def _time(starts: Sequence[Stored], completes: Sequence[Stored]) -> Fraction | None:
    """The median over players from the first start to the first complete, where that is not earlier."""
    took = []
    for player in _players(starts) & _players(completes):
        started, completed = (
            min(event.time for event in events if event.player == player) for events in (starts, completes)
        )
        if completed >= started:
            took.append(Fraction(completed - started, 1_000_000))
    return median(took) if took else None
