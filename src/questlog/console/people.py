"""Users, their roles, invitations and tokens, as far as the caller may see and change them.

The caller has the right `people` for all games, or for some: then only what is about these games is seen and changed.
"""

from collections.abc import Iterable, Sequence

import msgspec

from questlog.console.access import Caller, NotPermitted, Right, visible_game
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotFound
from questlog.control.grants import NamedGrant, Role
from questlog.control.invitations import INVITATION_S, ListedInvitation, NewLink
from questlog.control.login_sessions import ListedLogin
from questlog.control.tokens import ListedToken, NewToken
from questlog.control.users import ListedUser


class Added(msgspec.Struct, frozen=True):
    """A person who was added: `link` is None for a user who was there and has another role now."""

    email: str
    link: NewLink | None


class People:
    """What one caller sees and does. Blocks."""

    def __init__(self, control: ControlDatabase, caller: Caller) -> None:
        self._control = control
        self._caller = caller

    # Users

    def users(self) -> Sequence[ListedUser]:
        """The users with a role for a game of the caller or for all games, with these roles; the oldest first."""
        own = self._own_games()
        if own is None:
            return self._control.list_users()
        limited = (
            msgspec.structs.replace(user, grants=_within(user.grants, own)) for user in self._control.list_users()
        )
        return [user for user in limited if user.grants]

    def create_user(self, email: str, password: str, role: Role, games: Sequence[str] = ()) -> ListedUser:
        """Add a user. Raises `NotPermitted`, `NotAllowed`, `AlreadyExists`, and `NotFound` for a game."""
        return self._control.create_user(email, password, role, self._checked_games(games))

    def add(self, email: str, role: Role, games: Sequence[str] = (), lifetime_s: int = INVITATION_S) -> Added:
        """Give the user with this address a role; where there is none, make a link to become one.

        Raises `NotPermitted`, `NotAllowed`, and `NotFound` for a game.
        """
        checked = self._checked_games(games)
        if any(user.email == email.lower() for user in self._control.list_users()):
            user = self._control.set_role(email, role, checked, is_owner_needed=True)
            return Added(user.email, None)
        return Added(email.lower(), self._control.invite(email, role, checked, lifetime_s))

    def set_role(self, email: str, role: Role | None, games: Sequence[str] = ()) -> ListedUser:
        """Set the role of a user for these games, or the one for all games; None takes it away. Ends the log-ins.

        Raises `NotPermitted`, `NotFound`, and `NotAllowed` for the only owner of all games.
        """
        user = self._control.set_role(email, role, self._checked_games(games), is_owner_needed=True)
        own = self._own_games()
        return user if own is None else msgspec.structs.replace(user, grants=_within(user.grants, own))

    def remove_user(self, email: str) -> None:
        """Remove a user and end the log-ins. Raises `NotPermitted`, `NotFound`, `NotAllowed` for the only owner."""
        self._check_all_games()
        self._control.remove_user(email, is_owner_needed=True)

    def make_password_link(self, email: str) -> NewLink:
        """A link with which a user sets another password. Raises `NotPermitted`, `NotFound`."""
        self._check_all_games()
        return self._control.make_password_link(email)

    # Invitations

    def invitations(self) -> Sequence[ListedInvitation]:
        """The invitations that nobody has used, the oldest first."""
        own = self._own_games()
        listed = self._control.list_invitations()
        return listed if own is None else [each for each in listed if _is_of(each.grants, own)]

    def invite(self, email: str, role: Role, games: Sequence[str] = (), lifetime_s: int = INVITATION_S) -> NewLink:
        """A link to become a user. Raises `NotPermitted`, `NotAllowed`, `AlreadyExists`, and `NotFound` for a game."""
        return self._control.invite(email, role, self._checked_games(games), lifetime_s)

    def withdraw_invitation(self, invitation_id: int) -> None:
        """Its link is valid no more. Raises `NotFound`."""
        if all(each.invitation_id != invitation_id for each in self.invitations()):
            raise NotFound(f"there is no invitation {invitation_id}")
        self._control.withdraw_invitation(invitation_id)

    # Tokens

    def tokens(self) -> Sequence[ListedToken]:
        """The tokens that are not revoked and are for the caller's games only, the oldest first."""
        own = self._own_games()
        live = [token for token in self._control.list_tokens() if token.revoked_at is None]
        return live if own is None else [token for token in live if _is_of(token.grants, own)]

    def create_token(self, name: str, role: Role, games: Sequence[str] = (), expires_at: int | None = None) -> NewToken:
        """A new token. Raises `NotPermitted`, `NotAllowed`, `AlreadyExists`, and `NotFound` for a game."""
        return self._control.create_token(name, role, self._checked_games(games), expires_at)

    def revoke_token(self, name: str) -> None:
        """Refuse it from now on. Raises `NotFound`."""
        if all(token.name != name for token in self.tokens()):
            raise NotFound(f"there is no token {name!r}")
        self._control.revoke_token(name)

    # Log-ins

    def logins(self) -> Sequence[ListedLogin]:
        """Who is logged in now. Raises `NotPermitted` unless the caller has the right for all games."""
        self._check_all_games()
        return self._control.list_logins()

    def end_login(self, login_id: int) -> None:
        """End a log-in. Raises `NotPermitted`, `NotFound`."""
        self._check_all_games()
        self._control.end_login(login_id)

    # What the caller may

    def _own_games(self) -> frozenset[str] | None:
        """The names of the games that the caller has the right for; None for all. Raises `NotPermitted`."""
        numbers = self._caller.games_with(Right.PEOPLE)
        if numbers is None:
            return None
        if not numbers:
            raise NotPermitted(Right.PEOPLE)
        return frozenset(game.name for game in self._control.list_games() if game.game_id in numbers)

    def _checked_games(self, games: Sequence[str]) -> Sequence[str]:
        """The games by their keys. Raises `NotPermitted` where one is not the caller's, `NotFound`."""
        if not games:
            self._check_all_games()
        found = [visible_game(self._control, self._caller, reference) for reference in games]
        for game in found:
            if not self._caller.may(Right.PEOPLE, game.game_id):
                raise NotPermitted(Right.PEOPLE, f" for the game {game.name!r}")
        return [str(game.game_id) for game in found]

    def _check_all_games(self) -> None:
        if not self._caller.may_everywhere(Right.PEOPLE):
            raise NotPermitted(Right.PEOPLE, " for all games")


def _within(grants: Iterable[NamedGrant], own: frozenset[str]) -> Sequence[NamedGrant]:
    """The grants for these games, and the one for all games."""
    return [grant for grant in grants if grant.game is None or grant.game in own]


def _is_of(grants: Sequence[NamedGrant], own: frozenset[str]) -> bool:
    """Whether all grants are for these games, and there is one."""
    return bool(grants) and all(grant.game in own for grant in grants)
