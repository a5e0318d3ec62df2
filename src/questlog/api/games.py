"""`/api/v1/games`: games and their secrets."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, ApiError, bad_value
from questlog.console.access import Right, Scope, needs
from questlog.console.expiry import Expiring, expiring
from questlog.console.game_settings import NotConfirmed, change_game
from questlog.console.services import ConsoleServices
from questlog.control.games import MAX_EVENT_NAME, MOST_KEEP_OLD_S, GameChanges, ListedGame
from questlog.control.names import MAX_NAME
from questlog.model import calendar
from questlog.model.expiry import FOR_EVER, LEAST_KEEP_DAYS, MOST_KEEP_DAYS
from questlog.model.game import Game

Services = NamedDependency[SkipValidation[ConsoleServices]]
GameName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
TimeZone = Annotated[
    str, msgspec.Meta(min_length=1, max_length=calendar.MAX_NAME, description="A name of the IANA database.")
]
KeepDays = (
    Annotated[
        int,
        msgspec.Meta(
            ge=LEAST_KEEP_DAYS, le=MOST_KEEP_DAYS, description="Whole days before today that events are kept."
        ),
    ]
    | Literal["for-ever", "default"]
)
Confirm = Annotated[str, QueryParameter(name="confirm", max_length=MAX_NAME, description="The name of the game again.")]
AskedDays = Annotated[
    int | None, QueryParameter(name="keep_days", ge=0, le=MOST_KEEP_DAYS, description="What would go with these days.")
]
KeepOld = Annotated[
    int,
    QueryParameter(
        name="keep_old_s", ge=0, le=MOST_KEEP_OLD_S, description="How many seconds the old key is accepted."
    ),
]
EventName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EVENT_NAME)]


class GameView(msgspec.Struct, frozen=True, kw_only=True):
    """A game without its secret key. `old_secret_until`: the secret key before the last rotation is accepted until then
    (UTC microseconds); null: it is not.
    """

    game_id: int
    name: str
    game_key: str
    is_enabled: bool
    is_strict: bool
    is_lenient: bool
    time_zone: str
    keep_days: KeepDays
    event_names: list[str]
    old_secret_until: int | None


class ListedGameView(msgspec.Struct, frozen=True):
    """A game of the list. `created_at` is UTC microseconds."""

    game_id: int
    name: str
    game_key: str
    is_enabled: bool
    is_strict: bool
    is_lenient: bool
    time_zone: str
    keep_days: KeepDays
    created_at: int


class GameWithSecret(GameView, frozen=True, kw_only=True):
    """A game with its secret key: shown when it is made, and never again."""

    secret_key: str


class DeletedGameView(msgspec.Struct, frozen=True):
    """A deleted game, whose events the server deletes now. `deleted_at` is UTC microseconds."""

    game_id: int
    name: str
    deleted_at: int


class CreateGame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new game. Without keys, a pair is made up. Its days are those of `time_zone`."""

    name: GameName
    game_key: str | None = None
    secret_key: str | None = None
    time_zone: TimeZone = "UTC"


