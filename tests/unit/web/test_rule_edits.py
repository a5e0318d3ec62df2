"""The buttons of the segment builder: each makes one rule of another."""

from collections.abc import Mapping, Sequence

import pytest

from questlog.analytics.question.definitions import AllRules, AnyRule, Did, InSegment, Measured, NotRule, Rule, Who
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Operator
from questlog.web.rule_edits import (
    NotReadable,
    added,
    encoded,
    negated,
    path_of,
    removed,
    replaced,
    rule_of,
    switched,
)

A, B, C, D = (InSegment(name) for name in "abcd")
NESTED = AllRules((A, AnyRule((B, NotRule(C)))))


def test_a_condition_is_added_to_the_group_at_its_place() -> None:
    assert added(None, (), A) == A
    assert added(A, (), B) == AllRules((A, B))
    assert added(AllRules((A, B)), (), C) == AllRules((A, B, C))
    assert added(NESTED, (1,), D) == AllRules((A, AnyRule((B, NotRule(C), D))))
    assert added(NotRule(A), (0,), B) == NotRule(AllRules((A, B)))


def test_a_condition_is_replaced_where_it_is() -> None:
    assert replaced(NESTED, (1, 0), D) == AllRules((A, AnyRule((D, NotRule(C)))))
    assert replaced(NESTED, (1, 1, 0), D) == AllRules((A, AnyRule((B, NotRule(D)))))
    assert replaced(A, (), D) == D


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ((), None),
        ((0,), AnyRule((B, NotRule(C)))),
        ((1,), A),
        ((1, 0), AllRules((A, NotRule(C)))),
        ((1, 1), AllRules((A, B))),
        ((1, 1, 0), AllRules((A, B))),
    ],
)
def test_what_is_left_when_a_condition_is_removed(path: tuple[int, ...], left: Rule | None) -> None:
    assert removed(NESTED, path) == left


def test_not_is_put_before_a_condition_and_taken_away() -> None:
    assert negated(NESTED, (0,)) == AllRules((NotRule(A), AnyRule((B, NotRule(C)))))
    assert negated(NESTED, (1, 1)) == AllRules((A, AnyRule((B, C))))


def test_all_and_any_change_places() -> None:
    assert switched(NESTED, ()) == AnyRule((A, AnyRule((B, NotRule(C)))))
    assert switched(NESTED, (1,)) == AllRules((A, AllRules((B, NotRule(C)))))
    assert switched(A, ()) == AnyRule((A,))


@pytest.mark.parametrize("path", [(5,), (0, 0), (1, 1, 0, 0)])
def test_a_place_that_is_not_there(path: tuple[int, ...]) -> None:
    with pytest.raises(IndexError):
        replaced(NESTED, path, D)


def form(**fields: str | Sequence[str]) -> Mapping[str, Sequence[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in fields.items()}


IS_RED = Condition("attributes.colour", Operator.IS, ("red",))


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (
            form(kind="who", dimension="country", operator="in", values="DE, AT\nCH"),
            Who(Condition("country", Operator.IN, ("DE", "AT", "CH"))),
        ),
        (form(kind="who", dimension="country"), Who(Condition("country", Operator.IS, ("",)))),
        (
            form(kind="who", dimension="first_purchase", operator="is_set", values="x"),
            Who(Condition("first_purchase", Operator.IS_SET)),
        ),
        (form(kind="in_segment", **{"in": "whales"}), InSegment("whales")),
        (form(kind="did"), Did(EventMatch())),
        (
            form(
                kind="did",
                category="design",
                event_id="boss:*",
                measured="days",
                compare="less",
                value="2,5",
                last_days="30",
            ),
            Did(EventMatch("design", "boss", is_prefix=True), Measured.DAYS, Operator.LESS, 2.5, 30),
        ),
        (
            form(
                kind="did",
                event_dimension=["attributes.colour", " "],
                event_operator=["is", "is"],
                event_values=["red", ""],
            ),
            Did(EventMatch(filter=IS_RED)),
        ),
        (
            form(
                kind="did",
                event_dimension=["attributes.colour", "value"],
                event_operator=["is", "greater"],
                event_values=["red", "3"],
            ),
            Did(EventMatch(filter=AllOf((IS_RED, Condition("value", Operator.GREATER, ("3",)))))),
        ),
    ],
)  # fmt: skip
def test_a_form_is_a_rule(fields: Mapping[str, Sequence[str]], rule: Rule) -> None:
    assert rule_of(fields) == rule


@pytest.mark.parametrize(
    "fields",
    [
        form(),
        form(kind="who"),
        form(kind="who", dimension="country", operator="like"),
        form(kind="in_segment"),
        form(kind="did", measured="often"),
        form(kind="did", compare="about"),
        form(kind="did", value="many"),
        form(kind="did", value="1e300"),
        form(kind="did", value="nan"),
        form(kind="did", last_days="0"),
        form(kind="did", last_days="٣"),
    ],
)
def test_a_form_that_is_no_rule(fields: Mapping[str, Sequence[str]]) -> None:
    with pytest.raises(NotReadable):
        rule_of(fields)


def test_paths_of_addresses() -> None:
    assert path_of("") == ()
    assert path_of("0.2.11") == (0, 2, 11)
    assert path_of("x.1.-3.٣") == (1,)
    assert encoded(A) == '{"type":"in_segment","name":"a"}'
