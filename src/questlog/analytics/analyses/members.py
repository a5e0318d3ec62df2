"""Who is in a cell of an answer: a point of a chart, a cell of a triangle, a step of a funnel."""

import datetime as dt
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import ibis.expr.types as ir
import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.analyses import member_cells
from questlog.analytics.analyses.economy import bins_of_balances, items_of_balances
from questlog.analytics.analyses.explore import Numbers, bins_of, tree_of
from questlog.analytics.analyses.funnel import attempts_of, read_period
from questlog.analytics.analyses.funnel_answers import Counted, of_everyone
from questlog.analytics.analyses.funnel_attempts import Bools, Ints
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.histogram import Bins, edges_of
from questlog.analytics.analyses.member_cells import (
    PLAYER_QUANTITIES,
    BalanceCell,
    BinCell,
    Cell,
    Edges,
    ErrorCell,
    FunnelCell,
    LevelCell,
    MetricCell,
    MetricPoint,
    RetentionCell,
    narrowed,
)
from questlog.analytics.analyses.progression import levels_of
from questlog.analytics.analyses.progression_rows import STATUSES
from questlog.analytics.analyses.retention import returns_of
from questlog.analytics.analyses.triangle import bucket_numbers, bucket_starts
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Built, Context
from questlog.analytics.engine.pages import page_of_players
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.measures import Quantity
from questlog.analytics.metrics.metric import metric_named
from questlog.analytics.metrics.metric_query import checked
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, InCell, SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.paging import Mark, player_after
from questlog.analytics.question.problems import InvalidQuery, unknown
from questlog.analytics.question.query import Granularity, Period, Query, Value
from questlog.analytics.selection.buckets import Bucket
from questlog.analytics.selection.cardinality import OTHER
from questlog.analytics.selection.segment_rules import rules_of
from questlog.analytics.selection.segments import LISTED
from questlog.analytics.selection.selection import caps_of, select, zone_asked
from questlog.model.calendar import Zone

MAX_LISTED = 10_000
MAX_OF_FUNNEL = 200_000
"""Players of a step of a funnel that can be a segment: their numbers are part of the statement."""

_ONE_DAY = dt.timedelta(days=1)


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The players behind a number of another answer, in the order in which the server first saw them.

    `of` describes the number: the question that was asked, and the place in its answer. The list has `limit` players a
    page: for the next one, `after` is the `next` of the answer. The columns are those of the members of a segment. The
    totals have the number of `players`, which equals the number in question if it counts players; for a funnel of
    sessions, they also have `sessions`.
    """

    of: Cell
    limit: Annotated[int, Meta(ge=0, le=MAX_LISTED)] = 100
    after: Mark | None = None


def check(question: Members, segments: Mapping[str, SegmentDefinition], custom: Mapping[str, CustomMetric]) -> None:
    """Raises `InvalidQuery` for a cell that there cannot be."""
    cell = question.of
    try:
        if isinstance(cell, MetricCell):
            checked(cell.question, segments, custom)
        else:
            cell.question.check(segments)
    except InvalidQuery as error:
        raise InvalidQuery(f"of.question.{error.field}", error.detail, error.nearest) from None
    _check_group(cell)


def answer(question: Members, context: Context) -> Answer:
    """A page of players, and their number. Raises `InvalidQuery`, `QueryAborted`."""
    check(question, context.segments, context.custom_metrics)
    after_no = player_after(question.after)
    if isinstance(question.of, FunnelCell):
        return _of_funnel(question.of, question.limit, after_no, context)
    build, *arguments = _BUILDERS[type(question.of)](question.of, context)
    rows = context.run(_page, build, tuple(arguments), context.game_id, question.limit + 1, after_no)
    rows, following = page_of_players(rows, question.limit)
    totals = context.run(_count, build, tuple(arguments))
    return Answer(rows, LISTED, totals=totals, data_version=context.data_version, next=following)


def check_cells(
    definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition], custom: Mapping[str, CustomMetric]
) -> None:
    """Raises `InvalidQuery` for a segment with a rule `in_cell` of a cell that there cannot be."""
    for field, rule in rules_of(definition.rule):
        if isinstance(rule, InCell):
            with _within(field):
                check(Members(_cell(rule.of)), segments, custom)


def players_of_cell(cell: Mapping[str, Any], context: Context) -> Built:
    """What finds the players of a segment's rule `in_cell`. Raises `InvalidQuery`, `QueryAborted`."""
    found = _cell(cell)
    check(Members(found), context.segments, context.custom_metrics)
    if not isinstance(found, FunnelCell):
        return _BUILDERS[type(found)](found, context)
    numbers = _units_of_funnel(found, context)
    if found.question.count is Unit.SESSIONS:
        numbers = _players_of_sessions(found, numbers, context)
    if len(numbers) > MAX_OF_FUNNEL:
        said = f"a step of a funnel with more than {MAX_OF_FUNNEL} players cannot be a segment; ask for fewer days"
        raise InvalidQuery("of.question.period", said)
    return _numbered, context.game_id, tuple(numbers.tolist())


