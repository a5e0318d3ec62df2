"""The purchases table: one row per purchase and refund, a projection of events."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import IS_PURCHASE
from questlog.store.duckdb.transaction import Transaction
from questlog.store.schema import PURCHASES

COLUMNS = tuple(column.name for column in PURCHASES.columns)
COLUMN_LIST = ", ".join(COLUMNS)
_OF_EVENTS = tuple(name for name in COLUMNS if name not in ("day", "is_refund"))


def facts(source: str, condition: str = "true") -> str:
    """SQL: the rows of the table that the events in `source`, each with its `day`, make."""
    columns = ", ".join("amount < 0 AS is_refund" if name == "is_refund" else name for name in COLUMNS)
    return f"SELECT {columns} FROM {source} WHERE {IS_PURCHASE} AND ({condition}) ORDER BY row_no"


def update(transaction: Transaction, events: pa.Table, days: pa.Array) -> None:
    """Add the events of a batch; `days` are theirs."""
    has_amount = np.flatnonzero(pc.fill_null(pc.not_equal(events["amount"], 0), False).to_numpy())
    if not len(has_amount):
        return
    places = pa.array(has_amount)
    with_amount = events.select(_OF_EVENTS).take(places).append_column("day", days.take(places))
    transaction.register("batch_purchases", with_amount)
    transaction.write(f"INSERT INTO purchases ({COLUMN_LIST}) {facts('batch_purchases')}")
