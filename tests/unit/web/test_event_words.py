import pytest

from questlog.analytics.question.query import Condition, EventMatch, Operator
from questlog.web.event_words import match_of, parents_of, step_of, text_of


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("design:tutorial:begin", EventMatch("design", "tutorial:begin")),
        ("progression:Start:*", EventMatch("progression", "Start", is_prefix=True)),
        ("business", EventMatch("business")),
        ("*", EventMatch()),
        ("level:1", EventMatch(None, "level:1")),
        ("custom:a | b", EventMatch("custom", "a | b")),
    ],
)
def test_an_event_and_its_text_say_the_same(text: str, match: EventMatch) -> None:
    assert match_of(text) == match
    assert text_of(match) == text


def test_alternatives_are_one_step() -> None:
    step = step_of("design:a | business | ")
    assert step == (EventMatch("design", "a"), EventMatch("business"))
    assert text_of(step) == "design:a | business"


def test_conditions_hold_for_every_alternative() -> None:
    step = step_of("design:a | design:b", "value>=3")
    condition = Condition("value", Operator.GREATER_OR_EQUAL, ("3",))
    assert step == (EventMatch("design", "a", filter=condition), EventMatch("design", "b", filter=condition))


def test_bad_conditions_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with a dimension"):
        step_of("design:a", "!")


@pytest.mark.parametrize("text", ["", "  ", " | "])
def test_no_text_is_no_step(text: str) -> None:
    assert step_of(text) is None


def test_the_ids_above_are_those_of_the_tree() -> None:
    assert parents_of("a:b:c") == ["a", "a:b"]
    assert parents_of("a") == []
