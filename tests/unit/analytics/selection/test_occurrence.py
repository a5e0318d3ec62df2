"""What does not occur in the data is warned of, with the nearest that does: on both engines."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses.economy import Economy
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Warned
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Not, Operator, Period, Query
from questlog.analytics.selection.occurrence import Occurrences, unseen
from tests.support.staged import DAY as DAY_US
from tests.support.staged import NOON

DAY = dt.date(2026, 1, 1)
PERIOD = Period(DAY, DAY)
NO_MOOD = "none of the period's events has the attribute 'custom_fields.Mood'; the nearest is 'custom_fields.mood'"
NO_TUTORIAL = "there is no event 'Tutorial:Don' of category 'design' since 2026-01-01; the nearest is 'Tutorial:Done'"
FIELDS = '{"custom_fields": {"mood": 1}}'
ROWS: list[dict[str, Any]] = [
    {"category": "user", "player_id": "ada", "country": "DE", "build": "1.0", "ad_placement": "shop"},
    {"category": "design", "player_id": "ada", "event_id": "Tutorial:Done", "attributes": '{"level": 3}'},
    {"category": "design", "player_id": "ada", "event_id": "Combat:Kill", "attributes": FIELDS},
    {"category": "progression", "player_id": "ada", "event_id": "Start:world01:level01"},
    {"category": "resource", "player_id": "ada", "event_id": "Source:gems:shop:pack"},
    {"category": "user", "player_id": "ada", "country": "AT", "build": "2.0", "event_time": NOON + DAY_US},
    {"category": "user", "player_id": "eve", "country": "FR", "game_id": 2},
]


def filtered(dimension: str, *values: str | float, operator: Operator = Operator.IN) -> Query:
    return Query(("dau",), PERIOD, filter=Condition(dimension, operator, values))


def warned(question: msgspec.Struct, context: Context) -> list[tuple[str, str]]:
    return [(each.field, each.detail) for each in unseen(question, context, Occurrences())]


@pytest.mark.parametrize(
    "question",
    [
        filtered("country", "DE"),
        filtered("build", "1.0", operator=Operator.NOT_IN),
        filtered("ad_placement", "shop"),
        filtered("item_id", "pack"),
        filtered("event_id", "Tutorial:Done", "Start:world01:level01"),
        filtered("attributes.level", 7),
        filtered("attributes.custom_fields.mood", 7),
        filtered("country", "D", operator=Operator.CONTAINS),
        filtered("severity", "critical"),
        filtered("score", 1),
        filtered("segment.Payers", "yes"),
        Query(("dau",), PERIOD, group_by=("attributes.level", "country")),
        Explore(PERIOD, nodes=("", "Combat")),
        Economy(PERIOD, currency="gems"),
        Retention(PERIOD, cohort=EventMatch(), returned=EventMatch("progression", "Start:world01", is_prefix=True)),
    ],
)
def test_what_occurs_is_not_warned_of(question: msgspec.Struct, context: Context) -> None:
    assert warned(question, context) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            filtered("country", "DE", "de"),
            [("filter.values[1]", "no event of the period has the country 'de'; the nearest is 'DE'")],
        ),
        (filtered("country", "AT"), [("filter.values[0]", "no event of the period has the country 'AT'")]),
        (filtered("country", "FR"), [("filter.values[0]", "no event of the period has the country 'FR'")]),
        (
            filtered("ad_placement", "shopp"),
            [("filter.values[0]", "no event of the period has the ad_placement 'shopp'; the nearest is 'shop'")],
        ),
        (
            Query(
                ("dau",),
                PERIOD,
                filter=AllOf(
                    (Condition("country", Operator.IS, ("DE",)), Not(Condition("build", Operator.IS, ("1.O",))))
                ),
            ),
            [
                (
                    "filter.filters[1].filter.values[0]",
                    "no event of the period has the build '1.O'; the nearest is '1.0'",
                )
            ],
        ),
        (
            filtered("attributes.levle", 7),
            [
                (
                    "filter.dimension",
                    "none of the period's events has the attribute 'levle'; the nearest is 'level'",
                )
            ],
        ),
        (
            Query(("dau",), PERIOD, group_by=("country", "attributes.custom_fields.Mood")),
            [
                (
                    "group_by[1]",
                    NO_MOOD,
                )
            ],
        ),
        (
            Explore(PERIOD, nodes=("Combta",)),
            [
                (
                    "nodes[0]",
                    "there is no event 'Combta' of category 'design' since 2026-01-01; the nearest is 'Combat'",
                )
            ],
        ),
        (
            Economy(PERIOD, currency="gem"),
            [("currency", "no event of the period has the resource_currency 'gem'; the nearest is 'gems'")],
        ),
        (
            Funnel((EventMatch("design", "Tutorial:Don"), EventMatch("business")), PERIOD),
            [
                (
                    "steps[0].event_id",
                    NO_TUTORIAL,
                ),
                ("steps[1].category", "there is no event of category 'business' since 2026-01-01"),
            ],
        ),
    ],
)
def test_what_does_not_occur_is_warned_of(
    question: msgspec.Struct, expected: list[tuple[str, str]], context: Context
) -> None:
    assert warned(question, context) == expected


def test_what_was_found_is_not_looked_for_again(context: Context) -> None:
    known = Occurrences()
    assert unseen(filtered("country", "DE"), context, known) == []
    assert context.trace.tables
    context.trace.tables.clear()
    assert unseen(filtered("country", "DE"), context, known) == []
    assert not context.trace.tables


def test_a_text_of_many_values_is_named_without_a_nearest(context: Context) -> None:
    assert unseen(filtered("message", "boom"), context, Occurrences()) == []
    assert Warned("filter.values[0]", "no event of the period has the country 'Ruritania'") in unseen(
        filtered("country", "Ruritania"), context, Occurrences()
    )
