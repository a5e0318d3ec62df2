"""`/api/v1/games/{game}/definitions`: questions, segments, metrics and annotations that people save."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.members import check_cells
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.intervals import SUFFIXES
from questlog.analytics.metrics.metric import metric_named
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.registry import ANALYSES
from questlog.analytics.selection.segment_rules import check_segment
from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, ApiError, bad_field, bad_value, invalid_query_error
from questlog.api.games import Services
from questlog.api.validation import NotOfType, converted
from questlog.console.access import Right, needs
from questlog.console.definition_kinds import CUSTOM_METRIC, DEFINITION_TYPES, SEGMENT, DefinitionKind, of_kind
from questlog.console.definition_uses import users_of
from questlog.control.definitions import Check, SavedDefinition
from questlog.control.names import MAX_NAME

JsonObject = dict[str, Any]

_MOST_TOLD = 3

# A metric's name is a column of answers, beside these; and `questlog query` takes several, with commas between them.
_TAKEN = frozenset({"bucket"})
_TAKEN_PREFIXES = ("previous_", "by_")

_ANALYSIS_OF = {analysis.question: analysis for analysis in ANALYSES}


class CreateDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A definition and its name. What `definition` holds is said by its kind."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    definition: JsonObject


@get("/games/{game:str}/definitions", sync_to_thread=True, opt=needs(Right.VIEW))
def list_definitions(services: Services, game: FromPath[str]) -> Sequence[SavedDefinition]:
    """All saved definitions of a game, by kind and name. Times are UTC microseconds."""
    return services.control.list_definitions(game)


@get("/games/{game:str}/definitions/{kind:str}", sync_to_thread=True, opt=needs(Right.VIEW))
def list_definitions_of_kind(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind]
) -> Sequence[SavedDefinition]:
    """The saved definitions of one kind, by name."""
    return services.control.list_definitions(game, kind)


@post("/games/{game:str}/definitions/{kind:str}", sync_to_thread=True, opt=needs(Right.DEFINE))
def create_definition(
    services: Services,
    request: AnyRequest,
    game: FromPath[str],
    kind: FromPath[DefinitionKind],
    data: JSONBody[CreateDefinition],
) -> SavedDefinition:
    """Save a definition under a new name. Its owner is the token's name."""
    check = _check(kind, data.name, data.definition, "definition")
    return services.control.create_definition(game, kind, data.name, data.definition, caller_of(request).name, check)


@get("/games/{game:str}/definitions/{kind:str}/{name:str}", sync_to_thread=True, opt=needs(Right.VIEW))
def get_definition(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind], name: FromPath[str]
) -> SavedDefinition:
    """One saved definition."""
    return services.control.find_definition(game, kind, name)


@put("/games/{game:str}/definitions/{kind:str}/{name:str}", sync_to_thread=True, opt=needs(Right.DEFINE))
def put_definition(
    services: Services,
    request: AnyRequest,
    game: FromPath[str],
    kind: FromPath[DefinitionKind],
    name: FromPath[str],
    data: JSONBody[JsonObject],
) -> SavedDefinition:
    """Save a definition, the body, in place of the one of this name or as a new one. The owner stays who made it."""
    check = _check(kind, name, data, "")
    return services.control.put_definition(game, kind, name, data, caller_of(request).name, check)


class DefinitionUse(msgspec.Struct, frozen=True):
    """A saved definition that another one is part of."""

    kind: str
    name: str
    owner: str


@get("/games/{game:str}/definitions/{kind:str}/{name:str}/uses", sync_to_thread=True, opt=needs(Right.VIEW))
def list_uses(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind], name: FromPath[str]
) -> Sequence[DefinitionUse]:
    """Where a segment or metric is used: the saved definitions that keep it from being deleted."""
    services.control.find_definition(game, kind, name)
    users = users_of(kind, name, services.control.list_definitions(game))
    return [DefinitionUse(user.kind, user.name, user.owner) for user in users]


@delete(
    "/games/{game:str}/definitions/{kind:str}/{name:str}",
    sync_to_thread=True,
    status_code=HTTPStatus.NO_CONTENT,
    opt=needs(Right.DEFINE),
)
def delete_definition(
    services: Services, game: FromPath[str], kind: FromPath[DefinitionKind], name: FromPath[str]
) -> None:
    """Forget a saved definition. One that others are made of is kept: they could not be answered any more."""

    def refuse(others: Sequence[SavedDefinition]) -> None:
        if users := users_of(kind, name, others):
            raise _in_use(kind, name, users)

    services.control.delete_definition(game, kind, name, refuse)


def _in_use(kind: DefinitionKind, name: str, users: Sequence[SavedDefinition]) -> ApiError:
    told = ", ".join(f"the {user.kind} {user.name!r}" for user in users[:_MOST_TOLD])
    more = f" and {len(users) - _MOST_TOLD} more" if len(users) > _MOST_TOLD else ""
    message = f"the {kind} {name!r} is used by {told}{more}; change those first"
    return ApiError(HTTPStatus.CONFLICT, "in_use", message)


def _check(kind: DefinitionKind, name: str, definition: JsonObject, field: str) -> Check:
    """What raises `ApiError` 400 for a definition that cannot be answered beside the game's others.

    Raises it itself for one that says nothing of its kind. `field` is where in the body the definition is: "" for the
    whole.
    """
    try:
        read = converted(definition, DEFINITION_TYPES[kind])
    except NotOfType as error:
        raise bad_field(error.fault._replace(field=_within(field, error.fault.field))) from None

    def refuse(others: Sequence[SavedDefinition]) -> None:
        try:
            _check_names(name, read, others)
        except InvalidQuery as error:
            raise invalid_query_error(InvalidQuery(_within(field, error.field), error.detail, error.nearest)) from None

    return refuse


def _within(field: str, inner: str) -> str:
    return ".".join(part for part in (field, inner) if part)


def _check_names(name: str, definition: msgspec.Struct, others: Sequence[SavedDefinition]) -> None:
    """Raises `InvalidQuery` for a definition that cannot be answered, with a path inside of it, and `ApiError`."""
    segments = of_kind(others, SEGMENT, SegmentDefinition)
    if isinstance(definition, CustomMetric):
        _check_custom_metric(name, definition, segments)
    elif isinstance(definition, SegmentDefinition):
        known = {**segments, name: definition}
        _check_segment(definition, known)
        check_cells(definition, known, of_kind(others, CUSTOM_METRIC, CustomMetric))
    elif type(definition) in _ANALYSIS_OF:
        _ANALYSIS_OF[type(definition)].check(definition, segments, of_kind(others, CUSTOM_METRIC, CustomMetric))


def _check_segment(definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition]) -> None:
    try:
        check_segment("segment", definition, segments)
    except InvalidQuery as error:
        inner = error.field.removeprefix("segment").lstrip(".")
        raise InvalidQuery(inner, error.detail, error.nearest) from None


def _check_custom_metric(name: str, metric: CustomMetric, segments: Mapping[str, SegmentDefinition]) -> None:
    check_match("event", metric.event, segments)
    if name in _TAKEN or name.startswith(_TAKEN_PREFIXES) or name.endswith(SUFFIXES) or "," in name:
        raise bad_value("name", f"{name!r} cannot be a metric's name: answers have such a column, or commas part names")
    try:
        metric_named("name", name, CATALOGUE)
    except InvalidQuery:
        return
    raise bad_value("name", f"{name!r} is a metric that every game has; take another name")


DEFINITION_HANDLERS = [
    list_definitions,
    list_definitions_of_kind,
    create_definition,
    get_definition,
    list_uses,
    put_definition,
    delete_definition,
]
