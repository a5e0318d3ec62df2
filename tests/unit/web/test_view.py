import datetime as dt
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.question.query import AllOf, AnyOf, Condition, Not, Operator, Period
from questlog.model.calendar import UTC
from questlog.web.view import GameHere, View, view_of

_DAY_US = 86_400_000_000
GAME = GameHere(7, "Game", "k" * 32, UTC, 20_789 * _DAY_US + 1, dt.date(2026, 9, 1))  # 2 December 2026


def view(address: str = "") -> View:
    return view_of(GAME, "overview", urllib.parse.parse_qsl(address, keep_blank_values=True))


def parameters(address: str) -> list[tuple[str, str]]:
    return urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query, keep_blank_values=True)


def test_an_address_without_parameters_is_the_last_four_weeks_against_those_before() -> None:
    found = view()
    assert found.period == Period(dt.date(2026, 11, 5), dt.date(2026, 12, 2))
    assert found.compared == Period(dt.date(2026, 10, 8), dt.date(2026, 11, 4))
    assert found.url() == "/games/7/overview"
    assert found.is_running


@pytest.mark.parametrize(
    "address",
    [
        "period=7d",
        "period=2026-10",
        "period=all",
        "compare=none",
        "compare=year",
        "compare=2025-01-01..2025-01-31",
        "by=week",
        "f=platform=ios&f=country=DE,AT&f=!device",
        "segment=whales",
        'filter={"type":"any","filters":[{"type":"condition","dimension":"a","values":["1"]}]}',
        "sort=revenue&page=2",
        "cards=inline",
    ],
)
def test_an_address_says_all_that_a_view_is(address: str) -> None:
    found = view(address)
    assert found.notices == ()
    again = view_of(GAME, "overview", parameters(found.url()))
    assert again == found


_VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_CONDITIONS = st.builds(
    Condition,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.sampled_from([Operator.IS, Operator.IN, Operator.IS_NOT, Operator.CONTAINS, Operator.GREATER]),
    st.tuples(_VALUES) | st.tuples(_VALUES, _VALUES),
)
_FILTERS = _CONDITIONS | st.builds(
    AnyOf, st.tuples(_CONDITIONS, st.builds(Not, _CONDITIONS)) | st.tuples(st.builds(AllOf, st.tuples(_CONDITIONS)))
)


@given(st.lists(_CONDITIONS, max_size=3), st.none() | _FILTERS)
def test_every_filter_survives_an_address(conditions: list[Condition], nested: object) -> None:
    conditions = [*conditions, *([nested] if isinstance(nested, Condition) else [])]
    made = View(GAME, "overview", conditions=tuple(conditions), nested=nested if isinstance(nested, AnyOf) else None)
    again = view_of(GAME, "overview", parameters(made.url()))
    assert again.notices == ()
    assert again.nested == made.nested
    assert sorted(map(repr, again.conditions)) == sorted(map(repr, made.conditions))


@pytest.mark.parametrize(
    "address",
    [
        "period=soon",
        "period=2026-12-02..2026-11-01",
        "period=0001-01-01..9999-12-31",
        "compare=never",
        "by=second",
        "filter={",
        'filter={"type":"condition","dimension":"a","operator":"nothing"}',
        "filter=" + urllib.parse.quote('{"type":"not","filter":' * 300),
        "fd=country&fo=nothing&fv=DE",
        "x=" + "y" * 20_000,
    ],
)
def test_nonsense_in_an_address_is_left_out_and_said(address: str) -> None:
    found = view(address)
    assert len(found.notices) == 1
    assert (found.period, found.filter, dict(found.own)) == (view().period, None, {})


def test_a_form_without_a_script_adds_a_filter_and_chooses_days() -> None:
    found = view("f=platform=ios&fd=country&fo=in&fv=DE, AT&from=2026-11-01&to=2026-11-02")
    assert found.conditions == (
        Condition("platform", Operator.IS, ("ios",)),
        Condition("country", Operator.IN, ("DE", "AT")),
    )
    assert found.period == Period(dt.date(2026, 11, 1), dt.date(2026, 11, 2))
    assert "fd=" not in found.url()


def test_a_row_replaces_the_filter_of_its_dimension() -> None:
    found = view("f=country=DE&f=platform=ios")
    assert parameters(found.adding("country", "AT")) == [("f", "platform=ios"), ("f", "country=AT")]
    assert parameters(found.without(0)) == [("f", "platform=ios")]


@pytest.mark.parametrize(
    ("period", "steps", "moved"),
    [
        ("7d", -1, "2026-11-19..2026-11-25"),
        ("2026-11", -1, "2026-10"),
        ("2026-12", 1, "2027-01"),
        ("2026-11-01..2026-11-01", 1, "2026-11-02..2026-11-02"),
    ],
)
def test_a_period_moves_by_its_own_length(period: str, steps: int, moved: str) -> None:
    assert parameters(view(f"period={period}").moved(steps)) == [("period", moved)]


def test_another_page_gets_the_filters_and_not_the_parameters_of_this_one() -> None:
    found = view("f=platform=ios&period=7d&sort=x")
    assert parameters(found.url("retention")) == [("period", "7d"), ("f", "platform=ios")]
    assert found.card_url("overview.dau").startswith("/games/7/cards/overview.dau?period=7d")
