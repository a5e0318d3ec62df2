"""Answers every kind of question: the one place that knows which analysis is whose."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.analyses import cohorts, economy, explore, funnel, progression, realtime, retention, timeline
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.economy import Balances, Economy
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.realtime import Realtime
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.analyses.timeline import PlayerProfile, PlayerSessions, PlayerTimeline
from questlog.analytics.engine.context import Context, Engine, TimeLeft
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.query import Query
from questlog.analytics.selection import cardinality, segments
from questlog.analytics.selection.cardinality import Cardinality
from questlog.analytics.selection.segments import Segment
from questlog.store.contract import Cancellation
from questlog.store.schema import COUNTERS


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """UTC microseconds."""
        ...


class Definitions(msgspec.Struct, frozen=True):
    """What a game has saved, by name."""

    segments: Mapping[str, SegmentDefinition] = {}
    custom_metrics: Mapping[str, CustomMetric] = {}


class Limits(msgspec.Struct, frozen=True):
    """What one question may cost, and the greatest number of values per field and day (metrics.md §6)."""

    timeout_s: float = 30.0
    values_a_day: Mapping[str, int] = {}


Answering = Callable[[Any, Context], Answer]
ANALYSES: Mapping[type, Answering] = {
    Query: metric_query.answer,
    Explore: explore.answer,
    Retention: retention.answer,
    Cohort: cohorts.answer,
    Funnel: funnel.answer,
    Progression: progression.answer,
    Economy: economy.answer,
    Balances: economy.balances,
    Segment: segments.answer,
    Realtime: realtime.answer,
    PlayerProfile: timeline.profile,
    PlayerSessions: timeline.sessions,
    PlayerTimeline: timeline.answer,
    Cardinality: cardinality.answer,
}
"""Which function answers which type of question."""


class Analytics:
    """Questions of all games. Methods may be called from any thread."""

    def __init__(
        self, engine: Engine, clock: Clock, definitions_of: Callable[[int], Definitions], limits: Limits | None = None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._definitions_of = definitions_of
        self._limits = limits or Limits()

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer to a question of one of the types of `ANALYSES`.

        Raises `QuestionRefused` for what is wrong with it, `QueryRefused` when it takes too long or too much memory, or
        is cancelled.
        """
        analysis = ANALYSES[type(question)]
        return analysis(question, self.context(game_id, cancellation))

    def context(self, game_id: int, cancellation: Cancellation | None = None) -> Context:
        """The surroundings of a question asked now. Raises `QueryRefused`."""
        definitions = self._definitions_of(game_id)
        context = self._bare_context(game_id, cancellation or Cancellation())
        [counters] = context.run(_counters).to_pylist()
        return msgspec.structs.replace(
            context,
            segments=definitions.segments,
            custom_metrics=definitions.custom_metrics,
            last_player_no=counters["player_no"],
            data_version=counters["batch_no"],
        )

    def data_version(self) -> int:
        """The last load transaction: as long as it and the UTC day stay, so do all answers. Raises `QueryRefused`."""
        [counters] = self._bare_context(0, Cancellation()).run(_counters).to_pylist()
        version: int = counters["batch_no"]
        return version

    def _bare_context(self, game_id: int, cancellation: Cancellation) -> Context:
        return Context(
            game_id,
            self._engine,
            self._clock.now_us(),
            limits=self._limits.values_a_day,
            time_left=TimeLeft(self._limits.timeout_s),
            cancellation=cancellation,
        )


def _counters() -> ir.Table:
    """One row, also where nothing was ever loaded."""
    counters = ibis.table({column.name: "int64" for column in COUNTERS.columns}, name=COUNTERS.name)
    return counters.aggregate(
        batch_no=counters.batch_no.max().fill_null(0), player_no=counters.player_no.max().fill_null(0)
    )