def _cell(cell: Mapping[str, Any]) -> Cell:
    try:
        # Through JSON: numbers that were texts of it are then of one type, wherever the cell comes from.
        found: Cell = msgspec.json.decode(msgspec.json.encode(dict(cell)), type=Cell)
    except msgspec.ValidationError as error:
        raise InvalidQuery("of", str(error)) from None
    return found


@contextmanager
def _within(field: str) -> Iterator[None]:
    """What is raised inside is about a part of `field`."""
    try:
        yield
    except InvalidQuery as error:
        raise InvalidQuery(f"{field}.{error.field}", error.detail, error.nearest) from None


def _check_group(cell: Cell) -> None:
    if isinstance(cell, ErrorCell | BalanceCell):
        return
    names = _groups(cell)
    if len(cell.group) != len(names):
        said = f"the question is grouped by {len(names)} dimensions, and these are {len(cell.group)} values"
        raise InvalidQuery("of.group", said)
    for place, value in enumerate(cell.group):
        if value == OTHER:
            said = f"players of {OTHER} cannot be listed; ask without a limit of groups, or with a filter"
            raise InvalidQuery(f"of.group[{place}]", said)


def _groups(cell: Cell) -> tuple[str, ...]:
    """The dimensions that the cell's question is grouped by."""
    if isinstance(cell, ErrorCell | BalanceCell):
        return ()
    return cell.question.group_by


# -------------------------------------------------------------------------------------------------- cells in the engine


def _metric(cell: MetricCell, context: Context) -> Built:
    question = cell.question
    if cell.metric not in question.metrics:
        raise unknown("of.metric", "metric of the question", cell.metric, question.metrics)
    metric = metric_named("of.metric", cell.metric, CATALOGUE, context.custom_metrics)
    quantities = {measure.quantity for measure in metric.measures}
    if len(metric.measures) != 1 or not quantities <= PLAYER_QUANTITIES:
        raise InvalidQuery("of.metric", f"{cell.metric} does not count players", "dau")
    [measure] = metric.measures
    bucket = _bucket_of(cell, context)
    zone = zone_asked(question.time_zone, context)
    first = max(_first_day(bucket, zone), question.period.start)
    if measure.quantity is Quantity.PLAYERS_OF_DAYS:
        first = bucket.last_day - (measure.days - 1) * _ONE_DAY
    condition = narrowed(question.filter, question.group_by, cell.group)
    selection = select(context, Period(first, bucket.last_day), condition, zone=zone)
    selection = msgspec.structs.replace(selection, caps=caps_of(selection, question.group_by, context))
    if not question.granularity.is_within_a_day:
        return member_cells.players_of_metric, MetricPoint(measure, selection)
    from_us = _microseconds(bucket.start)
    later = [_microseconds(each.start) for each in _buckets(question, context)]
    until_us = min((each for each in later if each > from_us), default=zone.bounds(first, bucket.last_day)[1])
    return member_cells.players_of_metric, MetricPoint(measure, selection, from_us, until_us)


def _buckets(question: Query, context: Context) -> list[Bucket]:
    zone = zone_asked(question.time_zone, context)
    return list(select(context, question.period, zone=zone).days.buckets(question.granularity))


def _bucket_of(cell: MetricCell, context: Context) -> Bucket:
    """The bucket of the question that begins so. Raises `InvalidQuery`."""
    found = _buckets(cell.question, context)
    if cell.question.granularity is Granularity.ALL:
        return found[0]
    named = {_name_of(bucket.start): bucket for bucket in found}
    if cell.bucket not in named:
        raise unknown("of.bucket", "bucket", str(cell.bucket), named)
    return named[cell.bucket]


def _name_of(start: dt.date | dt.datetime) -> str:
    """As JSON says it."""
    return f"{start.isoformat()}Z" if isinstance(start, dt.datetime) else start.isoformat()


def _first_day(bucket: Bucket, zone: Zone) -> dt.date:
    if isinstance(bucket.start, dt.datetime):
        return zone.day_of(_microseconds(bucket.start))
    return bucket.start