class UpdateGame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; a field that is left out stays as it is.

    With `is_strict`, Satori events whose name is not in `event_names` are dropped. With `is_lenient`, an optional
    annotation that breaks its rule goes to `attributes.invalid` instead of dropping the event. After a change of
    `time_zone` the server computes the game's rollups again. Events older than `keep_days` are deleted; `default` is
    what the setting `event.keep_days` says. Fewer days than before need `confirm`: the name of the game.
    """

    name: GameName | None = None
    keep_days: KeepDays | None = None
    confirm: str | None = None
    is_enabled: bool | None = None
    is_strict: bool | None = None
    is_lenient: bool | None = None
    time_zone: TimeZone | None = None
    event_names: list[EventName] | None = None


@get("/games", sync_to_thread=True, opt=needs(Right.VIEW, Scope.ANY_GAME))
def list_games(services: Services, request: AnyRequest) -> Sequence[ListedGameView]:
    """The games that the caller may see, the oldest first. `created_at` is UTC microseconds."""
    caller = caller_of(request)
    return [_listed(game) for game in services.control.list_games() if caller.may(Right.VIEW, game.game_id)]


@post("/games", sync_to_thread=True, opt=needs(Right.CREATE_GAMES, Scope.ALL_GAMES))
def create_game(services: Services, data: JSONBody[CreateGame]) -> GameWithSecret:
    """Make a game. The answer is the only one that shows its secret key."""
    return _with_secret(services.control.create_game(data.name, data.game_key, data.secret_key, data.time_zone))


@get("/games/{game:str}", sync_to_thread=True, opt=needs(Right.VIEW))
def get_game(services: Services, game: FromPath[str]) -> GameView:
    """One game, by number, game key or name."""
    return _view(services.control.find_game(game))


@patch("/games/{game:str}", sync_to_thread=True, opt=needs(Right.MANAGE))
def update_game(services: Services, game: FromPath[str], data: JSONBody[UpdateGame]) -> GameView:
    """Rename a game, switch it on or off, or change its events, its time zone or how long its events are kept.

    Collectors follow within seconds.
    """
    names = None if data.event_names is None else frozenset(data.event_names)
    try:
        changed = change_game(services, game, _changes(data), names, data.confirm)
    except NotConfirmed as error:
        raise ApiError(HTTPStatus.CONFLICT, "not_confirmed", str(error), field="confirm") from None
    return _view(changed)


@delete("/games/{game:str}", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.DELETE_GAMES))
def delete_game(services: Services, game: FromPath[str], confirm: Confirm) -> DeletedGameView:
    """Delete a game and all that it has. `confirm` is its name. Its keys stop working within seconds.

    The server then deletes its events and identities. The name and the game key are free again.
    """
    found = services.control.find_game(game)
    if confirm != found.name:
        raise bad_value("confirm", f"confirm must be the name of the game, {found.name!r}: nothing was deleted")
    deleted = services.control.delete_game(found.game_key, confirm)
    return DeletedGameView(deleted.game_id, found.name, deleted.deleted_at)


@get("/games/{game:str}/expiry", sync_to_thread=True, opt=needs(Right.MANAGE))
def get_expiry(services: Services, game: FromPath[str], keep_days: AskedDays = None) -> Expiring:
    """Which events are too old to be kept: by what is set, or if `keep_days` were set. 0 = for ever."""
    found = services.control.find_game(game)
    return expiring(services, found, found.keep_days if keep_days is None else keep_days)


@post("/games/{game:str}/rotate-secret", sync_to_thread=True, status_code=HTTPStatus.OK, opt=needs(Right.KEYS))
def rotate_secret(services: Services, game: FromPath[str], keep_old_s: KeepOld = 0) -> GameWithSecret:
    """Give the game a new secret key, which only this answer shows. The old one stops working within seconds.

    With `keep_old_s` the old one is accepted for as many seconds, so that games that are out there can be updated.
    """
    return _with_secret(services.control.rotate_secret(game, keep_old_s))


@delete("/games/{game:str}/old-secret", sync_to_thread=True, opt=needs(Right.KEYS))
def end_old_secret(services: Services, game: FromPath[str]) -> None:
    """Refuse the secret key before the last rotation from now on."""
    services.control.end_old_secret(game)


def _changes(data: UpdateGame) -> GameChanges:
    given = {name: getattr(data, name) for name in GameChanges.__struct_fields__ if getattr(data, name) is not None}
    if data.keep_days is not None:
        given["keep_days"] = _days_of(data.keep_days)
    return GameChanges(**given)


def _days_of(keep_days: KeepDays) -> int | None:
    """As the control database has it."""
    return {"default": None, "for-ever": FOR_EVER}[keep_days] if isinstance(keep_days, str) else keep_days


def _shown_days(keep_days: int | None) -> KeepDays:
    if keep_days is None:
        return "default"
    return "for-ever" if keep_days == FOR_EVER else keep_days


def _listed(game: ListedGame) -> ListedGameView:
    values = msgspec.structs.asdict(game) | {"keep_days": _shown_days(game.keep_days)}
    return ListedGameView(**values)


def _view(game: Game) -> GameView:
    return GameView(
        game_id=game.game_id,
        name=game.name,
        game_key=game.game_key,
        is_enabled=game.is_enabled,
        is_strict=game.is_strict,
        is_lenient=game.is_lenient,
        time_zone=game.time_zone,
        keep_days=_shown_days(game.keep_days),
        event_names=sorted(game.event_names),
        old_secret_until=game.old_secret_until or None,
    )


def _with_secret(game: Game) -> GameWithSecret:
    return GameWithSecret(**msgspec.structs.asdict(_view(game)), secret_key=game.secret_key)


GAME_HANDLERS = [list_games, create_game, get_game, update_game, delete_game, get_expiry, rotate_secret, end_old_secret]
