"""The log-ins of the person who asks: seen and ended without any right."""

from collections.abc import Sequence

from questlog.console.accounts import LoggedIn
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotFound
from questlog.control.login_sessions import ListedLogin


def own_logins(control: ControlDatabase, login: LoggedIn) -> Sequence[ListedLogin]:
    """The log-ins of the same user or token, the newest first; the one that asks is among them."""
    listed = control.list_logins() if login.user is None else control.list_logins(login.user)
    return [each for each in reversed(listed) if each.who == login.caller.who]


def end_own_login(control: ControlDatabase, login: LoggedIn, login_id: int) -> None:
    """End one of the log-ins of the same user or token. Raises `NotFound`."""
    if all(each.login_id != login_id for each in own_logins(control, login)):
        raise NotFound(f"there is no log-in {login_id}")
    control.end_login(login_id)


def end_other_logins(control: ControlDatabase, login: LoggedIn) -> int:
    """End all log-ins of the same user or token but the one that asks. Returns how many."""
    others = [each for each in own_logins(control, login) if each.login_id != login.login_id]
    for each in others:
        control.end_login(each.login_id)
    return len(others)
