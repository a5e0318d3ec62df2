"""Valuing stored purchases and ad revenues again, and bringing every rollup with money up to date.

Rollups are changed by the differences: sums of dollars are exact decimals, so that they are what they would be after a
rebuild. Events are read a range of rows at a time; of those that change, only row and dollars are kept until the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import IS_PURCHASE, OWNER, numbered_day
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.repricing import MoneyKind, PriceChange, Prices, Repricing
from questlog.store.schema import TABLES, Table
from questlog.store.value_keys import VALUES_KEY

_AT_ONCE = 1_000_000
_DAY_US = 86_400_000_000

_MONEY = """
    SELECT row_no, event_time, upper(currency) AS currency, amount, ad_revenue, amount_usd, ad_revenue_usd FROM events
    WHERE row_no BETWEEN $low AND $high AND currency IS NOT NULL AND (amount IS NOT NULL OR ad_revenue IS NOT NULL)
        AND ($first_us IS NULL OR epoch_us(event_time) >= $first_us)
        AND ($end_us IS NULL OR epoch_us(event_time) < $end_us)
        AND (len($currencies) = 0 OR list_contains($currencies, upper(currency)))
"""

_REPRICED = """
    CREATE OR REPLACE TEMP TABLE repriced (
        row_no BIGINT, new_amount_usd DECIMAL(18,6), new_ad_revenue_usd DECIMAL(18,6))
"""


def _difference(column: str) -> str:
    return f"(coalesce(new_{column}, 0) - coalesce({column}, 0))::DECIMAL(38,6)"


def _differences(events: str) -> str:
    """SQL: how much each changed event adds to the sums that it is part of. `events` have their local `day`."""
    return f"""
    CREATE OR REPLACE TEMP TABLE money_changes AS
    SELECT *, CASE WHEN receipt_state = 'valid' THEN revenue_usd ELSE 0 END AS valid_revenue_usd,
        CASE WHEN receipt_state = 'invalid' THEN revenue_usd ELSE 0 END AS invalid_revenue_usd
    FROM (
    SELECT session_no, player_no, receipt_state, {numbered_day("event_no", "day")} AS event_day_no,
        {numbered_day(OWNER, "day")} AS player_day_no, {VALUES_KEY} AS values_key,
        CASE WHEN {IS_PURCHASE} THEN {_difference("amount_usd")} ELSE 0 END AS revenue_usd,
        CASE WHEN {IS_PURCHASE} THEN (new_amount_usd IS NULL)::BIGINT - (amount_usd IS NULL)::BIGINT ELSE 0 END
            AS unpriced,
        {_difference("ad_revenue_usd")} AS ad_revenue_usd
    FROM {events} JOIN repriced USING (row_no))
    """


_KEYS: Mapping[str, tuple[str, ...]] = {
    "sessions": ("session_no",),
    "players": ("player_no",),
    "player_days": ("player_day_no",),
    "player_day_values": ("player_day_no", "values_key"),
    "event_days": ("event_day_no",),
}
"""The rollups with money, and how their rows are named in `money_changes`."""

ROLLUPS_WITH_MONEY = frozenset(_KEYS)

_OTHERS = {"event_days": ("unpriced",)}


def sums_of_money(table: Table) -> Sequence[str]:
    """The columns of a table that are sums over events and depend on their dollars."""
    dollars = (column.name for column in table.columns if column.name.endswith("_usd"))
    return (*dollars, *_OTHERS.get(table.name, ()))


def _new_sums(table: Table) -> str:
    """SQL: the rows that change, in the order in which they are stored.

    DuckDB takes minutes for an update of many rows in another order: it merges each with all before it.
    """
    keys, columns = _KEYS[table.name], sums_of_money(table)
    sums = ", ".join(f"sum({name})::DECIMAL(38,6) AS {name}" for name in columns)
    return f"""
    CREATE OR REPLACE TEMP TABLE money_sums AS
    SELECT old.rowid AS place, {", ".join(f"old.{name} + new.{name} AS {name}" for name in columns)}
    FROM {table.name} AS old JOIN (SELECT {", ".join(keys)}, {sums} FROM money_changes GROUP BY ALL) AS new
        USING ({", ".join(keys)})
    WHERE {" OR ".join(f"new.{name} <> 0" for name in columns)}
    ORDER BY place
    """


def _set_sums(table: Table) -> str:
    columns = ", ".join(f"{name} = money_sums.{name}" for name in sums_of_money(table))
    return f"UPDATE {table.name} SET {columns} FROM money_sums WHERE money_sums.place = {table.name}.rowid"


_EVENTS = """
    UPDATE events SET amount_usd = new_amount_usd, ad_revenue_usd = new_ad_revenue_usd FROM repriced
    WHERE repriced.row_no = events.row_no AND events.row_no BETWEEN $low AND $high
        AND repriced.row_no BETWEEN $low AND $high
