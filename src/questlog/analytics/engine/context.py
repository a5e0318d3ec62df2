"""What an analysis gets in addition to its question: the game, the data, the time and the game's definitions."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, NamedTuple, Protocol, TypeVar

import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from cachetools import LRUCache, cached

from questlog.analytics.engine.compile import AFTER, Dialect, arrow_schema, compiled, tables_of
from questlog.analytics.engine.growing import KeptRows, Merge, batches
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.model.calendar import UTC, Zone
from questlog.store.contract import Cancellation, QueryAborted

_PLAYER_STEP = 65_536

Built = tuple[Callable[..., ir.Table], *tuple[Hashable, ...]]
"""What makes an expression of players (`player_no`, each once), and its arguments."""


def no_cells(cell: Mapping[str, Any], context: "Context") -> Built:
    """For contexts in which no segment is made of cells."""
    raise NotImplementedError


_Found = TypeVar("_Found")


class Reading(Protocol):
    """One state of the data, where the engine can: all statements of a question are asked of it."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""
        ...

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Answer a compiled question, with named parameters where the engine is the embedded one.

        Raises `QueryAborted` when it is stopped, or takes too much memory.
        """
        ...

    def table_sizes(self) -> pa.Table:
        """About how many `rows` each table, `name`, has at most. Raises `QueryAborted`."""
        ...


class Engine(Protocol):
    """The answering half of a store. Called from any thread."""

    def reading(self, cancellation: Cancellation) -> AbstractContextManager[Reading]:
        """Begin a question, which `cancellation` stops. Raises `QueryAborted`."""
        ...


class KeptAnswers:
    """Answers to what many questions need to know first, of one engine; each is kept while its data stay."""

    def __init__(self, most: int = 1_024) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[int, pa.Table]] = {}

    def get(self, key: Hashable, data_version: int, make: Callable[[], pa.Table]) -> pa.Table:
        """What is kept under `key` for this version, else what `make` makes. Version 0 is of data that have none."""
        version, kept = self._kept.get(key, (0, None))
        if kept is not None and version and version == data_version:
            return kept
        made = make()
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = (data_version, made)
        return made


class StandingGroups:
    """The groups that stand by themselves; kept, they are found once for two periods that are compared."""

    def __init__(self, *, are_kept: bool = False) -> None:
        self._are_kept = are_kept
        self._kept: Any = None

    def once(self, find: Callable[[], _Found]) -> _Found:
        """What `find` finds; where groups are kept, what it found the first time."""
        found: _Found = find() if self._kept is None else self._kept
        if self._are_kept:
            self._kept = found
        return found


class Trace:
    """What answering one question has read so far. For one thread."""

    def __init__(self) -> None:
        self.tables: Counter[str] = Counter()
        """How many statements read each table."""
        self.sources: dict[str, dict[str, None]] = {}
        """What answered what, in the order of asking."""
        self._is_named = False

    @contextmanager
    def answering(self, source: str, answers: Iterable[str]) -> Iterator[None]:
        """What is asked meanwhile is asked by a source, for these metrics."""
        self.sources.setdefault(source, {}).update(dict.fromkeys(answers))
        was_named, self._is_named = self._is_named, True
        try:
            yield
        finally:
            self._is_named = was_named

    def note(self, tables: Iterable[str]) -> None:
        """A statement reads these tables; they are sources by themselves where none is named."""
        for table in tables:
            self.tables[table] += 1
            if not self._is_named:
                self.sources.setdefault(table, {})


class Context(msgspec.Struct, frozen=True):
    """One question's surroundings.

    `now_us` is UTC microseconds; `zone` that of the days in the game's tables; `last_player_no` the greatest player
    number given out; `data_version` the last load transaction; `limits` the greatest number of values per field and day
    (metrics.md §6); `approximate_from` the currencies with approximate rates, and the first day (since 1970) with one;
    `players_of_cell` finds the players of a segment's rule `in_cell`.
    """

    game_id: int
    engine: Reading
    now_us: int
    segments: Mapping[str, SegmentDefinition] = {}
    custom_metrics: Mapping[str, CustomMetric] = {}
    limits: Mapping[str, int] = {}
    approximate_from: Mapping[str, int] = {}
    zone: Zone = UTC
    last_player_no: int = 0
    data_version: int = 0
    cancellation: Cancellation = msgspec.field(default_factory=Cancellation)
    kept_answers: KeptAnswers = msgspec.field(default_factory=KeptAnswers)
    kept_rows: KeptRows = msgspec.field(default_factory=KeptRows)
    trace: Trace = msgspec.field(default_factory=Trace)
    standing_groups: StandingGroups = msgspec.field(default_factory=StandingGroups)
    players_of_cell: Callable[[Mapping[str, Any], "Context"], Built] = no_cells

    @property
    def today(self) -> dt.date:
        """The running day of the game's zone."""
        return self.today_in(self.zone)

    def today_in(self, zone: Zone) -> dt.date:
        """The running day of a zone."""
        return zone.day_of(self.now_us)

    @property
    def player_bound(self) -> int:
        """More than any player number: some may be given out meanwhile, and statements stay the same for long."""
        return (self.last_player_no // _PLAYER_STEP + 1) * _PLAYER_STEP

    def run(self, build: Callable[..., ir.Table], *arguments: Hashable) -> pa.Table:
        """The rows of the expression that `build(*arguments)` makes. Raises `QueryAborted`.

        `build` is a pure function of a module: its SQL is kept by its arguments, for making and compiling an expression
        takes as long as many an answer, and dashboards ask the same again and again.
        """
        return self._run(build, arguments, None)

    def run_once(self, build: Callable[..., ir.Table], *arguments: Hashable) -> pa.Table:
        """The same, asked once while the data stay as they are: for small answers that many questions need."""
        return self.kept_answers.get((build, arguments), self.data_version, lambda: self.run(build, *arguments))

    @property
    def can_keep_rows(self) -> bool:
        """Whether `run_growing` may be asked: where the engine takes parameters, and its data have a version."""
        return self.engine.dialect == "duckdb" and self.data_version > 0

    def run_growing(self, build: Callable[..., ir.Table], *arguments: Hashable, merge: Merge) -> pa.Table:
        """The rows of a `build` over `growing.newer` events, of all events: kept, and put together with the newer ones.

        Of the events only those columns may be read that never change, not those of their session; of other tables
        only what is the same for an event whenever it is asked. Raises `QueryAborted`.
        """
        key = (build, arguments)
        version, kept = self.kept_rows.get(key) or (0, None)
        if kept is not None and version == self.data_version:
            return kept
        if kept is not None and version < self.data_version and self._has_only_grown(version):
            rows = merge(pa.concat_tables([kept, self._run(build, arguments, version)]))
        else:
            rows = self._run(build, arguments, 0)
        self.kept_rows.keep(key, self.data_version, rows)
        return rows

    def _has_only_grown(self, version: int) -> bool:
        """Whether all transactions since then loaded events."""
        [found] = self._run(batches, (), version)["batches"].to_pylist()
        return bool(found == self.data_version - version)

    def _run(self, build: Callable[..., ir.Table], arguments: tuple[Hashable, ...], after: int | None) -> pa.Table:
        self.cancellation.check()
        try:
            statement = _statement(build, arguments, self.engine.dialect)
        except RecursionError as error:
            raise QueryAborted("the question is nested too deeply") from error
        self.trace.note(statement.tables)
        return self.engine.ask(statement.sql, None if after is None else {AFTER: after}).cast(statement.schema)


_MOST_CHARACTERS = 16 * 1024 * 1024


class _Statement(NamedTuple):
    """The SQL, the types that its answer has on every engine, and the tables that it reads."""

    sql: str
    schema: pa.Schema
    tables: tuple[str, ...]


@cached(LRUCache(_MOST_CHARACTERS, getsizeof=lambda kept: len(kept.sql)), lock=Lock())
def _statement(build: Callable[..., ir.Table], arguments: tuple[Hashable, ...], dialect: Dialect) -> _Statement:
    expression = build(*arguments)
    return _Statement(compiled(expression, dialect), arrow_schema(expression), tables_of(expression))
