"""Answers every kind of question that the registry has."""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.analyses.comparison import answered
from questlog.analytics.analyses.members import players_of_cell
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context, Engine, KeptAnswers, Trace
from questlog.analytics.engine.growing import KeptRows
from questlog.analytics.question.answer import Answer, Origin, SourceUse
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.query import Period
from questlog.analytics.registry import ANALYSES
from questlog.analytics.selection.occurrence import Occurrences, unseen
from questlog.model.calendar import UTC, Zone
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


class DataState(NamedTuple):
    """What answers about a game depend on, apart from the question, the game's definitions and the time.

    `data_version` is the last load transaction of the store `store_id`; `zone` is that of the days of the game's rows;
    `settings` are those that answers depend on, and the currencies with approximate rates.
    """

    data_version: int
    zone: Zone
    store_id: str = ""
    settings: Sequence[Mapping[str, int]] = ()


class Analytics:
    """Questions of all games. Methods may be called from any thread."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is another thing that it is given
        self,
        engine: Engine,
        clock: Clock,
        definitions_of: Callable[[int], Definitions],
        values_a_day: Mapping[str, int] | None = None,
        analyses: Sequence[Analysis] = ANALYSES,
        complete_through: Callable[[], int | None] = lambda: None,
        monotonic_s: Callable[[], float] = time.monotonic,
        approximate_from: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """`values_a_day` are the greatest numbers of values per field and day (metrics.md §6).

        `complete_through` says up to when (UTC microseconds) all that was acknowledged is loaded, None for unknown.
        `approximate_from` says which currencies have approximate rates, and the first day (since 1970) with one.
        """
        self._complete_through = complete_through
        self._monotonic_s = monotonic_s
        self._approximate_from = approximate_from
        self._analyses = {analysis.question: analysis for analysis in analyses}
        self._engine = engine
        self._clock = clock
        self._definitions_of = definitions_of
        self._values_a_day = values_a_day or {}
        self._kept_answers = KeptAnswers()
        self.kept_rows = KeptRows()
        self._occurrences = Occurrences()

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer to a question of one of the registry's types, from one state of the data.

        Raises `InvalidQuery` for what is wrong with it, `QueryAborted` when it needs too much memory or is stopped.
        """
        analysis = self._analyses[type(question)]
        began_s, complete_through = self._monotonic_s(), self._complete_through()
        with self.context(game_id, cancellation) as context:
            answer = answered(analysis, question, context)
            rows_at_most = self._rows_at_most(context)
            looking = msgspec.structs.replace(context, trace=Trace())
            warnings = (*answer.warnings, *unseen(question, looking, self._occurrences))
        origin = Origin(
            as_of=_time(context.now_us),
            complete_through=None if complete_through is None else _time(min(complete_through, context.now_us)),
            took_ms=round((self._monotonic_s() - began_s) * 1000, 3),
            rows_read_at_most=rows_at_most,
            time_zone=getattr(question, "time_zone", None) or context.zone.name,
            compared_period=_compared_period(question),
            sources=[SourceUse(name, tuple(answers)) for name, answers in context.trace.sources.items()],
        )
        return msgspec.structs.replace(answer, origin=origin, warnings=warnings)

    def _rows_at_most(self, context: Context) -> int:
        """The rows of the tables that were read, as often as they were. Raises `QueryAborted`."""
        sizes = self._kept_answers.get("table sizes", context.data_version, context.engine.table_sizes)
        rows = dict(zip(sizes["name"].to_pylist(), sizes["rows"].to_pylist(), strict=True))
        return sum(times * rows.get(table, 0) for table, times in context.trace.tables.items())

    @contextmanager
    def context(self, game_id: int, cancellation: Cancellation | None = None) -> Iterator[Context]:
        """The surroundings of a question asked now. Raises `QueryAborted`."""
        definitions = self._definitions_of(game_id)
        with self._bare_context(game_id, cancellation or Cancellation()) as context:
            [counters] = context.run(_counters, game_id).to_pylist()
            yield msgspec.structs.replace(
                context,
                segments=definitions.segments,
                custom_metrics=definitions.custom_metrics,
                zone=_zone(counters),
                last_player_no=counters["player_no"],
                data_version=counters["batch_no"],
                trace=Trace(),
            )

    def state(self, game_id: int) -> DataState:
        """As long as it and the zone's day stay, so do all answers about the game. Raises `QueryAborted`.

        It is the same in every process over the same store with the same settings.
        """
        with self._bare_context(game_id, Cancellation()) as context:
            [counters] = context.run(_counters, game_id).to_pylist()
        settings = (self._values_a_day, self._approximate_from())
        return DataState(counters["batch_no"], _zone(counters), counters["store_id"] or "", settings)

    @contextmanager
    def _bare_context(self, game_id: int, cancellation: Cancellation) -> Iterator[Context]:
        with self._engine.reading(cancellation) as reading:
            yield Context(
                game_id,
                reading,
                self._clock.now_us(),
                limits=self._values_a_day,
                approximate_from=self._approximate_from(),
                cancellation=cancellation,
                kept_answers=self._kept_answers,
                kept_rows=self.kept_rows,
                players_of_cell=players_of_cell,
            )


def _compared_period(question: msgspec.Struct) -> Period | None:
    compare, period = getattr(question, "compare", None), getattr(question, "period", None)
    return period.compared(compare) if isinstance(period, Period) and compare is not None else None


def _zone(counters: Mapping[str, Any]) -> Zone:
    return Zone(counters["time_zone"] or UTC.name)


def _time(us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)


def _counters(game_id: int) -> ir.Table:
    """One row, also where nothing was ever loaded; with the zone that the days of the game's rows are of."""
    counters = ibis.table({column.name: "int64" for column in COUNTERS.columns}, name=COUNTERS.name)
    numbers = counters.aggregate(
        batch_no=counters.batch_no.max().fill_null(0), player_no=counters.player_no.max().fill_null(0)
    )
    zones = tables.game_zones
    zones = zones.filter(zones.game_id == game_id)
    own = tables.store.aggregate(store_id=tables.store.store_id.max())
    return numbers.cross_join(zones.aggregate(time_zone=zones.time_zone.max())).cross_join(own)
