"""What events brought in US dollars, where a game's own metric counts them as revenue (metrics.md §3, Money)."""

import ibis
import ibis.expr.types as ir

PURCHASE, IMPRESSION = "purchaseCompleted", "adImpression"
"""Satori's names of events with money."""


def dollars(rows: ir.Table, bought: str, value: str, where: ir.BooleanValue | None) -> ir.FloatingScalar:
    """Column `bought` of purchases, which a test has not; of impressions `ad_revenue_usd`; else `value` as US cents."""
    is_satori = rows.category == "custom"
    is_purchase = ((rows.category == "business") | (is_satori & (rows.event_id == PURCHASE))).fill_null(False)
    is_shown = ((rows.category == "impression") | (is_satori & (rows.event_id == IMPRESSION))).fill_null(False)
    counts = ibis.literal(value=True) if where is None else where
    purchases, impressions = (
        rows[bought].sum(where=counts & is_purchase),
        rows.ad_revenue_usd.sum(where=counts & is_shown),
    )
    cents = rows[value].sum(where=counts & ~is_purchase & ~is_shown)
    money = [each.cast("float64").fill_null(0.0) for each in (purchases, impressions, cents)]
    return money[0] + money[1] + money[2] / ibis.literal(100.0)
