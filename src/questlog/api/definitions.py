"""`/api/v1/games/{game}/definitions`: questions, segments and metrics that people save to use again."""

import enum
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from questlog.analytics.catalogue import CATALOGUE
from questlog.analytics.cohorts import Cohort
from questlog.analytics.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.dimensions import check_event_dimension, check_filter
from questlog.analytics.economy import Balances, Economy
from questlog.analytics.explore import Explore
from questlog.analytics.filters import check_values
from questlog.analytics.funnel import Funnel
from questlog.analytics.metrics import metric_named
from questlog.analytics.problems import QuestionRefused
from questlog.analytics.progression import Progression
from questlog.analytics.query import Query
from questlog.analytics.retention import Retention
from questlog.analytics.segment_rules import check_segment
from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, bad_field, bad_value, refused_question
from questlog.api.games import Services
from questlog.api.services import ConsoleServices
from questlog.api.validation import Fault, NotOfType, converted
from questlog.control.definitions import SavedDefinition


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

Question = Query | Explore | Retention | Cohort | Funnel | Progression | Economy | Balances
JsonObject = dict[str, Any]


class CreateDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A definition and its name. What `definition` holds is said by its kind."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    definition: JsonObject


@get("/games/{game:str}/definitions", sync_to_thread=True)
def list_definitions(services: Services, game: FromPath[str]) -> Sequence[SavedDefinition]:
    """All saved definitions of a game, by kind and name. Times are UTC microseconds."""
    return services.control.list_definitions(game)


@get("/games/{game:str}/definitions/{kind:str}", sync_to_thread=True)
def list_definitions_of_kind(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind]
) -> Sequence[SavedDefinition]:
    """The saved definitions of one kind, by name."""
    return services.control.list_definitions(game, kind)


@post("/games/{game:str}/definitions/{kind:str}", sync_to_thread=True)
def create_definition(
    services: Services,
    request: AnyRequest,
    game: FromPath[str],
    kind: FromPath[DefinitionKind],
    data: JSONBody[CreateDefinition],
) -> SavedDefinition:
    """Save a definition under a new name. Its owner is the token's name."""
    _check(services, game, kind, data.name, data.definition, "definition")
    return services.control.create_definition(game, kind, data.name, data.definition, caller_of(request))


@get("/games/{game:str}/definitions/{kind:str}/{name:str}", sync_to_thread=True)
def get_definition(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind], name: FromPath[str]
) -> SavedDefinition:
    """One saved definition."""
    return services.control.find_definition(game, kind, name)


@put("/games/{game:str}/definitions/{kind:str}/{name:str}", sync_to_thread=True)
def put_definition(
    services: Services,
    request: AnyRequest,
    game: FromPath[str],
    kind: FromPath[DefinitionKind],
    name: FromPath[str],
    data: JSONBody[JsonObject],
) -> SavedDefinition:
    """Save a definition, the body, in place of the one of this name or as a new one. The owner stays who made it."""
    _check(services, game, kind, name, data, "")
    return services.control.put_definition(game, kind, name, data, caller_of(request))


@delete("/games/{game:str}/definitions/{kind:str}/{name:str}", sync_to_thread=True, status_code=HTTPStatus.NO_CONTENT)
def delete_definition(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind], name: FromPath[str]
) -> None:
    """Forget a saved definition. What is made of it cannot be answered any more."""
    services.control.delete_definition(game, kind, name)


def _check(
    services: ConsoleServices, game: str, kind: DefinitionKind, name: str, definition: JsonObject, field: str
) -> None:
    """Raises `ApiError` 400 for a definition that says nothing of its kind, or nothing that can be answered."""
    try:
        read = converted(definition, DEFINITION_TYPES[kind])
    except NotOfType as error:
        raise bad_field(_within(error.fault, field)) from None
    try:
        if isinstance(read, SegmentDefinition):
            others = _segments_of(services, game)
            check_segment(field or "segment", read, {**others, name: read})
        elif isinstance(read, CustomMetric):
            _check_custom_metric(name, read, field)
        elif isinstance(read, Question):
            read.check()
    except QuestionRefused as error:
        raise refused_question(error) from None


def _within(fault: Fault, field: str) -> Fault:
    return fault._replace(field=".".join(part for part in (field, fault.field) if part))


def _segments_of(services: ConsoleServices, game: str) -> dict[str, SegmentDefinition]:
    saved = services.control.list_definitions(game, DefinitionKind.SEGMENT)
    return {each.name: msgspec.convert(each.definition, SegmentDefinition) for each in saved}


def _check_custom_metric(name: str, metric: CustomMetric, field: str) -> None:
    path = f"{field}.event" if field else "event"
    metric.event.check(path)
    check_filter(f"{path}.filter", metric.event.filter, check_event_dimension)
    check_values(metric.event.filter, f"{path}.filter")
    try:
        metric_named("name", name, CATALOGUE)
    except QuestionRefused:
        return
    raise bad_value("name", f"{name!r} is a metric that every game has; take another name")


DEFINITION_HANDLERS = [
    list_definitions,
    list_definitions_of_kind,
    create_definition,
    get_definition,
    put_definition,
    delete_definition,
]
