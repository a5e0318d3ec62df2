"""The kinds of definitions that people save, and their types: savable questions, segments, metrics, boards and more."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.question import examples
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.examples import Example
from questlog.analytics.registry import ANALYSES
from questlog.console import annotations, boards, saved_sql
from questlog.console.annotations import Annotation
from questlog.console.boards import Board
from questlog.console.saved_sql import SavedSql
from questlog.control.definitions import SavedDefinition

_Read = TypeVar("_Read", bound=msgspec.Struct)

_log = structlog.get_logger(__name__)

SEGMENT = "segment"
CUSTOM_METRIC = "custom-metric"
ANNOTATION = "annotation"
BOARD = "board"
SQL = "sql"

_OWN_TYPES: Mapping[str, type[msgspec.Struct]] = {
    SEGMENT: SegmentDefinition,
    CUSTOM_METRIC: CustomMetric,
    ANNOTATION: Annotation,
    BOARD: Board,
    SQL: SavedSql,
}
_OWN_EXAMPLES: Mapping[str, Example] = {
    SEGMENT: examples.SEGMENT,
    CUSTOM_METRIC: examples.CUSTOM_METRIC,
    ANNOTATION: annotations.EXAMPLE,
    BOARD: boards.EXAMPLE,
    SQL: saved_sql.EXAMPLE,
}


def definition_types(analyses: Iterable[Analysis]) -> Mapping[str, type[msgspec.Struct]]:
    """The type of each kind of definition."""
    questions = {analysis.name: analysis.question for analysis in analyses if analysis.is_savable}
    return {**questions, **_OWN_TYPES}


def definition_examples(analyses: Iterable[Analysis]) -> Mapping[str, Example]:
    """An example of each kind."""
    questions = {analysis.name: analysis.examples[0] for analysis in analyses if analysis.is_savable}
    return {**questions, **_OWN_EXAMPLES}


DEFINITION_TYPES = definition_types(ANALYSES)
# The members are the registry's, known when the program runs.
DefinitionKind = enum.StrEnum("DefinitionKind", list(DEFINITION_TYPES))  # type: ignore[misc]
"""What can be saved."""


def of_kind(saved: Sequence[SavedDefinition], kind: str, wanted: type[_Read]) -> dict[str, _Read]:
    """Those of one kind, by name. One that this version of Questlog cannot read is passed over, and logged."""
    read = {}
    for each in saved:
        if each.kind == kind:
            try:
                read[each.name] = msgspec.convert(each.definition, wanted)
            except msgspec.ValidationError as error:
                _log.warning("definition_unreadable", kind=kind, name=each.name, reason=str(error))
    return read
