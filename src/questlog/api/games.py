"""`/api/v1/games`: games and their secrets."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from questlog.api.authentication import caller_of, needs
from questlog.api.errors import AnyRequest
from questlog.console.access import Right, Scope
from questlog.console.services import ConsoleServices
from questlog.control.database import ControlDatabase
from questlog.control.games import MAX_EVENT_NAME, ListedGame
from questlog.control.names import MAX_NAME
from questlog.model import calendar
from questlog.model.game import Game

Services = NamedDependency[SkipValidation[ConsoleServices]]
GameName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
TimeZone = Annotated[
    str, msgspec.Meta(min_length=1, max_length=calendar.MAX_NAME, description="A name of the IANA database.")
]
EventName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EVENT_NAME)]


class GameView(msgspec.Struct, frozen=True, kw_only=True):
    """A game without its secret key."""

    game_id: int
    name: str
    game_key: str
    is_enabled: bool
    is_strict: bool
    is_lenient: bool
    time_zone: str
    event_names: list[str]


class GameWithSecret(GameView, frozen=True, kw_only=True):
    """A game with its secret key: shown when it is made, and never again."""

    secret_key: str


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
    `time_zone` the server computes the game's rollups again.
    """

    is_enabled: bool | None = None
    is_strict: bool | None = None
    is_lenient: bool | None = None
    time_zone: TimeZone | None = None
    event_names: list[EventName] | None = None


@get("/games", sync_to_thread=True, opt=needs(Right.VIEW, Scope.ANY_GAME))
def list_games(services: Services, request: AnyRequest) -> Sequence[ListedGame]:
    """The games that the caller may see, the oldest first. `created_at` is UTC microseconds."""
    caller = caller_of(request)
    return [game for game in services.control.list_games() if caller.may(Right.VIEW, game.game_id)]


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
    """Switch a game on or off, or change its events or its time zone. Collectors follow within seconds."""
    control = services.control
    if data.time_zone is not None:  # the only one that can be refused for its value, hence before the others
        control.set_time_zone(game, data.time_zone)
    if data.event_names is not None:
        _set_event_names(control, game, frozenset(data.event_names))
    if data.is_strict is not None:
        control.set_strict(game, data.is_strict)
    if data.is_lenient is not None:
        control.set_lenient(game, data.is_lenient)
    if data.is_enabled is not None:
        (control.enable_game if data.is_enabled else control.disable_game)(game)
    return _view(control.find_game(game))


@post("/games/{game:str}/rotate-secret", sync_to_thread=True, status_code=HTTPStatus.OK, opt=needs(Right.KEYS))
def rotate_secret(services: Services, game: FromPath[str]) -> GameWithSecret:
    """Give the game a new secret key, which only this answer shows. The old one stops working within seconds."""
    return _with_secret(services.control.rotate_secret(game))


def _set_event_names(control: ControlDatabase, game: str, names: frozenset[str]) -> None:
    """New names come before old ones go: a strict game never drops an event that both lists allow."""
    old = control.find_game(game).event_names
    control.declare_event_names(game, names - old)
    control.forget_event_names(game, old - names)


def _view(game: Game) -> GameView:
    return GameView(
        game_id=game.game_id,
        name=game.name,
        game_key=game.game_key,
        is_enabled=game.is_enabled,
        is_strict=game.is_strict,
        is_lenient=game.is_lenient,
        time_zone=game.time_zone,
        event_names=sorted(game.event_names),
    )


def _with_secret(game: Game) -> GameWithSecret:
    return GameWithSecret(**msgspec.structs.asdict(_view(game)), secret_key=game.secret_key)


GAME_HANDLERS = [list_games, create_game, get_game, update_game, rotate_secret]
