"""What the addresses of Explore, Funnels and Paths ask."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from questlog.analytics.analyses.explore import Measure
from questlog.analytics.analyses.funnel import Exclusion
from questlog.analytics.analyses.funnel_attempts import Order
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.paths import Direction
from questlog.analytics.question.query import EventMatch
from questlog.model.calendar import UTC
from questlog.web.pages import explore, funnels, paths
from questlog.web.view import GameHere, View, view_of

GAME = GameHere(1, "Game", "key", UTC, 1_767_225_600_000_000)


def view(page: str, **own: str) -> View:
    return view_of(GAME, page, [(name.replace("_", "."), value) for name, value in own.items()])


def view_at(url: str) -> View:
    parts = urlsplit(url)
    return view_of(GAME, parts.path.rpartition("/")[2], parse_qsl(parts.query))


def test_a_funnel_is_in_its_address() -> None:
    here = view(
        "funnels",
        step_0_e="design:begin",
        step_2_e="business",
        not_0_e="error",
        not_0_after="1",
        order="strict",
        count="sessions",
        window="2h",
    )
    question = funnels.funnel_of(view_at(here.url()))
    assert question is not None
    assert question.steps == (EventMatch("design", "begin"), EventMatch("business"))
    assert question.exclusions == (Exclusion(EventMatch("error"), 1),)
    assert (question.order, question.count, question.window_s) == (Order.STRICT, Unit.SESSIONS, 7_200)
    assert question.period == here.period


def test_a_funnel_of_one_step_asks_nothing() -> None:
    here = view("funnels", step_0_e="design:begin")
    assert funnels.funnel_of(here) is None
    assert all(not card.questions(here) for card in funnels.REPORT.cards)


def test_every_card_of_a_funnel_asks_what_can_be_answered() -> None:
    here = view("funnels", step_0_e="design:begin", step_1_e="business", split="platform", dropped="1")
    for card in funnels.REPORT.cards:
        for question in card.questions(here).values():
            question.check({})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "own",
    [
        {"window": "soon"},
        {"window": "999999999d"},
        {"order": "mixed"},
        {"dropped": "7"},
        {"dropped": "\u0661"},
        {"not_0_e": "error", "not_0_after": "9"},
        {"step_0_f": "!"},
    ],
)
def test_nonsense_in_a_funnels_address_is_left_out(own: dict[str, str]) -> None:
    question = funnels.funnel_of(view("funnels", step_0_e="a", step_1_e="b", **own))
    assert question is not None
    question.check({})
    assert (question.window_s, question.order, question.dropped_after) == (7 * 86_400, Order.ORDERED, None)


def test_what_is_not_read_of_a_funnels_address_is_told() -> None:
    told = funnels.wanted(view("funnels", step_0_e="a", step_0_f="!", window="soon")).problems
    assert len(told) == 2


def test_several_nodes_are_in_the_address_of_explore() -> None:
    here = view("explore", category="progression")
    there = view_at(explore.node_url(here, ["Start:w1", "Fail:w1"]))
    assert explore.wanted(there).nodes == ("Start:w1", "Fail:w1")
    assert explore.wanted(there).category == "progression"
    assert explore.wanted(view_at(explore.node_url(there, ["a"], "design"))).category == "design"


def test_the_path_of_a_node_leads_back_to_its_category() -> None:
    found = explore.crumbs(view("explore", nodes="Combat:Kill:Boss"))
    assert [crumb.text for crumb in found] == ["design", "Combat", "Kill", "Boss"]
    assert explore.wanted(view_at(found[2].url)).nodes == ("Combat:Kill",)
    assert explore.wanted(view_at(found[0].url)).is_root


@pytest.mark.parametrize("measure", list(Measure))
def test_every_card_of_explore_asks_what_can_be_answered(measure: Measure) -> None:
    here = view("explore", nodes="a\nb", measure=measure.value, split="platform", players="yes", search="x")
    for card in explore.REPORT.cards:
        for question in card.questions(here).values():
            question.check({})  # type: ignore[attr-defined]


def test_nonsense_in_the_address_of_explore_is_left_out() -> None:
    of = explore.wanted(view("explore", category="nothing", nodes="\n\n", measure="most"))
    assert (of.category, of.is_root, of.measure) == ("design", True, Measure.COUNT)


def test_paths_are_in_their_address() -> None:
    here = view(
        "paths", anchor="progression:Fail:*", direction="before", within="players", window="1h", depth="5", parts="2"
    )
    of = paths.wanted(view_at(here.url()))
    assert of.anchor == EventMatch("progression", "Fail", is_prefix=True)
    assert (of.direction, of.within, of.window_s, of.depth, of.parts) == (Direction.BEFORE, Unit.PLAYERS, 3_600, 5, 2)


def test_a_node_of_paths_is_where_the_next_paths_begin() -> None:
    here = view("paths", parts="1")
    at = paths.node_url(here, "design Combat")
    assert at is not None
    assert paths.wanted(view_at(at)).anchor == EventMatch("design", "Combat", is_prefix=True)
    assert paths.node_url(here, None) is None
    assert paths.node_url(here, "(other)") is None


@pytest.mark.parametrize(
    "own", [{"depth": "9"}, {"window": "99d"}, {"within": "players"}, {"top": "0"}, {"parts": "x"}]
)
def test_nonsense_in_the_address_of_paths_is_left_out(own: dict[str, str]) -> None:
    [card, *_] = paths.REPORT.cards
    [question] = card.questions(view("paths", **own)).values()
    question.check({})  # type: ignore[attr-defined]
