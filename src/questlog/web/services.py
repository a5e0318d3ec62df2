"""What the pages need of the rest of the program, as narrowly as it can be said."""

from collections.abc import Callable, Sequence
from typing import Protocol

from questlog.collector.counters import CollectorCounters
from questlog.control.games import ListedGame
from questlog.control.users import User
from questlog.loader.counters import LoaderCounters
from questlog.model.clock import Clock
from questlog.rates.status import RatesStatus
from questlog.store.contract import Reading


class People(Protocol):
    """Who may look, and the games there are. Called from any thread; raises the errors of `questlog.control.errors`."""

    def check_token(self, token: str) -> str | None:
        """The name of a token that may be used; None for any other text."""
        ...

    def check_password(self, email: str, password: str) -> User | None:
        """The user, if the password is right. Takes as long for an unknown user."""
        ...

    def list_users(self) -> Sequence[User]:
        """All users."""
        ...

    def list_games(self) -> Sequence[ListedGame]:
        """All games, the oldest first."""
        ...


class Progress(Protocol):
    """How receiving and loading go. Called from any thread, answers at once."""

    def reasons_not_ready(self) -> Sequence[str]:
        """What is wrong, one line each; empty when all is well."""
        ...

    def loader_counters(self) -> LoaderCounters:
        """What the loader has done."""
        ...

    def collector_counters(self) -> Sequence[CollectorCounters]:
        """What the collectors of this machine have done; empty when they run elsewhere."""
        ...

    def rates_status(self) -> Sequence[RatesStatus]:
        """How old the tables of exchange rates are, and whether fetching new ones goes well."""
        ...


class PageServices(Protocol):
    """Everything that the pages are built from."""

    @property
    def control(self) -> People:
        """Who may look."""
        ...

    @property
    def tables(self) -> Reading:
        """What was stored."""
        ...

    @property
    def progress(self) -> Progress:
        """What is going on."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def monotonic_s(self) -> Callable[[], float]:
        """Seconds that no change of the clock touches."""
        ...

    @property
    def collector_port(self) -> int:
        """Where games send to."""
        ...
