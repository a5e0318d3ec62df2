"""Economy: sources and sinks by currency and item, and what players have left (metrics.md §§3, 5)."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.analyses import economy_rows
from questlog.analytics.analyses.economy_rows import SHARES, Items, Level
from questlog.analytics.analyses.histogram import Bins, Histogram, counts, histogram_table
from questlog.analytics.analyses.split import (
    BUCKET,
    GROUP,
    answer_of,
    check_split,
    group_columns,
    standing_groups,
    with_top_groups,
)
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.result import with_plain_numbers
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.problems import InvalidQuery, too_many_rows
from questlog.analytics.question.query import (
    Compare,
    Filter,
    Granularity,
    GroupBy,
    Name,
    Period,
    Top,
    check_buckets,
    check_distinct,
    check_one_group,
    check_periods,
)
from questlog.analytics.selection.buckets import Start, start_type, with_starts
from questlog.analytics.selection.selection import NO_DAY, Selection, caps_of, select, zone_asked


class Part(enum.StrEnum):
    """Parts of the answer. Flows are cheap; players read the events."""

    FLOWS = "flows"
    PLAYERS = "players"


class Largest(enum.StrEnum):
    """What the greatest items are the greatest by."""

    SOURCE = "source"
    SINK = "sink"
    FLOW = "flow"


class Economy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sources and sinks of the game's economy: a row for each currency, item type or item id.

    `largest` sorts by a sum over the period, the greatest first; `items` is the number of items. With a `granularity`
    there is a row for each bucket. With `group_by` there is a row for each of the `top` most frequent values of a
    dimension, and one for all other values, `(other)`. Days are of the game's time zone, or with `time_zone` "UTC" of
    UTC.
    """

    period: Period
    by: Level = Level.CURRENCY
    currency: Name | None = None
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)] = tuple(Part)
    granularity: Granularity = Granularity.ALL
    largest: Largest | None = None
    items: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    group_by: GroupBy = ()
    top: Top = 10
    filter: Filter | None = None
    compare: Compare | None = None
    time_zone: Name | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        check_buckets(self.period, self.granularity)
        check_distinct("parts", self.parts)
        check_one_group(self.group_by)
        check_split(segments, self.filter, self.group_by)
        if self.items is not None and self.largest is None:
            raise InvalidQuery("items", "`items` needs `largest`", "largest")


