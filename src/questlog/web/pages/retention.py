"""Retention: who comes back, by cohort and age. A sentence says what is asked; each of its parts can be changed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.analyses.cohort_members import CohortBy, CohortStart, Form
from questlog.analytics.analyses.member_cells import RetentionCell
from questlog.analytics.analyses.retention import Retention, Return
from questlog.analytics.question.query import EventMatch, Granularity
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import curve
from questlog.web.reports import Report
from questlog.web.tables import plain
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import who_url

_SHADES = (0.0, 0.05, 0.15, 0.3, 0.5)
"""From which share on a cell has the next darker shade."""

DIMENSIONS = ("", "country", "platform", "build", "device", "payer")
AGES = {Granularity.DAY: (7, 14, 30, 60, 90), Granularity.WEEK: (4, 8, 12, 26), Granularity.MONTH: (3, 6, 12, 24)}


class Choice(NamedTuple):
    """What the sentence says: `cohort` and `returned` are `first_seen`, `first_purchase` or an event's id."""

    cohort: str
    returned: str
    kind: Return
    granularity: Granularity
    ages: int
    group: str


class TriangleCell(NamedTuple):
    """A cell of the triangle. `is_open`: the day is not over, there is no number yet."""

    text: str
    value: str
    shade: int
    url: str | None
    title: str
    is_open: bool


class TriangleRow(NamedTuple):
    """A cohort: its first day, how many players, and a cell for each age."""

    cohort: str
    size: str
    size_url: str | None
    cells: Sequence[TriangleCell]


def choice_of(view: View) -> Choice:
    """The sentence of an address; nonsense is as by default."""
    own = view.own
    by = own.get("cohorts", "")
    length = Granularity(by) if by in AGES else view.granularity
    if length not in AGES:
        length = Granularity.DAY
    ages = own.get("ages", "")
    return Choice(
        cohort=own.get("cohort", CohortStart.FIRST_SEEN)[:256] or CohortStart.FIRST_SEEN,
        returned=own.get("returned", "")[:256],
        kind=Return.ROLLING if own.get("kind") == Return.ROLLING else Return.CLASSIC,
        granularity=length,
        ages=int(ages) if ages.isascii() and ages.isdigit() and 0 < int(ages[:4]) <= 365 else AGES[length][1],
        group=own.get("group", "")[:256],
    )


def question_of(view: View, form: Form, *, intervals: bool = False, grouped: bool = True) -> Retention:
    """The question that the sentence asks."""
    choice = choice_of(view)
    return Retention(
        view.period,
        granularity=choice.granularity,
        cohort=_cohort(choice.cohort),
        ages=choice.ages,
        group_by=(choice.group,) if choice.group and grouped else (),
        filter=view.filter,
        form=form,
        returned=EventMatch(event_id=choice.returned) if choice.returned else None,
        kind=choice.kind,
        intervals=intervals,
    )


def _cohort(text: str) -> CohortBy:
    if text in tuple(CohortStart):
        return CohortStart(text)
    return EventMatch(event_id=text)


def _curve_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {"curve": question_of(view, Form.CURVE, intervals=True)}


def _triangle_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {"triangle": question_of(view, Form.TRIANGLE, grouped=False)}


def _draw_triangle(asked: Asked) -> Drawing:
    question = question_of(asked.view, Form.TRIANGLE, grouped=False)
    cohorts: dict[Any, dict[int, Mapping[str, Any]]] = {}
    for row in asked.answer.table.to_pylist():
        cohorts.setdefault(row["cohort"], {})[row["age"]] = row
    ages = sorted({age for of in cohorts.values() for age in of})
    rows = [_row(asked, question, cohort, of, ages) for cohort, of in cohorts.items()]
    totals = {row["age"]: row for row in asked.answer.totals.to_pylist()} if asked.answer.totals is not None else {}
    total_row = [_cell(asked, totals.get(age), None) for age in ages]
    return Drawing("cards/triangle.html", {"ages": ages, "rows": rows, "totals": total_row}, is_empty=not rows)


def _row(
    asked: Asked, question: Retention, cohort: Any, of: Mapping[int, Mapping[str, Any]], ages: Sequence[int]
) -> TriangleRow:
    size = next(iter(of.values()))["size"]

    def who(age: int | None) -> str:
        return who_url(asked.view, RetentionCell(question, cohort, age))

    cells = [_cell(asked, of.get(age), who(age)) for age in ages]
    return TriangleRow(asked.formats.day(cohort), asked.formats.number(size), who(None), cells)


def _cell(asked: Asked, row: Mapping[str, Any] | None, url: str | None) -> TriangleCell:
    if row is None or row["share"] is None:
        return TriangleCell("", "", 0, None, asked.translate(mark("This day is not over yet.")), is_open=True)
    share = float(row["share"])
    said = asked.translate(mark("{players} of {size} players")).format(
        players=asked.formats.number(row["players"]), size=asked.formats.number(row["size"])
    )
    shade = sum(share > bound for bound in _SHADES)
    return TriangleCell(
        asked.formats.share(share), plain(row["share"]), shade, url if row["players"] else None, said, is_open=False
    )


def _values(view: View) -> Mapping[str, Any]:
    choice = choice_of(view)
    ages = sorted({*AGES[choice.granularity], choice.ages})
    return {"choice": choice, "ages": ages, "dimensions": DIMENSIONS}


REPORT = Report(
    "retention",
    "Who comes back?",
    (
        Card(
            "retention.curve",
            mark("Share of players who came back"),
            _curve_questions,
            curve,
            span=12,
            height=Height.TALL,
            help=mark("All cohorts whose day is over, added up. The band is the 95 % interval."),
            empty=mark("No cohort in this period whose day is over."),
        ),
        Card(
            "retention.triangle",
            mark("Cohort by cohort"),
            _triangle_questions,
            _draw_triangle,
            span=12,
            height=Height.TALL,
            help=mark("A cell leads to the players in it. Empty cells are not over yet, and in no total."),
            empty=mark("No player joined a cohort in this period."),
        ),
    ),
    template="retention.html",
    values=_values,
)
