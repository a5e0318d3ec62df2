"""Every metric of the catalogue, by time, dimension and filter: both engines say what the oracle says."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.metric import DAY_METRICS
from questlog.analytics.question.query import AllOf, AnyOf, Condition, Filter, Granularity, Not, Operator, Period, Query
from tests.support.answers import answers, is_same, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, Frame, History, histories, load
from tests.support.oracle import filters
from tests.support.oracle.asked import Asked, Key, Where, everything
from tests.support.oracle.catalogue import METRICS, NOTHING_IS_NULL, Number
from tests.support.oracle.game import game
from tests.support.oracle.zones import Zone


@dataclass(frozen=True)
class Shape:
    """How metrics are asked for."""

    granularity: str
    group_by: tuple[str, ...] = ()
    filter: str = ""
    time_zone: str | None = None

    def period(self, frame: Frame) -> Period:
        """Within the history's days, so that something lies on either side; few days where there are many buckets."""
        first, last = (3, 4) if self.granularity == "minute" else (1, 8)
        return Period(frame.day(first), frame.day(last))


_PLAIN = tuple(Shape(granularity) for granularity in ("minute", "hour", "day", "week", "month", "all"))
_SPLIT = (
    Shape("day", ("country",)),
    Shape("day", (), "not of Germany"),
    Shape("hour", ("platform",), "payers, or new"),
    Shape("week", ("gender",), "neither hard nor at a build like 1.1"),
    Shape("month", ("player_age", "payer")),
    Shape("all", ("attributes.mode",), "of Germany"),
    Shape("day", ("attributes.custom_fields.sku",)),
    Shape("all", ("install_date", "custom_01")),
    Shape("day", ("first_build",), "later levels, born before 2000"),
    Shape("all", ("source", "birth_year"), "quotes, or no gender"),
    Shape("day", (), "payers, or new", time_zone="UTC"),
    Shape("day", ("platform", "build"), "of Germany"),
)
SHAPES = (*_PLAIN, *_SPLIT)


@dataclass(frozen=True)
class Family:
    """Metrics that are asked together; the kinds of events that their histories have more of; the shapes by day.

    `frame` is where the histories of every change take place: one, so that questions are compiled once.
    """

    metrics: tuple[str, ...]
    often: tuple[str, ...]
    shapes: tuple[Shape, ...]
    frame: str = "UTC"


def _of_group(*groups: str) -> tuple[str, ...]:
    return tuple(name for name in METRICS if name in CATALOGUE and CATALOGUE[name].group in groups)


_MINUTE, _HOUR, _BY_DAY, _WEEK, _MONTH, _ALL = _PLAIN
(
    _BY_COUNTRY,
    _NOT_DE,
    _BY_PLATFORM,
    _BY_GENDER,
    _BY_AGE,
    _BY_MODE,
    _BY_SKU,
    _BY_INSTALL,
    _BY_BUILD,
    _BY_SOURCE,
    _IN_UTC,
    _BY_TWO,
) = _SPLIT
_RETENTION = tuple(name for name in METRICS if name.startswith(("retention_", "rolling_", "churn_", "ltv_")))

FAMILIES: Mapping[str, Family] = {
    "players": Family(
        _of_group("players"), (), (_HOUR, _WEEK, _BY_COUNTRY, _BY_TWO, _BY_AGE, _IN_UTC), "a change of half an hour"
    ),
    "engagement": Family(
        _of_group("engagement"), ("sessions",), (_MINUTE, _BY_DAY, _BY_COUNTRY, _BY_SOURCE), "yesterday again"
    ),
    "money": Family(
        tuple(name for name in _of_group("money") if not name.startswith("ltv_")),
        ("purchases", "ads"),
        (_BY_COUNTRY, _BY_PLATFORM),
        "autumn",
    ),
    "retention": Family(_RETENTION, ("purchases",), (_BY_DAY, _BY_GENDER, _BY_INSTALL), "a day left out"),
    "progression": Family(_of_group("progression"), ("progression",), (_MONTH, _BY_MODE), "three quarters"),
    "economy": Family(_of_group("economy"), ("resources",), (_ALL, _NOT_DE)),
    "design": Family(
        _of_group("design"), ("design",), (_BY_DAY, _ALL, _BY_GENDER, _BY_SKU), "a day without a midnight"
    ),
    "health": Family(_of_group("health"), ("health",), (_BY_DAY, _MONTH, _BY_COUNTRY), "Ramadan"),
    "errors and ads": Family(_of_group("errors", "ads"), ("errors", "ads"), (_BY_DAY, _BY_BUILD), "far in the east"),
}

