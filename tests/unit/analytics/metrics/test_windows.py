"""Distinct players of the last days, from counts of active days and gaps: the same as counting players anew."""

import datetime as dt

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.windows import LONGEST, finish, looked_at
from questlog.analytics.metrics.sub_query import SubQuery
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.selection import Selection

FIRST = dt.date(2026, 1, 1)
DAYS = 12
PERIOD = Period(FIRST, FIRST + dt.timedelta(days=DAYS - 1))
WINDOWS = (1, 7, 30)
MEASURES = tuple(Measure(Quantity.PLAYERS_OF_DAYS, days=days) for days in WINDOWS)

# Days a player was active on, from 0 for the first day of the period; earlier ones are negative.
active_days = st.sets(st.integers(-LONGEST + 1, DAYS - 1), max_size=15)


def answered(players: list[tuple[str | None, set[int]]]) -> pa.Table:
    """What the engine answers: how many player days there are of each group, day and gap."""
    rows = []
    for group, days in players:
        ordered = sorted(days)
        gaps = [LONGEST, *np.diff(ordered).tolist()]
        rows += [(group, FIRST + dt.timedelta(days=day), gap) for day, gap in zip(ordered, gaps, strict=False)]
    return pa.table(
        {
            "g0": pa.array([group for group, _, _ in rows], pa.string()),
            "day": pa.array([day for _, day, _ in rows], pa.date32()),
            "gap": pa.array([min(gap, LONGEST) for _, _, gap in rows], pa.int64()),
            "players": pa.array([1] * len(rows), pa.int64()),
        }
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), active_days), max_size=8))
def test_players_are_counted_once_in_every_window(players: list[tuple[str | None, set[int]]]) -> None:
    query = SubQuery(Selection(1, PERIOD, group_by=("country",)), MEASURES, Granularity.DAY)
    found = finish(query, answered(players)).to_pylist()
    counted = {
        ((row["bucket"] - FIRST).days, row["g0"], window): row[f"m{place}"]
        for row in found
        for place, window in enumerate(WINDOWS)
    }
    for day in range(DAYS):
        for group in ("a", "b", None):
            for window in WINDOWS:
                wanted = sum(
                    its == group and any(day - window < active <= day for active in days) for its, days in players
                )
                assert counted.get((day, group, window), 0) == wanted


def test_one_bucket_is_of_its_last_day() -> None:
    query = SubQuery(Selection(1, PERIOD), MEASURES, Granularity.ALL)
    rows = answered([(None, {0, 3}), (None, {DAYS - 1}), (None, {-10})]).drop_columns("g0")
    assert finish(query, rows).to_pylist() == [{"m0": 1, "m1": 1, "m2": 3}]


def test_only_the_days_that_some_window_has_are_looked_at() -> None:
    by_day, whole = (SubQuery(Selection(1, PERIOD), MEASURES, each) for each in (Granularity.DAY, Granularity.ALL))
    assert looked_at(by_day).start == FIRST - dt.timedelta(days=29)
    assert looked_at(whole).start == PERIOD.end - dt.timedelta(days=29)
