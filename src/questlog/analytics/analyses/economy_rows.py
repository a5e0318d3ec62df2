"""The economy in the engine: what flows in and out, by currency and item, and what players have left."""

import enum

import ibis
import ibis.expr.types as ir

from questlog.analytics.analyses.histogram import Bins, bin_keys
from questlog.analytics.analyses.split import Split, folded, greatest_groups, named_rows
from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import distinct_players
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.shown_names import names_of, shown_names

SOURCE, SINK = "Source", "Sink"
_EVENT_COLUMNS = ("event_no", "event_time", "player_no", "value")
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles of players' balances."""


class Level(enum.StrEnum):
    """The level of detail of the flows: each level includes those before it."""

    CURRENCY = "currency"
    ITEM_TYPE = "item_type"
    ITEM_ID = "item_id"


COLUMNS = {
    Level.CURRENCY: ("currency",),
    Level.ITEM_TYPE: ("currency", "item_type"),
    Level.ITEM_ID: ("currency", "item_type", "item_id"),
}
"""The parts of a resource event's id that each level tells apart."""

_PLACES = {"currency": 1, "item_type": 2, "item_id": 3}
DIMENSIONS = {"currency": "resource_currency", "item_type": "item_type", "item_id": "item_id"}
"""The dimension that each part is."""


class Items(Split, frozen=True):
    """The items of a game on a level, of one currency, or of all, in the events of a selection split by one dimension.

    The parts of ids have `caps`.
    """

    level: Level
    currency: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What tells them apart."""
        return COLUMNS[self.level]


def by_day(items: Items, granularity: Granularity) -> ir.Table:
    """Counts and sums by item and flow, from the counts per id and day: all events of the period."""
    days = tables.event_days
    days = days.filter(days.game_id == items.selection.game_id, items.selection.days.holds_day(days.day))
    keys = _bucketed(bucket_of_day(days.day, granularity))
    counted = days.group_by(**{name: days[name] for name in items.keys}, **keys).aggregate(
        events=days.events.sum(), total=days.value_sum.sum(), absolute=days.value_abs_sum.sum()
    )
    return _added_up(items, counted, tuple(keys))


def by_event(items: Items, granularity: Granularity) -> ir.Table:
    """The same from the events themselves."""
    rows = _of_items(items.unfolded)
    keys = _keys(items, rows, granularity)
    counted = rows.group_by(**{name: rows[name] for name in items.keys}, **keys).aggregate(
        events=rows.count(), total=rows.value.sum(), absolute=rows.value.abs().sum()
    )
    return _added_up(items, folded(items.selection, counted), tuple(keys))


def players(items: Items, granularity: Granularity, groups: int) -> ir.Table:
    """Distinct players by item, in about that many groups."""
    rows = _of_items(items)
    keys = _keys(items, rows, granularity)
    counted = rows.group_by(item_no=rows.item_no, **keys).aggregate(
        players=distinct_players(rows.player_no, items.selection.player_bound, groups)
    )
    named = _named(items)
    found = counted.inner_join(named, counted.item_no == named.name_no)
    return found.select(*items.columns, *keys, "players").limit(MAX_ROWS + 1)


def balances(items: Items) -> ir.Table:
    """What players have left, by item: how many players, their `total`, `least`, `greatest` and `SHARES`."""
    owned = owned_balances(items)
    found = owned.group_by("item_no").aggregate(
        players=owned.count(),
        total=owned.balance.sum(),
        least=owned.balance.min(),
        greatest=owned.balance.max(),
        quantiles=owned.balance.quantile(list(SHARES)),
    )
    named = _named(items)
    found = found.inner_join(named, found.item_no == named.name_no)
    return found.select(*items.columns, "players", "total", "least", "greatest", "quantiles")


def balances_by_bin(items: Items, bins: Bins) -> ir.Table:
    """How many players have how much left, of all items together: `bin` and `near`, see `histogram`."""
    owned = owned_balances(items)
    return owned.group_by(**bin_keys(owned.balance, bins)).aggregate(players=owned.count()).limit(MAX_ROWS + 1)


def top_groups(items: Items, top: int) -> ir.Table:
    """The groups with most resource events."""
    return greatest_groups(_of_items(items), top)


def _named(items: Items) -> ir.Table:
    """Every resource event's item as shown, and whether it is a source; `item_no` is the item's least name number."""
    names = names_of(items.selection.game_id, "resource")
    names = names.mutate(parts=names.event_id.fill_null("").split(":"))
    names = names.mutate(flow=names.parts[0], **{name: names.parts[_PLACES[name]].nullif("") for name in items.columns})
    names = names.filter(names.flow.isin([SOURCE, SINK]))
    if items.currency is not None:
        names = names.filter(names.currency == items.currency)
    dimensions = {DIMENSIONS[name]: name for name in items.columns}
    names = shown_names(names, dimensions, items.selection, items.caps)
    item_no = names.name_no.min().over(ibis.window(group_by=list(items.columns)))
    is_source = names.flow == SOURCE
    return names.select(*items.keys, "name_no", *items.columns, is_source=is_source, item_no=item_no)


def _of_items(items: Items) -> ir.Table:
    named = _named(items).select(*items.keys, "is_source", "item_no")
    return named_rows(items, _EVENT_COLUMNS).inner_join(named, items.keys)


def owned_balances(items: Items) -> ir.Table:
    """What each player has left of each item: what came in, less what went out."""
    rows = _of_items(items)
    rows = rows.filter(rows.player_no.notnull())
    signed = rows.is_source.ifelse(rows.value, -rows.value.abs())
    return rows.group_by("player_no", "item_no").aggregate(balance=signed.sum().fill_null(0.0))


def _added_up(items: Items, counted: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    rows = counted.inner_join(_named(items), items.keys)
    return (
        rows.group_by(*items.columns, *keys)
        .aggregate(
            sources=rows.events.sum(where=rows.is_source).fill_null(0),
            sinks=rows.events.sum(where=~rows.is_source).fill_null(0),
            source=rows.total.sum(where=rows.is_source).fill_null(0.0),
            sink=rows.absolute.sum(where=~rows.is_source).fill_null(0.0),
        )
        .limit(MAX_ROWS + 1)
    )


def _keys(items: Items, rows: ir.Table, granularity: Granularity) -> dict[str, ir.Value]:
    bucket = items.selection.days.bucket_of(rows.event_time, granularity)
    return _bucketed(bucket) | {name: rows[name] for name in items.groups}


def _bucketed(bucket: ir.Value | None) -> dict[str, ir.Value]:
    return {} if bucket is None else {"bucket": bucket}
