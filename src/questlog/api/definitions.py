"""`/api/v1/games/{game}/definitions`: questions, segments, metrics and annotations that people save."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from questlog.analytics.question.problems import InvalidQuery
from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, bad_field, bad_value, invalid_query_error
from questlog.api.games import Services
from questlog.api.validation import NotOfType, converted
from questlog.console.access import Right, needs
from questlog.console.definition_checks import NameNotAllowed, check_definition, unused
from questlog.console.definition_kinds import DEFINITION_TYPES, DefinitionKind
from questlog.console.definition_uses import users_of
from questlog.control.definitions import Check, SavedDefinition
from questlog.control.names import MAX_NAME

JsonObject = dict[str, Any]


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
    services.control.delete_definition(game, kind, name, unused(kind, name))


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
            check_definition(name, read, others)
        except NameNotAllowed as error:
            raise bad_value("name", str(error)) from None
        except InvalidQuery as error:
            raise invalid_query_error(InvalidQuery(_within(field, error.field), error.detail, error.nearest)) from None

    return refuse


def _within(field: str, inner: str) -> str:
    return ".".join(part for part in (field, inner) if part)


DEFINITION_HANDLERS = [
    list_definitions,
    list_definitions_of_kind,
    create_definition,
    get_definition,
    list_uses,
    put_definition,
    delete_definition,
]
