"""The days that charts mark: releases, which are found by themselves, and annotations."""

import asyncio
import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from questlog.analytics.analyses.releases import Releases
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Period
from questlog.console.annotations import Annotation
from questlog.console.concurrency import TooBusy
from questlog.console.definition_kinds import ANNOTATION, of_kind
from questlog.console.disconnects import Gone
from questlog.console.queries import GameQuestion, QueryService
from questlog.console.services import ConsoleServices
from questlog.store.contract import QueryAborted

_log = structlog.get_logger(__name__)


class MarkKind(enum.StrEnum):
    """What a mark is of."""

    RELEASE = "release"
    NOTE = "note"


class Mark(NamedTuple):
    """A marked day. `build` is the release's; `name` that of the annotation, "" for a release without one."""

    day: dt.date
    kind: MarkKind
    text: str
    name: str = ""
    build: str | None = None


async def marks_of(
    services: ConsoleServices, queries: QueryService, game_id: int, period: Period, gone: Gone
) -> Sequence[Mark]:
    """The marks of a period, by day. An annotation with a build stands in place of the mark of that build.

    Without releases where the question for them is not answered: what is marked matters more. Raises `ControlError`,
    `StoreFailed`.
    """
    saved = await asyncio.to_thread(services.control.definitions_of, game_id)
    annotations = of_kind(saved, ANNOTATION, Annotation)
    try:
        released = await queries.ask(GameQuestion(str(game_id), Releases(period)), gone)
    except (QueryAborted, TooBusy) as error:
        _log.warning("releases_not_marked", game_id=game_id, reason=str(error))
        return _by_day(_notes(annotations, period))
    told = {annotation.build for annotation in annotations.values()}
    return _by_day([*_releases(released, told), *_notes(annotations, period)])


def _releases(answer: Answer, told: Iterable[str | None]) -> list[Mark]:
    table = answer.table.select(["day", "build"])
    return [
        Mark(row["day"], MarkKind.RELEASE, row["build"], build=row["build"])
        for row in table.to_pylist()
        if row["build"] not in told
    ]


def _notes(annotations: Mapping[str, Annotation], period: Period) -> list[Mark]:
    return [
        Mark(each.day, MarkKind.RELEASE if each.build else MarkKind.NOTE, each.text, name, each.build)
        for name, each in annotations.items()
        if period.start <= each.day <= period.end
    ]


def _by_day(marks: Sequence[Mark]) -> Sequence[Mark]:
    return sorted(marks, key=lambda mark: (mark.day, mark.kind, mark.text))
