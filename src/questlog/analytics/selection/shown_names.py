"""Event names as they are shown: where a field has more values on a day than its limit, those above it are `(other)`.

Then a name has a row for each day with events, identified by `event_no` and `day`; otherwise it has one row.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.selection.cardinality import CardinalityCap, shown, with_shown
from questlog.analytics.selection.dimensions import dimension_column
from questlog.analytics.selection.selection import Selection


def keys_of(caps: tuple[CardinalityCap, ...]) -> list[str]:
    """The columns that tell names apart, of `shown_names` and of `with_day`."""
    return ["event_no", "day"] if caps else ["event_no"]


def names_of(game_id: int, category: str) -> ir.Table:
    """The names of a category's events."""
    names = tables.event_names
    return names.filter(names.game_id == game_id, names.category == category)


def shown_names(
    names: ir.Table, dimensions: Mapping[str, str], selection: Selection, caps: tuple[CardinalityCap, ...]
) -> ir.Table:
    """Names with a number, `name_no`, for each row, and columns as shown; `dimensions` says which column is which."""
    if not caps:
        return names.mutate(name_no=names.event_no)
    days = tables.event_days
    days = days.filter(days.game_id == selection.game_id, selection.days.holds_day(days.day)).select("event_no", "day")
    rows = names.inner_join(days, "event_no")
    rows = rows.mutate(**{dimension_column(name): rows[column] for name, column in dimensions.items()})
    rows = with_shown(rows, caps, selection.game_id, rows.day)
    rows = rows.mutate(**{column: shown(rows, name) for name, column in dimensions.items()})
    return rows.mutate(name_no=ibis.row_number().over(ibis.window(order_by=["event_no", "day"])).cast("int64"))
