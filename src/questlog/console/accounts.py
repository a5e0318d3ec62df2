"""Knowing who calls: tokens, log-ins with a token or a password, and throttles against guessing."""

import asyncio
import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

import msgspec

from questlog.console.access import Caller
from questlog.console.audit import AuditTrail
from questlog.console.client_address import Network, counted_as
from questlog.control.actor import Actor
from questlog.control.attempts import Source
from questlog.control.audit_log import Action
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed, NotFound
from questlog.control.login_sessions import LoginTimes, Origin, Subject
from questlog.control.tokens import KnownToken
from questlog.control.users import User
from questlog.model.clock import Clock

_FRESH_US = 1_000_000  # what was revoked may go on working for this long
_MOST_KNOWN = 1_000
_MAX_EMAIL = 254

_TOKENS_PER_MINUTE = 20  # wrong ones, of one address
_PASSWORDS_PER_MINUTE = 10  # wrong ones, for one user from one address
_PASSWORDS_OF_ADDRESS = 100  # wrong ones per minute, for any users from one address
_UNHURRIED = 20  # wrong ones per hour for one user from anywhere, before strangers are slowed down
_SLOWEST_S = 4.0
_HOUR_S = 3_600
_CHECKS_AT_ONCE = 2
_MOST_WAITING = 50

PROOF_S = 600
"""How long a password that was given counts, before it is asked for again."""


class NotAuthenticated(Exception):
    """The token, or e-mail address and password, is wrong."""


class TooManyAttempts(Exception):
    """Too many attempts have failed. `wait_s` is how many seconds to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed attempts; try again in {wait_s} s")
        self.wait_s = wait_s


class AccountSettings(msgspec.Struct, frozen=True):
    """When log-ins end, and the proxies whose word for a client's address is taken."""

    times: LoginTimes = LoginTimes()
    trusted_proxies: Sequence[Network] = ()


class LoggedIn(msgspec.Struct, frozen=True):
    """A caller by a cookie. `user` is the e-mail address, None for a token.

    `proven_at` is when the password, or the token, was last given (UTC microseconds).
    """

    login_id: int
    caller: Caller
    user: str | None = None
    token_id: int | None = None
    proven_at: int = 0


