"""What events brought in US dollars, where a game's own metric counts them as revenue (metrics.md §3, Money)."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from questlog.model.taxonomy import IMPRESSIONS, PURCHASES, EventName


def custom_revenue(rows: ir.Table, bought: str, value: str, where: ir.BooleanValue | None) -> ir.FloatingScalar:
    """Column `bought` of purchases, which a test has not; of impressions `ad_revenue_usd`; else `value` as US cents."""
    is_purchase, is_shown = _is_one_of(PURCHASES, rows), _is_one_of(IMPRESSIONS, rows)
    counts = ibis.literal(value=True) if where is None else where
    purchases = rows[bought].sum(where=counts & is_purchase)
    impressions = rows.ad_revenue_usd.sum(where=counts & is_shown)
    cents = rows[value].sum(where=counts & ~is_purchase & ~is_shown)
    money = [each.cast("float64").fill_null(0.0) for each in (purchases, impressions, cents)]
    return money[0] + money[1] + money[2] / ibis.literal(100.0)


def _is_one_of(names: Iterable[EventName], rows: ir.Table) -> ir.BooleanValue:
    """Whether an event has one of the names; never null."""
    return reduce(or_, (_is_named(name, rows) for name in names)).fill_null(False)


def _is_named(name: EventName, rows: ir.Table) -> ir.BooleanValue:
    is_it = rows.category == name.category
    return is_it if name.event_id is None else is_it & (rows.event_id == name.event_id)