def _microseconds(start: dt.date | dt.datetime) -> int:
    """UTC microseconds of the start of a bucket within a day."""
    epoch = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - as stored
    time = start if isinstance(start, dt.datetime) else dt.datetime.combine(start, dt.time())
    return (time - epoch) // dt.timedelta(microseconds=1)


def _retention(cell: RetentionCell, context: Context) -> Built:
    question = cell.question
    condition = narrowed(question.filter, _groups(cell), cell.group)
    asked = msgspec.structs.replace(question, filter=condition)
    if cell.age is not None and cell.age > question.last_age:
        raise InvalidQuery("of.age", f"the question only has ages up to {question.last_age}", str(question.last_age))
    [number] = bucket_numbers(np.array([cell.cohort], "datetime64[D]"), question.granularity).tolist()
    bucket = None
    if cell.age is not None:
        starts = bucket_starts(np.array([number + cell.age, number + cell.age + 1]), question.granularity).to_pylist()
        bucket = (starts[0], starts[1] - _ONE_DAY)
    return member_cells.players_of_cohort, returns_of(asked, context), cell.cohort, bucket


def _level(cell: LevelCell, context: Context) -> Built:
    if cell.status not in STATUSES:
        raise unknown("of.status", "status", cell.status, STATUSES)
    condition = narrowed(cell.question.filter, _groups(cell), cell.group)
    asked = msgspec.structs.replace(cell.question, filter=condition)
    return member_cells.players_of_level, levels_of(asked, context), cell.level, cell.status


def _errors(cell: ErrorCell, context: Context) -> Built:
    selection = select(context, cell.question.period, cell.question.filter)
    return member_cells.players_of_errors, selection, cell.fingerprint


def _bin(cell: BinCell, context: Context) -> Built:
    histogram = cell.question.histogram
    if histogram is None or cell.question.histogram_of is not Numbers.VALUE:
        raise InvalidQuery("of.question.histogram", "`bins` needs a histogram of the events' values", "value")
    bins = bins_of(tree_of(cell.question, context), histogram, context)
    condition = narrowed(cell.question.filter, _groups(cell), cell.group)
    asked = msgspec.structs.replace(cell.question, filter=condition)
    return member_cells.players_of_bin, tree_of(asked, context), _edges_of(cell, bins)


def _balance(cell: BalanceCell, context: Context) -> Built:
    histogram = cell.question.histogram
    if histogram is None:
        raise InvalidQuery("of.question.histogram", "name the bins of the question")
    items = items_of_balances(cell.question, context)
    return member_cells.players_of_balances, items, _edges_of(cell, bins_of_balances(histogram, items, context))


def _edges_of(cell: BinCell | BalanceCell, bins: Bins) -> Edges:
    """The bin of the cell. Raises `InvalidQuery` if no bin has these edges."""
    found = edges_of(bins) if bins.edges else []
    for _, low, high in found:
        if (low, high) == (cell.low, cell.high):
            uppermost = max(each for _, _, each in found if each is not None)
            return Edges(low, high, takes_high=low is not None and high == uppermost)
    raise unknown("of.low", "bin", f"{cell.low} … {cell.high}", [f"{low} … {high}" for _, low, high in found])


_BUILDERS: Mapping[type, Callable[..., Built]] = {
    MetricCell: _metric,
    RetentionCell: _retention,
    LevelCell: _level,
    ErrorCell: _errors,
    BinCell: _bin,
    BalanceCell: _balance,
}


def _page(
    build: Callable[..., ir.Table], arguments: tuple[Hashable, ...], game_id: int, limit: int, after_no: int
) -> ir.Table:
    players = tables.players
    players = players.filter(players.game_id == game_id, players.player_no > after_no)
    found = players.semi_join(build(*arguments), "player_no").order_by("player_no").limit(limit)
    return found.select("player_no", *(column.name for column in LISTED))


def _count(build: Callable[..., ir.Table], arguments: tuple[Hashable, ...]) -> ir.Table:
    found = build(*arguments)
    return found.aggregate(players=found.count())


# ------------------------------------------------------------------------------------------------- cells of funnels


