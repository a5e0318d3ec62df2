"""Answers every kind of question that the registry has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context, Engine, KeptAnswers
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.registry import ANALYSES
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


class Analytics:
    """Questions of all games. Methods may be called from any thread."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        definitions_of: Callable[[int], Definitions],
        values_a_day: Mapping[str, int] | None = None,
        analyses: Sequence[Analysis] = ANALYSES,
    ) -> None:
        """`values_a_day` are the greatest numbers of values per field and day (metrics.md §6)."""
        self._analyses = {analysis.question: analysis for analysis in analyses}
        self._engine = engine
        self._clock = clock
        self._definitions_of = definitions_of
        self._values_a_day = values_a_day or {}
        self._kept_answers = KeptAnswers()

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer to a question of one of the registry's types, from one state of the data.

        Raises `InvalidQuery` for what is wrong with it, `QueryAborted` when it needs too much memory or is stopped.
        """
        analysis = self._analyses[type(question)]
        with self.context(game_id, cancellation) as context:
            return analysis.answer(question, context)

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
