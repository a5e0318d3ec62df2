import asyncio
import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pytest

from questlog.analytics.analyses.releases import Releases
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Period
from questlog.console.marks import Mark, MarkKind, marks_of
from questlog.console.queries import QueryService
from questlog.store.contract import QueryAborted
from tests.support.console import FakeConsole

JANUARY = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 31))


def day(number: int) -> dt.date:
    return dt.date(2026, 1, number)


async def for_ever() -> None:
    await asyncio.Event().wait()


@pytest.fixture(name="console")
def _console(console: FakeConsole) -> FakeConsole:
    console.control.create_game("Sky Raiders")
    console.analytics.answer = Answer(pa.table({"build": ["1.1", "1.2"], "day": [day(5), day(20)]}), [])
    return console


def annotate(console: FakeConsole, name: str, on: dt.date, text: str, build: str | None = None) -> None:
    definition = {"day": on.isoformat(), "text": text} | ({"build": build} if build else {})
    console.control.put_definition("1", "annotation", name, definition, "ada")


def marks(console: FakeConsole) -> Sequence[Mark]:
    return asyncio.run(marks_of(console.services, QueryService(console.services), 1, JANUARY, for_ever))


def test_releases_mark_themselves(console: FakeConsole) -> None:
    assert marks(console) == [
        Mark(day(5), MarkKind.RELEASE, "1.1", build="1.1"),
        Mark(day(20), MarkKind.RELEASE, "1.2", build="1.2"),
    ]
    assert console.analytics.asked == [(1, Releases(JANUARY))]


def test_annotations_of_the_period_are_among_them_by_day(console: FakeConsole) -> None:
    annotate(console, "sale", day(12), "Winter sale")
    annotate(console, "before", dt.date(2025, 12, 31), "Earlier")
    assert [(each.day, each.text, each.name) for each in marks(console)] == [
        (day(5), "1.1", ""),
        (day(12), "Winter sale", "sale"),
        (day(20), "1.2", ""),
    ]


def test_an_annotation_with_a_build_stands_in_place_of_its_own_mark(console: FakeConsole) -> None:
    annotate(console, "release-1.2", day(19), "Winter update", "1.2")
    assert marks(console)[1:] == [Mark(day(19), MarkKind.RELEASE, "Winter update", "release-1.2", "1.2")]


def test_annotations_are_marked_where_releases_cannot_be_found(console: FakeConsole) -> None:
    annotate(console, "sale", day(12), "Winter sale")
    console.analytics.error = QueryAborted("too slow")
    assert [each.text for each in marks(console)] == ["Winter sale"]
