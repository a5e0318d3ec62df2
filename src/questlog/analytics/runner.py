"""Answers every kind of question: the one place that knows which analysis is whose."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from questlog.analytics.engine.context import Context, Engine, KeptAnswers
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
        self,
        engine: Engine,
        clock: Clock,
        definitions_of: Callable[[int], Definitions],
        values_a_day: Mapping[str, int] | None = None,
    ) -> None:
        """`values_a_day` are the greatest numbers of values per field and day (metrics.md §6)."""
        self._engine = engine
        self._clock = clock
        self._definitions_of = definitions_of
        self._values_a_day = values_a_day or {}
        self._kept_answers = KeptAnswers()

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer to a question of one of the types of `ANALYSES`, from one state of the data.

        Raises `InvalidQuery` for what is wrong with it, `QueryAborted` when it needs too much memory or is stopped.
        """
        analysis = ANALYSES[type(question)]
        with self.context(game_id, cancellation) as context:
            return analysis(question, context)

    @contextmanager
    def context(self, game_id: int, cancellation: Cancellation | None = None) -> Iterator[Context]:
        """The surroundings of a question asked now. Raises `QueryAborted`."""
        definitions = self._definitions_of(game_id)
        with self._bare_context(game_id, cancellation or Cancellation()) as context:
            [counters] = context.run(_counters).to_pylist()
            yield msgspec.structs.replace(
                context,
                segments=definitions.segments,
                custom_metrics=definitions.custom_metrics,
                last_player_no=counters["player_no"],
                data_version=counters["batch_no"],
            )

    def data_version(self) -> int:
        """The last load transaction: as long as it and the UTC day stay, so do all answers. Raises `QueryAborted`."""
        with self._bare_context(0, Cancellation()) as context:
            [counters] = context.run(_counters).to_pylist()
        version: int = counters["batch_no"]
        return version

    @contextmanager
    def _bare_context(self, game_id: int, cancellation: Cancellation) -> Iterator[Context]:
        with self._engine.reading(cancellation) as reading:
            yield Context(
                game_id,
                reading,
                self._clock.now_us(),
                limits=self._values_a_day,
                cancellation=cancellation,
                kept_answers=self._kept_answers,
            )


def _counters() -> ir.Table:
    """One row, also where nothing was ever loaded."""
    counters = ibis.table({column.name: "int64" for column in COUNTERS.columns}, name=COUNTERS.name)
    return counters.aggregate(
        batch_no=counters.batch_no.max().fill_null(0), player_no=counters.player_no.max().fill_null(0)
    )
