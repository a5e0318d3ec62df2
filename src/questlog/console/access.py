"""Who may do what: rights, the roles that include them, and callers with roles for one game or for all games."""

import enum
from collections.abc import Collection, Mapping

import msgspec

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotFound
from questlog.control.grants import Grant, Role
from questlog.model.game import Game


class Right(enum.StrEnum):
    """What a request needs."""

    VIEW = "view"  # reports: aggregates of many players
    PERSONAL_DATA = "personal_data"  # events, players, members of groups
    SQL = "sql"
    DEFINE = "define"  # saved definitions
    MANAGE = "manage"  # a game's settings and API keys, rebuilding, repricing
    KEYS = "keys"  # see secret keys
    CREATE_GAMES = "create_games"
    DELETE_GAMES = "delete_games"
    PEOPLE = "people"  # users, tokens, roles, log-ins, the audit log


_VIEWER = frozenset({Right.VIEW})
_ANALYST = _VIEWER | {Right.PERSONAL_DATA, Right.SQL, Right.DEFINE}
_ADMIN = _ANALYST | {Right.MANAGE, Right.KEYS, Right.CREATE_GAMES}

RIGHTS_OF: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: _VIEWER,
    Role.ANALYST: _ANALYST,
    Role.ADMIN: _ADMIN,
    Role.OWNER: frozenset(Right),
}


class Scope(enum.Enum):
    """For which games a right is needed."""

    GAME = enum.auto()  # the game in the address
    ALL_GAMES = enum.auto()  # every game
    ANY_GAME = enum.auto()  # one game at least: the answer is limited to the games with the right
    NONE = enum.auto()  # being known is enough


class Need(msgspec.Struct, frozen=True):
    """What a route needs of its caller.

    With `is_sensitive`, a page is answered only if the log-in's password was given within the last minutes
    (`Accounts.is_proven`). For the API the token is the proof.
    """

    right: Right
    scope: Scope = Scope.GAME
    is_sensitive: bool = False


NEED = "need"


def needs(right: Right, scope: Scope = Scope.GAME, *, is_sensitive: bool = False) -> Mapping[str, Need]:
    """What a route of API or pages declares as its `opt`: the right that its caller needs, and for which games."""
    return {NEED: Need(right, scope, is_sensitive)}


class Caller(msgspec.Struct, frozen=True):
    """Someone who is known, with a token or a log-in.

    `who` is how the audit log names the caller, `name` how saved definitions do. `address` is the client's.
    """

    name: str
    who: str
    grants: tuple[Grant, ...]
    address: str = ""

    def may(self, right: Right, game_id: int) -> bool:
        """Whether the caller has the right for this game."""
        return any(right in RIGHTS_OF[grant.role] for grant in self.grants if grant.game_id in (None, game_id))

    def may_everywhere(self, right: Right) -> bool:
        """Whether the caller has the right for all games, also those to come."""
        return any(right in RIGHTS_OF[grant.role] for grant in self.grants if grant.game_id is None)

    def check_without_game(self, need: Need) -> None:
        """Raises `NotPermitted` where a route without a game in its address needs a right that the caller has not."""
        if need.scope is Scope.ALL_GAMES and not self.may_everywhere(need.right):
            raise NotPermitted(need.right, " for all games")
        if need.scope is Scope.ANY_GAME and not self.may_anywhere(need.right):
            raise NotPermitted(need.right)
        if need.scope is Scope.GAME:
            raise NotPermitted(need.right)

    def games_with(self, right: Right) -> Collection[int] | None:
        """The numbers of the games that the caller has the right for; None for all games."""
        if self.may_everywhere(right):
            return None
        return frozenset(
            grant.game_id for grant in self.grants if grant.game_id is not None and right in RIGHTS_OF[grant.role]
        )

    def may_anywhere(self, right: Right) -> bool:
        """Whether the caller has the right for one game at least."""
        return any(right in RIGHTS_OF[grant.role] for grant in self.grants)


class NotPermitted(Exception):
    """The caller is known, and has not the right. The message is safe to show."""

    def __init__(self, right: Right, where: str = "") -> None:
        roles = ", ".join(role.value for role in reversed(Role) if right in RIGHTS_OF[role])
        super().__init__(f"this needs the right `{right.value}`{where}; roles with it: {roles}")
        self.right = right


def visible_game(control: ControlDatabase, caller: Caller, reference: str) -> Game:
    """The game by its number, game key or name. Blocks.

    Raises `NotFound` where there is none, and in the same words for one of which the caller may see nothing.
    """
    game = control.find_game(reference)
    if not caller.may(Right.VIEW, game.game_id):
        raise NotFound(f"there is no game {reference!r}")
    return game