"""

_PURCHASES = "UPDATE purchases SET amount_usd = new_amount_usd FROM repriced WHERE repriced.row_no = purchases.row_no"


def reprice(
    rollups: Rollups, question: Repricing, prices: Prices, last_row: int, progress: Callable[[float], None]
) -> Sequence[PriceChange]:
    """Value the events again, within a transaction. Returns what changes, sorted by currency.

    `progress` gets the share done, 0 to 1.
    """
    transaction = rollups.transaction
    tally = _Tally()
    changed_ranges = []
    transaction.write(_REPRICED)
    for low, high in _ranges(last_row):
        changed = _valued_again(transaction.read(_MONEY, _parameters(question, low, high)), prices, tally)
        if changed.num_rows:
            changed_ranges.append((low, high))
            if not question.is_dry_run:
                transaction.register("batch_repriced", changed)
                transaction.write("INSERT INTO repriced FROM batch_repriced")
        progress(min(high / last_row, 1.0) * _SHARE_OF_READING)
    if changed_ranges and not question.is_dry_run:
        _apply(rollups, changed_ranges, progress)
    transaction.write("DROP TABLE repriced")
    progress(1.0)
    return tally.changes()


_SHARE_OF_READING = 0.5


def _apply(rollups: Rollups, ranges: Sequence[tuple[int, int]], progress: Callable[[float], None]) -> None:
    rollups.write(_differences(rollups.events("row_no IN (SELECT row_no FROM repriced)")))
    for table in TABLES:
        if table.name in _KEYS:
            rollups.write(_new_sums(table))
            rollups.write(_set_sums(table))
    for temporary in ("money_sums", "money_changes"):
        rollups.write(f"DROP TABLE {temporary}")
    rollups.write(_PURCHASES)
    for place, (low, high) in enumerate(ranges, start=1):
        rollups.write(_EVENTS, {"low": low, "high": high})
        progress(_SHARE_OF_READING + (1 - _SHARE_OF_READING) * place / len(ranges))


def _ranges(last_row: int) -> Iterator[tuple[int, int]]:
    for low in range(1, last_row + 1, _AT_ONCE):
        yield low, low + _AT_ONCE - 1


def _parameters(question: Repricing, low: int, high: int) -> dict[str, object]:
    return {
        "low": low,
        "high": high,
        "first_us": question.first_us,
        "end_us": question.end_us,
        "currencies": sorted(question.currencies),
    }


def _valued_again(rows: pa.Table, prices: Prices, tally: "_Tally") -> pa.Table:
    """The rows whose dollars change, with the new ones (row_no, new_amount_usd, new_ad_revenue_usd)."""
    rows = rows.combine_chunks()
    if rows.num_rows == 0:
        return rows
    columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    days = (columns["event_time"].cast(pa.int64()).to_numpy() // _DAY_US).astype(np.int32)
    currencies = columns["currency"]
    amounts_usd = prices.amounts_usd(columns["amount"], currencies, days)
    revenues_usd = prices.revenues_usd(columns["ad_revenue"], currencies, days)
    has_new_amount = _differs(columns["amount_usd"], amounts_usd)
    has_new_revenue = _differs(columns["ad_revenue_usd"], revenues_usd)
    tally.add(MoneyKind.PURCHASES, columns, "amount", amounts_usd, has_new_amount)
    tally.add(MoneyKind.ADS, columns, "ad_revenue", revenues_usd, has_new_revenue)
    new = pa.table({"row_no": columns["row_no"], "new_amount_usd": amounts_usd, "new_ad_revenue_usd": revenues_usd})
    return new.filter(pc.or_(has_new_amount, has_new_revenue))


def _differs(old: pa.Array, new: pa.Array) -> pa.Array:
    is_other = pc.fill_null(pc.not_equal(old, new), False)
    return pc.or_(is_other, pc.not_equal(old.is_null(), new.is_null()))


class _Tally:
    """Adds up what changes, by currency and kind."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, MoneyKind], PriceChange] = {}

    def add(
        self, kind: MoneyKind, rows: Mapping[str, pa.Array], name: str, new_usd: pa.Array, is_changed: pa.Array
    ) -> None:
        """Add the rows that have a number in the column `name`, whose dollars are in the column `name`_usd."""
        money = pa.table(
            {
                "currency": rows["currency"],
                "changed": is_changed.cast(pa.int64()),
                "before": rows[f"{name}_usd"],
                "after": new_usd,
            }
        ).filter(rows[name].is_valid())
        sums = money.group_by("currency").aggregate(
            [
                ("currency", "count"),
                ("changed", "sum"),
                *((column, what) for column in ("before", "after") for what in ("count", "sum")),
            ]
        )
        for row in sums.to_pylist():
            self._add(kind, row)

    def _add(self, kind: MoneyKind, row: Mapping[str, Any]) -> None:
        key = (row["currency"], kind)
        old = self._sums.get(key) or PriceChange(*key, 0, 0, 0, 0, Decimal(0), Decimal(0))
        self._sums[key] = PriceChange(
            *key,
            events=old.events + row["currency_count"],
            changed=old.changed + row["changed_sum"],
            unpriced_before=old.unpriced_before + row["currency_count"] - row["before_count"],
            unpriced_after=old.unpriced_after + row["currency_count"] - row["after_count"],
            usd_before=old.usd_before + (row["before_sum"] or 0),
            usd_after=old.usd_after + (row["after_sum"] or 0),
        )

    def changes(self) -> Sequence[PriceChange]:
        """Those with a change."""
        return [self._sums[key] for key in sorted(self._sums) if self._sums[key].changed]
