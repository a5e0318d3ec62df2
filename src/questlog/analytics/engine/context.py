"""What an analysis is given beside its question: the game, the engine, the time and the game's definitions."""

import datetime as dt
import time
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Protocol

import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.compile import Dialect, arrow_schema, compiled
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.store.contract import Cancellation, QueryRefused


class Engine(Protocol):
    """The answering half of a store. Called from any thread."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""
        ...

    def ask(self, statement: str, timeout_s: float, cancellation: Cancellation) -> pa.Table:
        """Answer a compiled question. Raises `QueryRefused` for one that takes too long or too much memory."""
        ...


class TimeLeft:
    """The seconds that one question may take, all its statements together, counted from its making."""

    def __init__(self, seconds: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._whole = seconds
        self._monotonic_s = monotonic_s
        self._until = monotonic_s() + seconds

    def seconds(self) -> float:
        """What is left. Raises `QueryRefused` when nothing is."""
        left = self._until - self._monotonic_s()
        if left <= 0:
            raise QueryRefused(f"the question was stopped: it took longer than {self._whole:g} s")
        return left


class Context(msgspec.Struct, frozen=True):
    """One question's surroundings.

    `now_us` is UTC microseconds; `last_player_no` the greatest player number given out; `data_version` the last load
    transaction; `limits` the greatest number of values per field and day (metrics.md §6).
    """

    game_id: int
    engine: Engine
    now_us: int
    segments: Mapping[str, SegmentDefinition] = {}
    custom_metrics: Mapping[str, CustomMetric] = {}
    limits: Mapping[str, int] = {}
    last_player_no: int = 0
    data_version: int = 0
    time_left: TimeLeft = msgspec.field(default_factory=lambda: TimeLeft(30.0))
    cancellation: Cancellation = msgspec.field(default_factory=Cancellation)

    @property
    def today(self) -> dt.date:
        """The running UTC day."""
        return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=self.now_us)).date()

    def run(self, build: Callable[..., ir.Table], *arguments: Hashable) -> pa.Table:
        """The rows of the expression that `build(*arguments)` makes. Raises `QueryRefused`.

        `build` is a pure function of a module: its SQL is kept by its arguments, for making and compiling an expression
        takes as long as many an answer, and dashboards ask the same again and again.
        """
        statement, schema = _statement(build, arguments, self.engine.dialect)
        return self.engine.ask(statement, self.time_left.seconds(), self.cancellation).cast(schema)


@lru_cache(maxsize=1_024)
def _statement(
    build: Callable[..., ir.Table], arguments: tuple[Hashable, ...], dialect: Dialect
) -> tuple[str, pa.Schema]:
    """The SQL, and the types that its answer has on every engine."""
    expression = build(*arguments)
    return compiled(expression, dialect), arrow_schema(expression)