def _of_funnel(cell: FunnelCell, limit: int, after_no: int, context: Context) -> Answer:
    """The attempts that count are known to the server only: their players are looked up by number."""
    units = _units_of_funnel(cell, context)
    totals = {}
    numbers = units
    if cell.question.count is Unit.SESSIONS:
        totals["sessions"] = [len(units)]
        numbers = _players_of_sessions(cell, units, context)
    totals["players"] = [len(numbers)]
    page = tuple(numbers[numbers > after_no][: limit + 1].tolist())
    rows, following = page_of_players(context.run(_of_numbers, context.game_id, page), limit)
    return Answer(rows, LISTED, totals=pa.table(totals), data_version=context.data_version, next=following)


def _units_of_funnel(cell: FunnelCell, context: Context) -> Ints:
    """The numbers of the players, or sessions, of the cell, in order."""
    if cell.step > len(cell.question.steps):
        raise InvalidQuery("of.step", f"there is no step {cell.step}", str(len(cell.question.steps)))
    counted = attempts_of(cell.question, context)
    attempts = counted.attempts
    place = _places_of_bucket(cell, counted)
    reached = attempts.reached[place]
    place = place[reached == cell.step if cell.dropped else reached >= cell.step]
    for dimension, value in zip(cell.question.group_by, cell.group, strict=True):
        groups = counted.groups if counted.groups is not None else pa.table({})
        place = place[_is_value(groups[dimension].take(pa.array(place)), value)]
    units: Ints = np.unique(attempts.unit[place])
    return units


def _places_of_bucket(cell: FunnelCell, counted: Counted) -> Ints:
    """The places of the attempts that count in the bucket; without one, of everyone's."""
    if counted.buckets is None:
        if cell.bucket is not None:
            raise InvalidQuery("of.bucket", "the question has no buckets, because its granularity is `all`")
        return np.arange(len(counted.attempts.unit))
    if cell.bucket is None:
        return of_everyone(counted)
    starts = counted.buckets.to_pylist()
    if cell.bucket not in starts:
        raise unknown("of.bucket", "bucket", str(cell.bucket), map(str, starts))
    found: Ints = np.flatnonzero(counted.attempts.bucket == starts.index(cell.bucket))
    return found


def _is_value(column: pa.ChunkedArray, value: Value | None) -> Bools:
    """Where the column has the value, which JSON says as a text or a number."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    codes = [place for place, each in enumerate(encoded.dictionary.to_pylist()) if _is_same(each, value)]
    is_it: Bools = np.isin(encoded.indices.to_numpy(zero_copy_only=False), codes)
    return is_it


def _is_same(found: object, value: Value | None) -> bool:
    if found is None or value is None:
        return found is value
    if isinstance(found, int | float):
        return isinstance(value, int | float) and found == value
    return str(found) == str(value)


def _players_of_sessions(cell: FunnelCell, sessions: Ints, context: Context) -> Ints:
    selection = select(context, read_period(cell.question))
    rows = context.run(member_cells.sessions_players, selection)
    is_one = np.isin(rows["session_no"].to_numpy(), sessions)
    players: Ints = np.unique(rows["player_no"].to_numpy()[is_one])
    return players


def _of_numbers(game_id: int, numbers: tuple[int, ...]) -> ir.Table:
    players = tables.players
    players = players.filter(players.game_id == game_id, players.player_no.isin(numbers))
    return players.order_by("player_no").select("player_no", *(column.name for column in LISTED))


def _numbered(game_id: int, numbers: tuple[int, ...]) -> ir.Table:
    players = tables.players
    return players.filter(players.game_id == game_id, players.player_no.isin(numbers)).select("player_no")


_CLEARED = {
    "steps": [
        {"category": "progression", "event_id": "Start:w1:l1"},
        {"category": "progression", "event_id": "Complete:w1:l1"},
    ],
    "period": JANUARY,
}

ANALYSIS = Analysis(
    "members",
    Members,
    answer,
    "The players behind a number: a point of a chart, a cell of a retention triangle, a step of a funnel.",
    page="reference/analyses/members.md",
    is_personal=True,
    check=check,
    examples=(
        Example(
            "Players who dropped out after the first step",
            {"of": {"type": "funnel", "question": _CLEARED, "step": 1, "dropped": True}},
        ),
        Example(
            "Players who came back a week after New Year",
            {
                "of": {
                    "type": "retention",
                    "question": {"period": JANUARY},
                    "cohort": "2026-01-01",
                    "age": 7,
                }
            },
        ),
        Example(
            "Players who paid in Germany on the second of January",
            {
                "of": {
                    "type": "metric",
                    "question": {"metrics": ["paying_players"], "period": JANUARY, "group_by": ["country"]},
                    "metric": "paying_players",
                    "bucket": "2026-01-02",
                    "group": ["DE"],
                }
            },
        ),
    ),
)
