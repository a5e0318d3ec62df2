"""What happened on a day, by the values that the player had that day (metrics.md §4)."""

import ibis.expr.types as ir

from questlog.analytics.metrics.measures import ReceiptState
from questlog.analytics.metrics.parts import Part
from questlog.analytics.selection.dimensions import is_dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import player_days_with


def with_player_days(part: Part, rows: ir.Table) -> ir.Table:
    """Rows of `player_no` and `day` beside the dimensions of the player's day, those that the filter lets pass.

    A row of no player has the values of none.
    """
    if part.is_plain:
        return rows
    days = player_days_with(part.scope, part.names)
    days = days.filter(predicate(part.filter, days))
    dimensions = [name for name in days.columns if is_dimension_column(name)]
    days = days.select(**{"day:owner": _owner(days), "day:day": days.day}, **{name: days[name] for name in dimensions})
    is_same = (_owner(rows) == days["day:owner"]) & (rows.day == days["day:day"])
    return rows.inner_join(days, is_same).drop("day:owner", "day:day")


def transactions_of(state: ReceiptState | None, days: ir.Table) -> ir.IntegerColumn:
    """The purchases of player days, of all receipts or of those in a state."""
    return _of_state(days, "transactions", state)


def revenue_of(state: ReceiptState | None, days: ir.Table) -> ir.DecimalColumn:
    """What they earned."""
    return _of_state(days, "revenue_usd", state)


def _of_state(days: ir.Table, name: str, state: ReceiptState | None) -> ir.NumericColumn:
    if state == "unchecked":
        return days[name] - days[f"valid_{name}"] - days[f"invalid_{name}"]
    return days[name if state is None else f"{state}_{name}"]


def _owner(rows: ir.Table) -> ir.IntegerValue:
    return rows.player_no.fill_null(-1)