class Balances(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Balances of players at the end of a day: the sum of all sources minus the sum of all sinks.

    For each currency, or for one. All players who ever had an event of the currency count. With a `histogram`, which
    needs a `currency`, the answer is the number of players by balance.
    """

    day: dt.date
    currency: Name | None = None
    histogram: Histogram | None = None
    filter: Filter | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        Period(self.day, self.day).check()
        check_split(segments, self.filter)
        if self.histogram is not None:
            self.histogram.check("histogram")
            if self.currency is None:
                raise InvalidQuery("currency", "a histogram needs one currency")


Key = tuple[Start | None, str | None, tuple[str | None, ...]]
"""A bucket, a group and an item."""


def answer(question: Economy, context: Context) -> Answer:
    """A row for each item with events, by bucket and group. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    zone = zone_asked(question.time_zone, context)
    selection = select(context, question.period, question.filter, question.group_by, zone=zone)
    dimensions = [economy_rows.DIMENSIONS[name] for name in economy_rows.COLUMNS[question.by]]
    limited = caps_of(selection, dimensions, context)
    caps = tuple(each for each in limited if each.category in (None, "resource"))
    items = Items(question.by, question.currency, selection=selection, caps=caps)
    if question.group_by:
        found = context.standing_groups.once(lambda: context.run(economy_rows.top_groups, items, question.top))
        items = msgspec.structs.replace(items, selection=with_top_groups(selection, found))
    rows = _found(question, items, context)
    table = _table(question, items.selection, rows, _ordered(question, rows))
    return answer_of(table, _columns(question), items, context)


def balances(question: Balances, context: Context) -> Answer:
    """A row for each currency, or the histogram of one. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    items = items_of_balances(question, context)
    found = context.run(economy_rows.balances, items).to_pylist()
    if question.histogram is None:
        rows = [_balance(row) for row in sorted(found, key=lambda row: _in_order((row["currency"],)))]
        table = pa.Table.from_pylist(rows, _BALANCES_SCHEMA)
        return Answer(table=table, columns=_BALANCE_COLUMNS, data_version=context.data_version)
    table = _histogram(question.histogram, items, found, context)
    return Answer(table=table, columns=_HISTOGRAM_COLUMNS, data_version=context.data_version)


def items_of_balances(question: Balances, context: Context) -> Items:
    """The currencies up to the day. Raises `QueryAborted`."""
    selection = select(context, Period(NO_DAY, question.day), question.filter)
    return Items(Level.CURRENCY, question.currency, selection=selection)


def bins_of_balances(histogram: Histogram, items: Items, context: Context) -> Bins:
    """The bins of the histogram. Raises `InvalidQuery`, `QueryAborted`."""
    return _bins(histogram, context.run(economy_rows.balances, items).to_pylist())


def _bins(histogram: Histogram, found: Sequence[Mapping[str, Any]]) -> Bins:
    least, greatest = (found[0]["least"], found[0]["greatest"]) if found else (0.0, 0.0)
    return histogram.bins_for(least, greatest)


def _found(question: Economy, items: Items, context: Context) -> dict[Key, dict[str, Any]]:
    selection = items.selection
    is_by_stored_day = selection.is_stored_zone and not question.granularity.is_within_a_day
    build = economy_rows.by_day if selection.is_plain and is_by_stored_day else economy_rows.by_event
    flows = context.run(build, items, question.granularity)
    if flows.num_rows > MAX_ROWS:
        raise too_many_rows("by", MAX_ROWS)
    rows = with_starts(flows, question.granularity).to_pylist()
    found = {_key(items, row): _flows(row) for row in rows}
    if Part.PLAYERS not in question.parts:
        return found
    groups = (len(standing_groups(selection)) + 1) * len(selection.days.buckets(question.granularity))
    several = len({key[2] for key in found}) * groups
    counted = context.run(economy_rows.players, items, question.granularity, several)
    for row in with_starts(counted, question.granularity).to_pylist():
        found[_key(items, row)] |= _per_player(found[_key(items, row)], row["players"])
    return found


def _key(items: Items, row: Mapping[str, Any]) -> Key:
    return row.get("bucket"), row.get(GROUP), tuple(row[name] for name in items.columns)


def _flows(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sources": row["sources"],
        "sinks": row["sinks"],
        "source": row["source"],
        "sink": row["sink"],
        "flow": row["source"] - row["sink"],
    }


def _per_player(flows: Mapping[str, Any], players: int) -> dict[str, Any]:
    sums = {f"{name}_per_player": flows[name] / players if players else None for name in Largest}
    return {"economy_players": players, **sums}


def _ordered(question: Economy, found: Mapping[Key, Mapping[str, Any]]) -> Sequence[tuple[str | None, ...]]:
    """The items that are shown, in order."""
    sums: dict[tuple[str | None, ...], float] = {}
    for (_, _, item), row in found.items():
        sums[item] = sums.get(item, 0) + (row[question.largest] if question.largest else 0)
    in_order = sorted(sums, key=_in_order)
    if question.largest is None:
        return in_order
    return sorted(in_order, key=lambda item: -sums[item])[: question.items]


def _in_order(item: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((part is None, part or "") for part in item)


def _table(
    question: Economy,
    selection: Selection,
    found: Mapping[Key, Mapping[str, Any]],
    order: Sequence[tuple[str | None, ...]],
) -> pa.Table:
    items = {item: place for place, item in enumerate(order)}
    groups = {group: place for place, group in enumerate(standing_groups(selection))}
    keys = [key for key in found if key[2] in items]
    keys.sort(key=lambda key: (key[0] or dt.date.min, groups.get(key[1], len(groups)), items[key[2]]))
    names = economy_rows.COLUMNS[question.by]
    rows = [{"bucket": key[0], GROUP: key[1], **dict(zip(names, key[2], strict=True)), **found[key]} for key in keys]
    table = pa.Table.from_pylist(rows, _schema(question.granularity))
    group = with_plain_numbers(table[GROUP], "".join(question.group_by))
    return table.set_column(table.column_names.index(GROUP), GROUP, group)


def _schema(granularity: Granularity) -> pa.Schema:
    return pa.schema(
        [
            ("bucket", start_type(granularity)),
            *((name, pa.string()) for name in (GROUP, *economy_rows.COLUMNS[Level.ITEM_ID])),
            *((name, pa.int64()) for name in ("sources", "sinks", "economy_players")),
            *((name, pa.float64()) for name in Largest),
            *((f"{name}_per_player", pa.float64()) for name in Largest),
        ]
    )


_ITEM_COLUMNS = {
    "currency": AnswerColumn("currency", "", "Second part of the event's id."),
    "item_type": AnswerColumn("item_type", "", "Third part of the event's id; null without one."),
    "item_id": AnswerColumn("item_id", "", "Fourth part of the event's id; null without one."),
}
_PART_COLUMNS: Mapping[Part, Sequence[AnswerColumn]] = {
    Part.FLOWS: (
        AnswerColumn("source", "", "Σ value of the resource events `Source:…`, as sent."),
        AnswerColumn("sink", "", "Σ value of the resource events `Sink:…`, without sign."),
        AnswerColumn("flow", "", "source − sink."),
        AnswerColumn("sources", "events", "Resource events `Source:…`."),
        AnswerColumn("sinks", "events", "Resource events `Sink:…`."),
    ),
    Part.PLAYERS: (
        AnswerColumn("economy_players", "players", "Distinct players with such a resource event."),
        AnswerColumn("source_per_player", "", "source ÷ economy_players."),
        AnswerColumn("sink_per_player", "", "sink ÷ economy_players."),
        AnswerColumn("flow_per_player", "", "flow ÷ economy_players."),
    ),
}


def _columns(question: Economy) -> Sequence[AnswerColumn]:
    return [
        *([] if question.granularity is Granularity.ALL else [BUCKET]),
        *group_columns(question.group_by),
        *(_ITEM_COLUMNS[column] for column in economy_rows.COLUMNS[question.by]),
        *(column for part in Part if part in question.parts for column in _PART_COLUMNS[part]),
    ]


def _balance(row: Mapping[str, Any]) -> dict[str, Any]:
    quantiles = {_quantile_name(share): value for share, value in zip(SHARES, row["quantiles"], strict=True)}
    mean = row["total"] / row["players"]
    return {**row, "mean": mean, "min": row["least"], "max": row["greatest"], **quantiles}


def _quantile_name(share: float) -> str:
    return "median" if share == 0.5 else f"p{round(share * 100):02d}"


def _histogram(histogram: Histogram, items: Items, found: Sequence[Mapping[str, Any]], context: Context) -> pa.Table:
    bins = _bins(histogram, found)
    rows = context.run(economy_rows.balances_by_bin, items, bins)
    if rows.num_rows > MAX_ROWS:
        raise too_many_rows("histogram", MAX_ROWS)
    table = histogram_table(bins, counts(rows.to_pylist(), bins, GROUP, "players"), [None] if found else [])
    return table.drop_columns(GROUP).rename_columns(["low", "high", "players", "share"])


_BALANCE_COLUMNS = (
    _ITEM_COLUMNS["currency"],
    AnswerColumn("players", "players", "Distinct players who ever had an event of the currency."),
    AnswerColumn("total", "", "Sum of their balances."),
    AnswerColumn("mean", "", "Mean balance. A balance is Σ value of sources − Σ value of sinks without sign."),
    AnswerColumn("min", "", "Least balance of a player."),
    *(
        AnswerColumn(_quantile_name(share), "", f"{share:.0%} of the players have at most this balance (exact).")
        for share in SHARES
    ),
    AnswerColumn("max", "", "Greatest balance of a player."),
)
_BALANCES_SCHEMA = pa.schema(
    [
        ("currency", pa.string()),
        ("players", pa.int64()),
        *((column.name, pa.float64()) for column in _BALANCE_COLUMNS[2:]),
    ]
)
_HISTOGRAM_COLUMNS = (
    AnswerColumn("low", "", "Lower edge, included; null: no edge."),
    AnswerColumn("high", "", "Upper edge, not included (in the last bin, included); null: no edge."),
    AnswerColumn("players", "players", "Players with such a balance."),
    AnswerColumn("share", "share", "Players ÷ all players of the currency."),
)


ANALYSIS = Analysis(
    "economy",
    Economy,
    answer,
    "Sources and sinks of the game's economy, by currency, item type or item.",
    page="reference/analyses/economy.md",
    is_savable=True,
    keys=("bucket", "currency", "item_type", "item_id"),
    examples=(
        Example("What flows in and out of each currency, day by day", {"period": JANUARY, "granularity": "day"}),
        Example(
            "The ten items that most gems are spent on",
            {"period": JANUARY, "by": "item_id", "currency": "gems", "largest": "sink", "items": 10},
        ),
    ),
)

BALANCES = Analysis(
    "balances",
    Balances,
    balances,
    "Balances of players at the end of a day.",
    page="reference/analyses/economy.md",
    is_savable=True,
    examples=(
        Example("Balances of each currency", {"day": "2026-01-31"}),
        Example(
            "How many players have how many gems", {"day": "2026-01-31", "currency": "gems", "histogram": {"bins": 10}}
        ),
    ),
)
