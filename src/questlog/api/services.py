"""What the console port needs of the rest of the program, as narrowly as it can be said."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from questlog.analytics.question.answer import Answer
from questlog.analytics.runner import DataState
from questlog.collector.counters import CollectorCounters
from questlog.control.api_keys import ListedApiKey
from questlog.control.definitions import Check, SavedDefinition
from questlog.control.games import ListedGame
from questlog.control.users import User
from questlog.loader.counters import LoaderCounters
from questlog.loader.rebuild import RebuildStatus
from questlog.loader.reprice import RepriceQuestion, RepriceStatus
from questlog.model.clock import Clock
from questlog.model.game import ApiKey, Game
from questlog.model.receipt import ReceiptSettings
from questlog.rates.status import RatesStatus
from questlog.store.contract import Cancellation, Reading


class Control(Protocol):
    """Games, their keys and the API's tokens, in the control database. Called from any thread.

    A `reference` is a game's name, game key or number. All raise the errors of `questlog.control.errors`.
    """

    def list_games(self) -> Sequence[ListedGame]:
        """All games, the oldest first."""
        ...

    def find_game(self, reference: str) -> Game:
        """One game."""
        ...

    def create_game(
        self, name: str, game_key: str | None = None, secret_key: str | None = None, time_zone: str = "UTC"
    ) -> Game:
        """A new game; keys that are None are made up."""
        ...

    def enable_game(self, reference: str) -> Game:
        """Take its events (again)."""
        ...

    def disable_game(self, reference: str) -> Game:
        """Take no more events."""
        ...

    def set_strict(self, reference: str, is_strict: bool) -> Game:
        """Take only Satori events whose name is declared, or any."""
        ...

    def set_lenient(self, reference: str, is_lenient: bool) -> Game:
        """Take events with an optional annotation that breaks its rule, or drop them."""
        ...

    def set_time_zone(self, reference: str, time_zone: str) -> Game:
        """Let its days be those of this zone."""
        ...

    def declare_event_names(self, reference: str, names: Iterable[str]) -> Game:
        """Let a strict game take these event names."""
        ...

    def forget_event_names(self, reference: str, names: Iterable[str]) -> Game:
        """The opposite; unknown names are no error."""
        ...

    def rotate_secret(self, reference: str) -> Game:
        """Give the game a new secret key; the old one stops working."""
        ...

    def list_api_keys(self, game_reference: str) -> Sequence[ListedApiKey]:
        """The game's API keys, the oldest first."""
        ...

    def create_api_key(self, game_reference: str, name: str) -> ApiKey:
        """A new API key."""
        ...

    def revoke_api_key(self, game_reference: str, name: str) -> None:
        """The key stops working, its name is free again."""
        ...

    def find_receipt_settings(self, reference: str) -> ReceiptSettings:
        """What the game's receipts are checked with."""
        ...

    def change_receipt_settings(
        self, reference: str, google_licence_key: str | None = None, apple_bundle_id: str | None = None
    ) -> ReceiptSettings:
        """Change what is given; an empty text removes."""
        ...

    def version(self) -> int:
        """A number that grows with every change of games and definitions."""
        ...

    def list_definitions(self, game_reference: str, kind: str | None = None) -> Sequence[SavedDefinition]:
        """A game's saved definitions, or those of one kind, by kind and name."""
        ...

    def find_definition(self, game_reference: str, kind: str, name: str) -> SavedDefinition:
        """One of them."""
        ...

    def create_definition(
        self,
        game_reference: str,
        kind: str,
        name: str,
        definition: Mapping[str, Any],
        owner: str,
        check: Check = ...,
    ) -> SavedDefinition:
        """Save one under a new name, unless `check` raises."""
        ...

    def put_definition(
        self,
        game_reference: str,
        kind: str,
        name: str,
        definition: Mapping[str, Any],
        owner: str,
        check: Check = ...,
    ) -> SavedDefinition:
        """Save one in place of what is there, unless `check` raises; its owner stays."""
        ...

    def delete_definition(self, game_reference: str, kind: str, name: str, check: Check = ...) -> None:
        """Forget one, unless `check` raises."""
        ...

    def check_token(self, token: str) -> str | None:
        """The name of a token that may be used; None for any other text."""
        ...


class Users(Protocol):
    """Who may log in to the pages. Called from any thread."""

    def check_password(self, email: str, password: str) -> User | None:
        """The user, if the password is right. Takes as long for an unknown user."""
        ...

    def list_users(self) -> Sequence[User]:
        """All users."""
        ...


class ControlAndUsers(Control, Users, Protocol):
    """All of the control database that this port needs."""


class Analytics(Protocol):
    """Answers questions about games. Called from any thread."""

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer. Raises `InvalidQuery`, `QueryAborted`."""
        ...

    def state(self, game_id: int) -> DataState:
        """Which data there are, and the zone of the game's days. Raises `QueryAborted`."""
        ...


class Rebuilding(Protocol):
    """Has the loader's thread rebuild the rollups. Called from any thread."""

    @property
    def status(self) -> RebuildStatus:
        """How far the last one is."""
        ...

    def request(self) -> None:
        """Have every rollup computed again, unless that is waited for."""
        ...


class Repricing(Protocol):
    """Has the loader's thread value stored purchases again. Called from any thread."""

    @property
    def status(self) -> RepriceStatus:
        """How far the last one is, and what it changed."""
        ...

    def request(self, question: RepriceQuestion) -> bool:
        """Value again with the rates there are now; False while another waits or runs. Raises `RatesUnreadable`."""
        ...


class Progress(Protocol):
    """How receiving and loading go. Called from any thread, answers at once."""

    def reasons_not_ready(self) -> Sequence[str]:
        """What is wrong, one line each, safe to show to strangers; empty when all is well."""
        ...

    def loader_counters(self) -> LoaderCounters:
        """What the loader of this process has done."""
        ...

    def collector_counters(self) -> Sequence[CollectorCounters]:
        """What the collectors of this machine have done; empty when they run elsewhere."""
        ...

    def rates_status(self) -> Sequence[RatesStatus]:
        """How old the tables of exchange rates are, and whether fetching new ones goes well."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """What one request may cost; `console.*` and `analytics.timeout_s` of the settings."""

    sql_timeout_s: float = 30.0
    sql_max_rows: int = 100_000
    question_timeout_s: float = 30.0
    max_body_bytes: int = 1_048_576


class ConsoleServices(msgspec.Struct, frozen=True):
    """Everything that the console port is built from.

    `monotonic_s` tells seconds that no change of the clock touches; `collector_port` is where games send to.
    """

    control: ControlAndUsers
    tables: Reading
    analytics: Analytics
    rebuild: Rebuilding
    reprice: Repricing
    progress: Progress
    clock: Clock
    monotonic_s: Callable[[], float]
    limits: Limits = Limits()
    collector_port: int = 7450
