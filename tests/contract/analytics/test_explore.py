"""Explore: every node's numbers, by time, dimension and filter: both engines say what the oracle says."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.explore import Explore, Measure, Numbers
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.question.query import Condition, Granularity, Operator, Period
from tests.support.answers import answers, is_same, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, Frame, History, histories, load
from tests.support.oracle import filters, health, tree
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game, game

_NOT_FR = Condition("country", Operator.IS_NOT, ("FR",))
_ALL = tuple(Measure)
_OFTEN = ("design", "design")


@dataclass(frozen=True)
class _Shape:
    nodes: tuple[str, ...] = ("",)
    depth: int = 1
    category: str = "design"
    granularity: str = "all"
    group_by: str | None = None
    is_filtered: bool = False


_SHAPES = (
    _Shape(depth=3),
    _Shape(("a:b", "b"), 0, group_by="country"),
    _Shape(("a", "a:b"), 2, granularity="day", is_filtered=True),
    _Shape(("Complete",), 2, "progression", group_by="attributes.mode"),
)


def _of_table(table: str, known: Game, asked: Asked, aggregate: health.Aggregate) -> Mapping[Key, Fraction | None]:
    return health.sampled(known, asked, table, aggregate)


_MEASURED: Mapping[Numbers, tuple[str, tuple[float, ...], Any]] = {
    Numbers.FPS: ("health", (1.0, 2.0, 4.0), partial(_of_table, "fps_data_table")),
    Numbers.MEMORY_USED: ("health", (0.5, 3.0), partial(_of_table, "memory_sys_data_table")),
    Numbers.BOOT_TIME: ("sdk_init", (100.0, 2000.0, 4000.0), health.boot_time),
}
"""The events that tell them, edges, and the oracle's function."""


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["another, forwards"],)))
def test_explore(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_explore_at_length(history: History) -> None:
    _compare(history)


@FEW
@given(history=histories(("health", "health", "health"), frames=(FRAMES["another, forwards"],)))
def test_histograms_of_what_sdks_measured(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        for measured in _MEASURED:
            for group_by, is_filtered in ((None, False), (None, True), ("country", True)):
                _compare_histogram(measured, group_by, is_filtered, engines, known, _period(history.frame))


def _period(frame: Frame) -> Period:
    return Period(frame.day(1), frame.day(8))


def _compare_histogram(
    measured: Numbers, group_by: str | None, is_filtered: bool, engines: BothEngines, known: Game, period: Period
) -> None:
    category, edges, numbers = _MEASURED[measured]
    where = filters.condition("country", "is_not", "FR") if is_filtered else filters.all_of()
    asked = Asked(period.start, period.end, "all", (group_by,) if group_by else (), where, known.zone)
    bins = [(None, edges[0]), *pairwise(edges), (edges[-1], None)]
    found = {place: numbers(known, asked, _counted(low, high, edges[-1])) for place, (low, high) in enumerate(bins)}
    wanted = {
        (*key[1:], low, high): found[place][key]
        for place, (low, high) in enumerate(bins)
        for key in found[place]
        if any(of_bin[key] for of_bin in found.values())
    }
    question = Explore(
        period,
        category,
        group_by=(group_by,) if group_by else (),
        filter=_NOT_FR if is_filtered else None,
        histogram=Histogram(edges=edges),
        histogram_of=measured,
    )
    for engine, answer in answers(engines, question, now_us=known.now):
        keys = (*((group_by,) if group_by else ()), "low", "high")
        told = {tuple(row[name] for name in keys): row["count"] for row in rows(answer)}
        assert told == wanted, (engine, measured, group_by)


def _counted(low: float | None, high: float | None, last: float) -> Callable[[list[Fraction]], Fraction]:
    """How many are from `low` to below `high`, or to the last edge."""

    def is_there(number: Fraction) -> bool:
        is_above = low is None or number > low or (number == low != last)
        return is_above and (high is None or number < high or number == high == last)

    return lambda numbers: Fraction(sum(map(is_there, numbers)))


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        for shape in _SHAPES:
            _compare_shape(shape, engines, known, _period(history.frame))


def _compare_shape(shape: _Shape, engines: BothEngines, known: Game, period: Period) -> None:
    nodes = shape.nodes or ("",)
    where = filters.condition("country", "is_not", "FR") if shape.is_filtered else filters.all_of()
    groups = (shape.group_by,) if shape.group_by else ()
    asked = Asked(period.start, period.end, shape.granularity, groups, where, known.zone)
    wanted = {
        (*key, node): {name: of_key[key] for name, of_key in measures.items()}
        for node, measures in tree.told(known, asked, shape.category, nodes, shape.depth).items()
        for key in measures["count"]
    }
    question = Explore(
        period=period,
        category=shape.category,
        nodes=nodes,
        depth=shape.depth,
        measures=_ALL,
        granularity=Granularity(shape.granularity),
        group_by=(shape.group_by,) if shape.group_by else (),
        filter=_NOT_FR if shape.is_filtered else None,
    )
    for engine, answer in answers(engines, question, now_us=known.now):
        found = {(_start(row.get("bucket")), *(row[name] for name in groups), row["node"]): row for row in rows(answer)}
        assert len(found) == answer.table.num_rows
        for key in {*found, *wanted}:
            told = found.get(key, {"count": 0})
            expected = wanted.get(key, {"count": 0})
            differing = {
                name: (told.get(name), value) for name, value in expected.items() if not is_same(told.get(name), value)
            }
            assert not differing, (engine, shape, key, differing)
            above = found.get((*key[:-1], told.get("parent")))
            if told.get("parent") is not None and told["count"] and above is not None:
                assert is_same(told["share"], told["count"] / above["count"]), (engine, shape, key)


def _start(bucket: dt.date | None) -> dt.datetime | None:
    return None if bucket is None else dt.datetime.combine(bucket, dt.time())
