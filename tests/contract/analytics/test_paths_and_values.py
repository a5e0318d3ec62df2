"""Paths, values, the catalogue of events, error groups and releases: both engines say what the oracle says."""

import pytest
from hypothesis import given

from questlog.analytics.analyses.error_groups import ErrorGroups
from questlog.analytics.analyses.event_catalogue import EventCatalogue
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.paths import Direction, Paths
from questlog.analytics.analyses.releases import Releases
from questlog.analytics.analyses.values import Values
from questlog.analytics.question.query import Condition, EventMatch, Operator, Period
from tests.support.answers import answers, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import filters, paths, values
from tests.support.oracle.asked import Asked
from tests.support.oracle.events import of_category, of_node
from tests.support.oracle.game import Game, Stored, game
from tests.support.staged import SECOND

_OFTEN = ("progression", "errors", "design")
_NOT_FR = Condition("country", Operator.IS_NOT, ("FR",))
_START = EventMatch("progression", "Start", is_prefix=True)


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["two midnights"],)))
def test_paths_and_values(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_paths_and_values_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    period = Period(history.frame.day(1), history.frame.day(8))
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        _compare_paths(engines, known, period)
        _compare_values(engines, known, period)
        _compare_catalogue(engines, known, period)
        _compare_errors(engines, known, period)
        _compare_releases(engines, known, period)


def _compare_paths(engines: BothEngines, known: Game, period: Period) -> None:
    def may_begin(event: Stored) -> bool:
        return period.start <= event.day <= period.end

    starts, any_event = of_node("progression", "Start"), _anything
    for question, asked in (
        (
            Paths(period, _START, within=Unit.PLAYERS, window_s=4 * 3600, max_nodes=2),
            paths.Paths(may_begin, starts, any_event, 3, 4 * 3600 * SECOND, within="player", top=2),
        ),
        (
            Paths(period, _START, Direction.BEFORE, 2, Unit.PLAYERS, parts=1, repeats=True),
            paths.Paths(may_begin, starts, any_event, 2, 86_400 * SECOND, True, False, "player", parts=1),
        ),
        (
            Paths(period, events=EventMatch("progression"), depth=2),
            paths.Paths(may_begin, None, of_category("progression"), 2, 86_400 * SECOND),
        ),
    ):
        wanted = paths.flows(known, asked)
        for engine, answer in answers(engines, question, now_us=known.now):
            found = {(row["step"], row["from"], row["to"]): row for row in rows(answer)}
            assert set(found) == set(wanted), (engine, question)
            for key, row in wanted.items():
                assert is_same_row(found[key], row), (engine, question, key, found[key], row)


def _anything(_: Stored) -> bool:
    return True


def _compare_values(engines: BothEngines, known: Game, period: Period) -> None:
    asked = Asked(period.start, period.end, where=filters.condition("country", "is_not", "FR"), zone=known.zone)
    for dimension, prefix in (("device", "P"), ("attributes.mode", ""), ("event_id", "start:W1")):
        wanted = values.of_dimension(known, asked, dimension, prefix)
        question = Values(dimension, period, prefix, _NOT_FR)
        for engine, answer in answers(engines, question, now_us=known.now):
            found = {row["value"]: row for row in rows(answer)}
            assert list(found) == list(wanted), (engine, dimension)
            for value, row in wanted.items():
                assert is_same_row(found[value], row), (engine, dimension, value, found[value], row)


def _compare_catalogue(engines: BothEngines, known: Game, period: Period) -> None:
    wanted = values.catalogue(known, period.start, period.end)
    question = EventCatalogue(period, limit=200, sample=0, players=True)
    for engine, answer in answers(engines, question, now_us=known.now):
        found = {(row["category"], row["event_id"]): row for row in rows(answer)}
        assert set(found) == set(wanted), engine
        for name, row in wanted.items():
            assert is_same_row(found[name], row), (engine, name, found[name], row)


def _compare_errors(engines: BothEngines, known: Game, period: Period) -> None:
    where = filters.condition("country", "is_not", "FR")
    wanted = values.error_groups(known, period.start, period.end, where)
    for engine, answer in answers(engines, ErrorGroups(period, filter=_NOT_FR), now_us=known.now):
        found = {row["fingerprint"].split("#")[0].split("0x")[0]: row for row in rows(answer) if row["message"]}
        assert set(found) == set(wanted), engine
        for group, row in wanted.items():
            assert is_same_row(found[group], row), (engine, group, found[group], row)


def _compare_releases(engines: BothEngines, known: Game, period: Period) -> None:
    for least, share in ((1, 0.0), (2, 0.5)):
        wanted = values.releases(known, period.start, period.end, least, share)
        for engine, answer in answers(engines, Releases(period, least, share), now_us=known.now):
            found = {row["build"]: row for row in rows(answer)}
            assert set(found) == set(wanted), (engine, least)
            for build, row in wanted.items():
                assert is_same_row(found[build], row), (engine, build, found[build], row)
