"""Explore: every node's numbers, by time, dimension and filter: both engines say what the oracle says."""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given

from questlog.analytics.analyses.explore import Explore, Measure
from questlog.analytics.question.query import Condition, Granularity, Operator, Period
from tests.support.answers import answers, is_same, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle import filters, tree
from tests.support.oracle.asked import Asked
from tests.support.oracle.game import Game, game

_PERIOD = Period(dt.date(2025, 12, 28), dt.date(2026, 1, 4))
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


@FEW
@given(history=histories(_OFTEN))
def test_explore(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN))
def test_explore_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history, NOW)
        for shape in _SHAPES:
            _compare_shape(shape, engines, known)


def _compare_shape(shape: _Shape, engines: BothEngines, known: Game) -> None:
    nodes = shape.nodes or ("",)
    where = filters.condition("country", "is_not", "FR") if shape.is_filtered else filters.all_of()
    groups = (shape.group_by,) if shape.group_by else ()
    asked = Asked(_PERIOD.start, _PERIOD.end, shape.granularity, groups, where)
    wanted = {
        (*key, node): {name: of_key[key] for name, of_key in measures.items()}
        for node, measures in tree.told(known, asked, shape.category, nodes, shape.depth).items()
        for key in measures["count"]
    }
    question = Explore(
        period=_PERIOD,
        category=shape.category,
        nodes=nodes,
        depth=shape.depth,
        measures=_ALL,
        granularity=Granularity(shape.granularity),
        group_by=shape.group_by,
        filter=_NOT_FR if shape.is_filtered else None,
    )
    for engine, answer in answers(engines, question):
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
