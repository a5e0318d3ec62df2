"""Who is logged in: kept in memory, so everyone logs in again after a restart."""

import hmac
import secrets
import threading
from collections import OrderedDict

import msgspec

from questlog.control.database import ControlDatabase
from questlog.model.clock import Clock

_LIFETIME_US = 12 * 3_600 * 1_000_000
_RECHECK_US = 1_000_000
_MOST = 1_000


class LoginSession(msgspec.Struct):
    """One log-in, with a token or as a user. Times are UTC microseconds."""

    name: str
    token: str | None
    email: str | None
    started_at: int
    checked_at: int


class LoginSessions:
    """Log-ins by the random text in their cookie. Safe to call from any thread.

    One ends after 12 hours, or within a second after its token is revoked or its user is gone; at most 1 000 are kept,
    the oldest go first.
    """

    def __init__(self, people: ControlDatabase, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._open: OrderedDict[str, LoginSession] = OrderedDict()
        self._lock = threading.Lock()

    def log_in_with_token(self, token: str) -> str | None:
        """The new log-in's cookie; None for a token that is not valid. Raises `ControlError`."""
        name = self._people.check_token(token)
        return None if name is None else self._add(f"token {name}", token=token, email=None)

    def log_in_with_password(self, email: str, password: str) -> str | None:
        """The new log-in's cookie; None for a wrong password or an unknown user. Raises `ControlError`."""
        user = self._people.check_password(email, password)
        return None if user is None else self._add(user.email, token=None, email=user.email)

    def find(self, cookie: str) -> LoginSession | None:
        """The log-in that is still good. Raises `ControlError`."""
        now_us = self._clock.now_us()
        with self._lock:
            session = self._open.get(cookie)
        if session is None:
            return None
        if now_us - session.checked_at >= _RECHECK_US:
            if now_us - session.started_at >= _LIFETIME_US or not self._may_still(session):
                self.log_out(cookie)
                return None
            session.checked_at = now_us
        return session

    def log_out(self, cookie: str) -> None:
        """End a log-in; of an unknown one, nothing."""
        with self._lock:
            self._open.pop(cookie, None)

    def form_token(self, cookie: str) -> str:
        """The text that a form sent with this cookie must carry: no other site can know it."""
        return hmac.new(self._secret, cookie.encode("utf-8", "surrogatepass"), "sha256").hexdigest()

    def is_own_form(self, cookie: str, form_token: str) -> bool:
        """Whether a form comes from a page of ours."""
        return bool(cookie) and hmac.compare_digest(
            self.form_token(cookie).encode(), form_token.encode("utf-8", "replace")
        )

    def _may_still(self, session: LoginSession) -> bool:
        if session.token is not None:
            return self._people.check_token(session.token) is not None
        return any(user.email == session.email for user in self._people.list_users())

    def _add(self, name: str, token: str | None, email: str | None) -> str:
        now_us = self._clock.now_us()
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._open[cookie] = LoginSession(name, token, email, started_at=now_us, checked_at=now_us)
            if len(self._open) > _MOST:
                self._open.popitem(last=False)
        return cookie
