"""Cards: what pages and boards are made of. A card asks questions, and says how the answers are drawn.

Its address is `/games/{game}/cards/NAME?…` with the parameters of the page; a board is a list of such addresses.
"""

import datetime as dt
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.question.answer import Answer, Warned
from questlog.console.access import Right
from questlog.web.formats import Formats
from questlog.web.translations import Translate, mark
from questlog.web.view import View


class Height(enum.StrEnum):
    """How much room a card keeps while it loads: nothing moves when the answer comes."""

    FIGURES = "figures"
    LOW = "low"
    MIDDLE = "middle"
    TALL = "tall"


class ChartMark(NamedTuple):
    """A day that is marked on charts: a `release` or a `note`."""

    day: str
    kind: str
    text: str
    url: str = ""


class Asked(NamedTuple):
    """What a card draws from: the view, and the answer to each of its questions by the question's name."""

    view: View
    answers: Mapping[str, Answer]
    formats: Formats
    translate: Translate
    marks: Sequence[ChartMark] = ()

    @property
    def answer(self) -> Answer:
        """The answer to the only question."""
        [answer] = self.answers.values()
        return answer


class Drawing(NamedTuple):
    """What is drawn: a template below `templates/`, and its values. `is_empty`: there is nothing in the period.

    With `about`, of the answer's warnings only those about these fields concern what is drawn.
    """

    template: str
    values: Mapping[str, Any]
    is_empty: bool = False
    about: Sequence[str] | None = None


class Card(msgspec.Struct, frozen=True):
    """One card. `name` is PAGE.NAME; `title` and `help` are marked messages; `span` is of 12 columns.

    `questions` are asked for the view, each of one of the registry's types; `open_page` shows the same in full.
    `empty` says what would be here, and what makes it appear. `takes_marks`: releases and notes are drawn.
    With `refresh_s`, the card asks again by itself so often.
    """

    name: str
    title: str
    questions: Callable[[View], Mapping[str, msgspec.Struct]]
    draw: Callable[[Asked], Drawing]
    span: int = 6
    height: Height = Height.MIDDLE
    help: str = ""
    open_page: str = ""
    empty: str = mark("Nothing in this period.")
    right: Right = Right.VIEW
    takes_marks: bool = False
    refresh_s: int = 0

    @property
    def element_id(self) -> str:
        """The id of its element on a page."""
        return "card-" + self.name.replace(".", "-")


class CardOrigin(NamedTuple):
    """How fresh a card is: of the oldest of its answers, and the longest time that one took."""

    as_of_us: int
    complete_through_us: int | None
    took_ms: float
    warnings: Sequence[Warned]


def origin_of(answers: Sequence[Answer], about: Sequence[str] | None = None) -> CardOrigin | None:
    """Where a card's answers come from, with the warnings about some fields or about all; None without any."""
    if not answers:
        return None
    origins = [answer.origin for answer in answers]
    complete = [_us(origin.complete_through) for origin in origins if origin.complete_through is not None]
    return CardOrigin(
        min(_us(origin.as_of) for origin in origins),
        min(complete, default=None),
        max(origin.took_ms for origin in origins),
        tuple(
            dict.fromkeys(
                warning for answer in answers for warning in answer.warnings if about is None or warning.field in about
            )
        ),
    )


def _us(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
