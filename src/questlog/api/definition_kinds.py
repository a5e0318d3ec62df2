"""The kinds of definitions that people save, and their types."""

import enum
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.economy import Balances, Economy
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.query import Query
from questlog.control.definitions import SavedDefinition

Question = Query | Explore | Retention | Cohort | Funnel | Progression | Economy | Balances
_Read = TypeVar("_Read", SegmentDefinition, CustomMetric)

_log = structlog.get_logger(__name__)


class DefinitionKind(enum.StrEnum):
    """What can be saved."""

    QUERY = "query"
    EXPLORE = "explore"
    RETENTION = "retention"
    COHORTS = "cohorts"
    FUNNEL = "funnel"
    PROGRESSION = "progression"
    ECONOMY = "economy"
    BALANCES = "balances"
    SEGMENT = "segment"
    CUSTOM_METRIC = "custom_metric"


DEFINITION_TYPES: Mapping[DefinitionKind, type[msgspec.Struct]] = {
    DefinitionKind.QUERY: Query,
    DefinitionKind.EXPLORE: Explore,
    DefinitionKind.RETENTION: Retention,
    DefinitionKind.COHORTS: Cohort,
    DefinitionKind.FUNNEL: Funnel,
    DefinitionKind.PROGRESSION: Progression,
    DefinitionKind.ECONOMY: Economy,
    DefinitionKind.BALANCES: Balances,
    DefinitionKind.SEGMENT: SegmentDefinition,
    DefinitionKind.CUSTOM_METRIC: CustomMetric,
}


def of_kind(saved: Sequence[SavedDefinition], kind: DefinitionKind, wanted: type[_Read]) -> dict[str, _Read]:
    """Those of one kind, by name. One that this version of Questlog cannot read is passed over, and logged."""
    read = {}
    for each in saved:
        if each.kind == kind:
            try:
                read[each.name] = msgspec.convert(each.definition, wanted)
            except msgspec.ValidationError as error:
                _log.warning("definition_unreadable", kind=kind, name=each.name, reason=str(error))
    return read
