"""What keeps a definition from being saved or deleted: it cannot be answered, or others are made of it."""

from collections.abc import Mapping, Sequence

import msgspec

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.members import check_cells
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.intervals import SUFFIXES
from questlog.analytics.metrics.metric import metric_named
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.registry import ANALYSES
from questlog.analytics.selection.segment_rules import check_segment
from questlog.console.definition_kinds import CUSTOM_METRIC, SEGMENT, of_kind
from questlog.console.definition_uses import users_of
from questlog.control.definitions import Check, SavedDefinition
from questlog.control.errors import Refused

_MOST_NAMED = 3

# A metric's name is a column of answers, beside these; and `questlog query` takes several, with commas between them.
_TAKEN = frozenset({"bucket"})
_TAKEN_PREFIXES = ("previous_", "by_")

_ANALYSIS_OF = {analysis.question: analysis for analysis in ANALYSES}


class NameNotAllowed(Exception):
    """A name that a definition of this kind cannot have. Safe to show."""


class InUse(Refused):
    """A definition that others are made of cannot be deleted. Safe to show."""


def check_definition(name: str, definition: msgspec.Struct, others: Sequence[SavedDefinition]) -> None:
    """Raises `InvalidQuery` for a definition that cannot be answered, with a path inside of it; `NameNotAllowed`."""
    segments = of_kind(others, SEGMENT, SegmentDefinition)
    custom = of_kind(others, CUSTOM_METRIC, CustomMetric)
    if isinstance(definition, CustomMetric):
        _check_custom_metric(name, definition, segments)
    elif isinstance(definition, SegmentDefinition):
        known = {**segments, name: definition}
        _check_segment(definition, known)
        check_cells(definition, known, custom)
    elif type(definition) in _ANALYSIS_OF:
        _ANALYSIS_OF[type(definition)].check(definition, segments, custom)


def unused(kind: str, name: str) -> Check:
    """What raises `InUse` for a definition that others are made of."""

    def refuse(others: Sequence[SavedDefinition]) -> None:
        users = users_of(kind, name, others)
        if not users:
            return
        named = ", ".join(f"the {user.kind} {user.name!r}" for user in users[:_MOST_NAMED])
        more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
        raise InUse(f"the {kind} {name!r} is used by {named}{more}; change those first")

    return refuse


def _check_segment(definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition]) -> None:
    try:
        check_segment("segment", definition, segments)
    except InvalidQuery as error:
        inner = error.field.removeprefix("segment").lstrip(".")
        raise InvalidQuery(inner, error.detail, error.nearest) from None


def _check_custom_metric(name: str, metric: CustomMetric, segments: Mapping[str, SegmentDefinition]) -> None:
    check_match("event", metric.event, segments)
    if name in _TAKEN or name.startswith(_TAKEN_PREFIXES) or name.endswith(SUFFIXES) or "," in name:
        said = f"{name!r} cannot be a metric's name: answers have such a column, or commas part names"
        raise NameNotAllowed(said)
    try:
        metric_named("name", name, CATALOGUE)
    except InvalidQuery:
        return
    raise NameNotAllowed(f"{name!r} is a metric that every game has; take another name")