_IS_DE = Condition("country", Operator.IS, ("DE",))
_FILTERS: Mapping[str, tuple[Filter | None, Where]] = {
    "": (None, everything),
    "of Germany": (_IS_DE, filters.condition("country", "is", "DE")),
    "not of Germany": (
        Condition("country", Operator.IS_NOT, ("DE",)),
        filters.condition("country", "is_not", "DE"),
    ),
    "quotes, or no gender": (
        AnyOf((Condition("custom_01", Operator.CONTAINS, ("'",)), Condition("gender", Operator.IS_NOT_SET))),
        filters.any_of(filters.condition("custom_01", "contains", "'"), filters.condition("gender", "is_not_set")),
    ),
    "neither hard nor at a build like 1.1": (
        Not(
            AllOf(
                (
                    Condition("attributes.mode", Operator.IN, ("hard", "10")),
                    Condition("build", Operator.MATCHES, ("^1.1$",)),
                )
            )
        ),
        filters.none_of(
            filters.all_of(
                filters.condition("attributes.mode", "in", "hard", "10"), filters.condition("build", "matches", "^1.1$")
            )
        ),
    ),
    "later levels, born before 2000": (
        AnyOf((Condition("attributes.level", Operator.GREATER, (9,)), Condition("birth_year", Operator.LESS, (2000,)))),
        filters.any_of(
            filters.condition("attributes.level", "greater", 9), filters.condition("birth_year", "less", 2000)
        ),
    ),
    "payers, or new": (
        AnyOf((Condition("payer", Operator.IS, ("yes",)), Condition("player_age", Operator.IS, ("new",)))),
        filters.any_of(filters.condition("payer", "is", "yes"), filters.condition("player_age", "is", "new")),
    ),
}


def test_the_oracle_knows_every_metric() -> None:
    asked = {name for family in FAMILIES.values() for name in family.metrics}
    assert set(CATALOGUE) | {metric.name for metric in DAY_METRICS} <= set(METRICS) == asked


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(data=st.data())
def test_a_metric_is_what_it_is_defined_to_be(family: str, data: st.DataObject) -> None:
    _compare(FAMILIES[family], FAMILIES[family].shapes, (FRAMES[FAMILIES[family].frame],), data)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES)
@MANY
@given(data=st.data())
def test_a_metric_is_what_it_is_defined_to_be_in_any_shape(family: str, data: st.DataObject) -> None:
    _compare(FAMILIES[family], SHAPES, tuple(FRAMES.values()), data)


def _compare(family: Family, shapes: Sequence[Shape], frames: Sequence[Frame], data: st.DataObject) -> None:
    history = data.draw(histories(family.often, frames=frames))
    with embedded_store() as store:
        load(store, history)
        engines = BothEngines(store)
        for shape in shapes:
            _compare_shape(family.metrics, shape, engines, history)


def _compare_shape(names: Sequence[str], shape: Shape, engines: BothEngines, history: History) -> None:
    possible = [name for name in names if not _is_refused(name, shape)]
    condition, where = _FILTERS[shape.filter]
    known, period = game(history, zone=Zone("UTC") if shape.time_zone else None), shape.period(history.frame)
    asked = Asked(period.start, period.end, shape.granularity, shape.group_by, where, known.zone)
    wanted = {name: METRICS[name](known, asked) for name in possible}
    for start in range(0, len(possible), 20):
        some = tuple(possible[start : start + 20])
        query = Query(
            some, period, Granularity(shape.granularity), shape.group_by, condition, time_zone=shape.time_zone
        )
        for engine, answer in answers(engines, query, now_us=known.now):
            if not shape.group_by and shape.granularity != "all":
                assert [_start(row["bucket"]) for row in rows(answer)] == list(asked.starts()), (shape, engine)
            for name in some:
                differing = _differing(name, shape, rows(answer), wanted[name])
                assert not differing, (name, shape, engine, differing)


def _is_refused(name: str, shape: Shape) -> bool:
    """Windows of days have no hours."""
    return name in {"wau", "mau", "stickiness"} and shape.granularity in {"minute", "hour"}


def _differing(
    name: str, shape: Shape, found: Sequence[Mapping[str, Any]], wanted: Mapping[Key, Number]
) -> dict[Key, tuple[Any, Number]]:
    """What was answered and what was wanted, where it differs."""
    answered = {
        (_start(row.get("bucket")), *(row.get(f"by_{each}", row[each]) for each in shape.group_by)): row[name]
        for row in found
    }
    assert len(answered) == len(found)
    nothing = None if name in NOTHING_IS_NULL else 0
    missing = nothing if shape.group_by else "missing"
    pairs = {key: (answered.get(key, missing), wanted.get(key, nothing)) for key in {*answered, *wanted}}
    return {key: (one, other) for key, (one, other) in pairs.items() if not is_same(one, other)}


def _start(bucket: dt.date | dt.datetime | None) -> dt.datetime | None:
    if bucket is None or isinstance(bucket, dt.datetime):
        return bucket
    return dt.datetime.combine(bucket, dt.time())
