"""What a query adds to its metrics: the previous period, the greatest groups, totals, a game's own metrics."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.query import (
    AllOf,
    Comparison,
    Condition,
    EventMatch,
    Granularity,
    Operator,
    Period,
    Query,
)
from questlog.analytics.runner import Definitions
from tests.support.answers import answers, is_same, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key, Values
from tests.support.oracle.catalogue import METRICS, NOTHING_IS_NULL, Metric
from tests.support.oracle.game import Game, Stored, game

_FRAME = FRAMES["autumn"]
_START, _END = _FRAME.day(2), _FRAME.day(6)
_PERIOD = Period(_START, _END)
_ONE_DAY = dt.timedelta(days=1)
_ASKED = ("dau", "revenue", "wau", "arpdau", "session_length_median", "events", "design_players", "retention_d1")
_OFTEN = ("purchases", "design")


def _jump_or_win(event: Stored) -> bool:
    return event.sent.category == "custom" and event.sent.event_id in {"jump", "win"} and event.sent.country != "FR"


def _custom(aggregate: Any) -> Metric:
    return lambda known, asked: aggregate(events.found(known, asked, _jump_or_win))


def _dollars(found: events.Found) -> Mapping[Key, Fraction]:
    return {key: sum(map(_brought, them), Fraction()) for key, them in found.items()}


def _brought(event: Stored) -> Fraction:
    """Purchases and impressions what they were converted to; a test purchase has no amount. Others: US cents."""
    sent = event.sent
    if sent.category == "business" or (sent.category, sent.event_id) == ("custom", "purchaseCompleted"):
        return Fraction(sent.amount_usd or 0)
    if sent.category == "impression" or (sent.category, sent.event_id) == ("custom", "adImpression"):
        return Fraction(sent.ad_revenue_usd or 0)
    return Fraction(sent.value or 0) / 100


_CUSTOM: Mapping[CustomMetricKind, Metric] = {
    CustomMetricKind.BINOMIAL: _custom(events.players),
    CustomMetricKind.COUNT: _custom(events.count),
    CustomMetricKind.SUM: _custom(events.total),
    CustomMetricKind.DURATION: _custom(events.total),
    CustomMetricKind.REVENUE: _custom(_dollars),
}
_JUMP_OR_WIN = EventMatch(
    "custom",
    filter=AllOf((Condition("event_id", Operator.IN, ("jump", "win")), Condition("country", Operator.IS_NOT, ("FR",)))),
)
_MONEY: Mapping[str, tuple[EventMatch, Metric]] = {
    "all_money": (EventMatch(), lambda known, asked: _dollars(events.found(known, asked, lambda _: True))),
    "money_of_ios": (
        EventMatch(filter=Condition("platform", Operator.IS, ("ios",))),
        lambda known, asked: _dollars(events.found(known, asked, lambda event: event.sent.platform == "ios")),
    ),
}
"""From the sums by day, and event by event."""
_OWN: Mapping[str, tuple[CustomMetric, Metric]] = {
    **{f"my_{kind}": (CustomMetric(kind, _JUMP_OR_WIN), metric) for kind, metric in _CUSTOM.items()},
    **{name: (CustomMetric(CustomMetricKind.REVENUE, match), metric) for name, (match, metric) in _MONEY.items()},
}
_SAVED = Definitions(custom_metrics={name: saved for name, (saved, _) in _OWN.items()})


@FEW
@given(history=histories(_OFTEN, frames=(_FRAME,)))
def test_queries(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=(_FRAME,)))
def test_queries_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        _compare_periods(engines, known)
        for granularity in (Granularity.ALL, Granularity.DAY):
            _compare_top(engines, known, granularity)
        _compare_totals(engines, known)
        _compare_own_metrics(engines, known)


def _compare_periods(engines: BothEngines, known: Game) -> None:
    """Each day is compared with the same weekday before the period."""
    length = _START - _PERIOD.compared(Comparison.PREVIOUS_WEEKDAYS).start
    now = {name: METRICS[name](known, _asked(_START, _END)) for name in _ASKED}
    before = {name: METRICS[name](known, _asked(_START - length, _END - length)) for name in _ASKED}
    compared = Query(_ASKED, _PERIOD, compare=Comparison.PREVIOUS_WEEKDAYS)
    for engine, answer in answers(engines, compared, now_us=_FRAME.now):
        assert [row["bucket"] for row in rows(answer)] == [_START + place * _ONE_DAY for place in range(_PERIOD.days)]
        for row in rows(answer):
            for name in _ASKED:
                told = _at(now[name], name, row["bucket"]), _at(before[name], name, row["bucket"] - length)
                assert is_same(row[name], told[0]), (engine, name, row, told)
                assert is_same(row[f"previous_{name}"], told[1]), (engine, name, row, told)


def _asked(start: dt.date, end: dt.date, granularity: str = "day", group_by: tuple[str, ...] = ()) -> Asked:
    return Asked(start, end, granularity, group_by, zone=_FRAME.zone)


def _at(values: Mapping[Key, Any], name: str, day: dt.date) -> Any:
    return values.get((dt.datetime.combine(day, dt.time()),), None if name in NOTHING_IS_NULL else 0)


@dataclass(frozen=True)
class _Folded(Asked):
    """Groups that do not stand by themselves are one."""

    kept: tuple[Key, ...] = ()

    def group(self, values: Values) -> Key:
        found = super().group(values)
        return found if found in self.kept else ("(other)",)


def _compare_top(engines: BothEngines, known: Game, granularity: Granularity) -> None:
    names = ("dau", "events", "revenue", "paying_players", "arpdau")
    whole = METRICS["dau"](known, _asked(_START, _END, "all", ("country",)))
    if not whole:
        return
    [_, greatest] = min(whole, key=lambda key: (-whole[key], key[1] is None, str(key[1])))
    asked = _Folded(_START, _END, granularity, ("country",), zone=_FRAME.zone, kept=((greatest,),))
    wanted = {name: METRICS[name](known, asked) for name in names}
    for engine, answer in answers(engines, Query(names, _PERIOD, granularity, ("country",), top=1), now_us=_FRAME.now):
        found: dict[Key, Any] = {(_midnight(row.get("bucket")), row["country"]): row for row in rows(answer)}
        assert len(found) == answer.table.num_rows
        for name in names:
            nothing = None if name in NOTHING_IS_NULL else 0
            for key in {*found, *wanted[name]}:
                told, meant = found.get(key, {}).get(name, nothing), wanted[name].get(key, nothing)
                assert is_same(told, meant), (engine, granularity, name, key, told, meant)


def _midnight(day: dt.date | None) -> dt.datetime | None:
    return None if day is None else dt.datetime.combine(day, dt.time())


def _compare_totals(engines: BothEngines, known: Game) -> None:
    """A total of distinct players is not the sum of the rows."""
    for engine, answer in answers(
        engines, Query(_ASKED, _PERIOD, group_by=("platform",), totals=True), now_us=_FRAME.now
    ):
        assert answer.totals is not None
        [total] = answer.totals.to_pylist()
        for name in _ASKED:
            wanted = METRICS[name](known, _asked(_START, _END, "all"))
            meant = wanted.get((None,), None if name in NOTHING_IS_NULL else 0)
            assert is_same(total[name], meant), (engine, name, total[name], meant)


def _compare_own_metrics(engines: BothEngines, known: Game) -> None:
    wanted = {name: metric(known, _asked(_START, _END)) for name, (_, metric) in _OWN.items()}
    for engine, answer in answers(engines, Query(tuple(_OWN), _PERIOD), _SAVED, _FRAME.now):
        for row in rows(answer):
            for name in _OWN:
                meant = _at(wanted[name], name, row["bucket"])
                assert is_same(row[name], meant), (engine, name, row, meant)
