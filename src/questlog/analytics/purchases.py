"""Purchases one by one, for what the player days do not tell apart: the state of receipts, and who bought first."""

import ibis.expr.types as ir


def is_purchase(events: ir.Table) -> ir.BooleanValue:
    """A `business` event or Satori's `purchaseCompleted`, with an amount (a test purchase has none); never null."""
    names_one = (events.category == "business") | (
        (events.category == "custom") & (events.event_id == "purchaseCompleted").fill_null(False)
    )
    return names_one.fill_null(False) & (events.amount.notnull() | events.amount_usd.notnull())