class Accounts:
    """Callers by their tokens and cookies. Safe to call from any thread; methods block unless they are coroutines.

    A valid token is never refused for the failures of others. A password is counted as failed before it is checked and
    given back when it was right, so that many at once are no faster than one after another. A user whose address is
    known to strangers is not locked out by them: they are limited where they come from, and slowed down.
    """

    def __init__(
        self,
        control: ControlDatabase,
        audit: AuditTrail,
        clock: Clock,
        settings: AccountSettings | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.settings = settings or AccountSettings()
        self._control = control
        self._audit = audit
        self._clock = clock
        self._sleep = sleep
        self._known: OrderedDict[bytes, tuple[Caller, int]] = OrderedDict()
        self._blocked: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0
        self._form_key: bytes | None = None

    # Tokens

    def known_caller(self, token: str, address: str) -> Caller | None:
        """The caller with a token that was valid within the last second. Answers at once."""
        with self._lock:
            known = self._known.get(_digest(token))
        if known is None or not 0 <= self._clock.now_us() - known[1] < _FRESH_US:
            return None
        return msgspec.structs.replace(known[0], address=address)

    def caller_with_token(self, token: str, address: str) -> Caller:
        """The caller with a valid token. Raises `NotAuthenticated`, `TooManyAttempts`, `ControlError`."""
        found = self._control.find_token(token)
        if found is None:
            self._refuse_token(token, address)
        caller = _caller_of_token(found, address)
        with self._lock:
            self._known[_digest(token)] = (caller, self._clock.now_us())
            self._known.move_to_end(_digest(token))
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return caller

    def _refuse_token(self, token: str, address: str) -> NoReturn:
        with self._lock:
            self._known.pop(_digest(token), None)
        source = Source(f"tokens from {counted_as(address)}", _TOKENS_PER_MINUTE)
        self._begin([source])
        self._audit.record(Action.LOG_IN_FAILED, actor=Actor("unknown", address), subject="token")
        raise NotAuthenticated

    # Log-ins

    async def log_in_with_token(self, token: str, origin: Origin) -> str:
        """A new log-in's cookie. Raises `NotAuthenticated`, `TooManyAttempts`, `ControlError`."""

        def log_in() -> str:
            found = self._control.find_token(token)
            if found is None:
                self._refuse_token(token, origin.address)
            subject = Subject(token_id=found.token_id or None)
            return self._opened(subject, _caller_of_token(found, origin.address).who, origin)

        return await asyncio.to_thread(log_in)

    async def log_in_with_password(self, email: str, password: str, origin: Origin) -> str:
        """A new log-in's cookie. Raises `NotAuthenticated`, `TooManyAttempts`, `ControlError`."""
        email = email.lower()[:_MAX_EMAIL]
        user = await self._checked_user(email, password, origin.address)

        def log_in() -> str:
            subject = Subject(user_id=user.user_id, password_hash=user.password_hash)
            try:
                return self._opened(subject, user.email, origin)
            except NotFound:
                raise NotAuthenticated from None

        return await asyncio.to_thread(log_in)

    async def _checked_user(self, email: str, password: str, address: str) -> User:
        """The user with this password. Raises `NotAuthenticated`, `TooManyAttempts`, `ControlError`."""
        if self._waiting >= _MOST_WAITING:
            raise TooManyAttempts(1)
        self._waiting += 1
        try:
            sources, delay_s = await asyncio.to_thread(self._begin_password, email, address)
            if delay_s:
                await self._sleep(delay_s)
            async with self._checks:
                return await asyncio.to_thread(self._check_password, email, password, address, sources)
        finally:
            self._waiting -= 1

    def _begin_password(self, email: str, address: str) -> tuple[Sequence[Source], float]:
        """What is given back for a right password, and how long to wait before it is checked."""
        source = counted_as(address)
        anywhere = Source(f"user {email}", 2**30, _HOUR_S)
        sources = [
            Source(f"passwords from {source}", _PASSWORDS_OF_ADDRESS),
            Source(f"user {email} from {source}", _PASSWORDS_PER_MINUTE),
            anywhere,
        ]
        self._begin(sources)
        excess = self._control.failures_at(anywhere) - _UNHURRIED
        if excess <= 0 or self._control.has_logged_in_from(email, address):
            return sources, 0.0
        return sources, min(_SLOWEST_S, 0.1 * excess)

    def _check_password(self, email: str, password: str, address: str, sources: Sequence[Source]) -> User:
        user = self._control.check_password(email, password)
        if user is None:
            self._audit.record(Action.LOG_IN_FAILED, actor=Actor("unknown", address), subject=email)
            raise NotAuthenticated
        self._control.take_back(sources)
        return user

    def _opened(self, subject: Subject, who: str, origin: Origin) -> str:
        cookie = self._control.open_login(subject, origin, self.settings.times)
        self._audit.record(Action.LOG_IN, actor=Actor(who, origin.address), subject=origin.user_agent or None)
        return cookie

    def find(self, cookie: str, address: str = "") -> LoggedIn | None:
        """Who is logged in with this cookie. Raises `ControlError`."""
        session = self._control.find_login(cookie, self.settings.times) if cookie else None
        if session is None:
            return None
        caller = Caller(session.name, session.name, session.grants, address)
        return LoggedIn(session.login_id, caller, session.user, session.token_id, session.proven_at)

    def log_out(self, cookie: str, address: str = "") -> None:
        """End a log-in; of an unknown one, nothing."""
        found = self.find(cookie)
        if found is not None:
            self._control.close_login(cookie)
            self._audit.record(Action.LOG_OUT, actor=Actor(found.caller.who, address))

    # Proofs

    def is_proven(self, login: LoggedIn) -> bool:
        """Whether the password, or the token, of a log-in was given within the last minutes (`PROOF_S`)."""
        return 0 <= self._clock.now_us() - login.proven_at < PROOF_S * 1_000_000

    async def prove(self, login: LoggedIn, secret: str) -> None:
        """Take the password, or the token, of a log-in again. Wrong ones count as at the log-in.

        Raises `NotAuthenticated`, `TooManyAttempts`, `ControlError`.
        """
        address = login.caller.address
        if login.user is not None:
            await self._checked_user(login.user, secret, address)
        else:
            await asyncio.to_thread(self._check_own_token, login, secret, address)

        def note() -> None:
            try:
                self._control.note_proof(login.login_id)
            except NotFound:  # the log-in was ended meanwhile
                raise NotAuthenticated from None
            self._audit.record(Action.LOG_IN_PROOF, actor=Actor(login.caller.who, address))

        await asyncio.to_thread(note)

    def _check_own_token(self, login: LoggedIn, token: str, address: str) -> None:
        found = self._control.find_token(token)
        if found is None or (found.token_id or None) != login.token_id:
            self._refuse_token(token, address)

    async def change_password(self, login: LoggedIn, old: str, new: str) -> None:
        """Give the user of a log-in another password. All other log-ins of the user end.

        Raises `NotAuthenticated` where `old` is wrong, `TooManyAttempts`, `NotAllowed` for a token and for a password
        that is too short or too long.
        """
        user = login.user
        if user is None:
            raise NotAllowed("a log-in with a token has no password")
        await self.prove(login, old)
        await asyncio.to_thread(self._control.set_password, user, new, login.login_id)

    # Forms

    def form_token(self, cookie: str) -> str:
        """The text that a change from a page with this cookie must carry: no other site can know it."""
        if self._form_key is None:
            self._form_key = self._control.form_key().encode()
        return hmac.new(self._form_key, cookie.encode("utf-8", "surrogatepass"), "sha256").hexdigest()

    def is_own_form(self, cookie: str, form_token: str) -> bool:
        """Whether a change comes from a page of ours."""
        return bool(cookie) and hmac.compare_digest(
            self.form_token(cookie).encode(), form_token.encode("utf-8", "replace")
        )

    def _begin(self, sources: Sequence[Source]) -> None:
        """Count an attempt. Raises `TooManyAttempts`; a source that is full costs the database nothing."""
        now_us = self._clock.now_us()
        with self._lock:
            ends = [self._blocked[source.name] for source in sources if source.name in self._blocked]
        waits = [-(-(end - now_us) // 1_000_000) for end in ends if now_us < end <= now_us + _HOUR_S * 1_000_000]
        if waits:
            raise TooManyAttempts(max(waits))
        wait_s = self._control.begin_attempt(sources)
        if not wait_s:
            return
        with self._lock:
            for source in sources:
                if own_wait_s := self._control.wait_s(source):
                    self._blocked[source.name] = now_us + own_wait_s * 1_000_000
                    self._blocked.move_to_end(source.name)
            while len(self._blocked) > _MOST_KNOWN:
                self._blocked.popitem(last=False)
        raise TooManyAttempts(wait_s)


def _caller_of_token(token: KnownToken, address: str) -> Caller:
    who = f"token {token.name}" if token.token_id else token.name
    return Caller(token.name, who, token.grants, address)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
