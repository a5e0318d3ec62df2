"""Cohorts and who of them came back, spent and played, by age (metrics.md §5).

A cohort are the players whose first event (purchase, event of a kind) of all time lies in the same day, week or month
of the period; they are split by what they were at install. Age N is the N-th day (week, month) of the calendar after,
also where the zone skipped one.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from tests.support.oracle import money
from tests.support.oracle.asked import Value, Where, everything, first_of
from tests.support.oracle.dimensions import at_install
from tests.support.oracle.events import Is
from tests.support.oracle.game import Game, Stored


@dataclass(frozen=True)
class Cohort:
    """Players who began in the same bucket, whose first day is `start`."""

    start: dt.date
    group: Value
    players: tuple[str, ...]


@dataclass(frozen=True)
class Cohorts:
    """What is asked. `begins` is the first thing that makes a player one of a cohort."""

    start: dt.date
    end: dt.date
    granularity: str
    begins: Is
    group_by: str | None = None
    where: Where = everything

    def of(self, game: Game) -> list[Cohort]:
        """The cohorts that have a player."""
        found: defaultdict[tuple[dt.date, Value], list[str]] = defaultdict(list)
        for player in game.players:
            days = [event.day for event in game.of(player) if self.begins(event)]
            values = at_install(game, player)
            if days and self.start <= min(days) <= self.end and self.where(values):
                group = values(self.group_by) if self.group_by else None
                found[first_of(self.granularity, min(days)), group].append(player)
        return [Cohort(start, group, tuple(players)) for (start, group), players in found.items()]

    def cell(self, cohort: Cohort, age: int) -> tuple[dt.date, dt.date]:
        """The first and the last day of an age."""
        start = cohort.start
        for _ in range(age):
            start = self._next(start)
        return start, self._next(start) - dt.timedelta(days=1)

    def has_passed(self, game: Game, cohort: Cohort, age: int) -> bool:
        return self.cell(cohort, age)[1] < game.today

    def _next(self, day: dt.date) -> dt.date:
        """The start of the bucket after the one that begins with `day`."""
        return first_of(self.granularity, day + dt.timedelta(days={"day": 1, "week": 7, "month": 31}[self.granularity]))


def returned(game: Game, cohorts: Cohorts, cohort: Cohort, age: int, *, is_rolling: bool, comes_back: Is) -> int | None:
    """The players who came back at that age, or (rolling) at that or a later one; None while it has not passed."""
    if not cohorts.has_passed(game, cohort, age):
        return None
    first, last = cohorts.cell(cohort, age)

    def is_back(event: Stored) -> bool:
        return comes_back(event) and first <= event.day and (is_rolling or event.day <= last)

    return sum(any(is_back(event) for event in game.of(player)) for player in cohort.players)


def revenue(game: Game, player: str, first: dt.date, last: dt.date) -> Fraction:
    """Σ `amount_usd` of a player's purchases of these days, less refunds."""
    return Fraction(money.net_usd(event for event in game.of(player) if first <= event.day <= last))


def playtime(game: Game, player: str, first: dt.date, last: dt.date) -> Fraction:
    """Σ length of the sessions that a player started on these days."""
    return sum((s.length_s for s in game.sessions if s.player == player and first <= s.day <= last), Fraction())


def sessions(game: Game, player: str, first: dt.date, last: dt.date) -> Fraction:
    return Fraction(sum(s.player == player and first <= s.day <= last for s in game.sessions))


def brought(
    game: Game,
    cohorts: Cohorts,
    cohort: Cohort,
    age: int,
    measure: Callable[[Game, str, dt.date, dt.date], Fraction],
    *,
    is_total: bool,
) -> Fraction | None:
    """What a cohort's players did at an age, or from age 0 through it; None while it has not passed."""
    if not cohorts.has_passed(game, cohort, age):
        return None
    first, last = cohorts.cell(cohort, age)
    since = cohort.start if is_total else first
    return sum((measure(game, player, since, last) for player in cohort.players), Fraction())
