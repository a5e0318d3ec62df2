"""A store that is valued again is what it would be if it had been loaded with the new rates."""

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from questlog.loader.money import Converter
from questlog.rates.ecb import ReferenceRates
from questlog.rates.rates import Rates
from questlog.rates.series import Series
from questlog.store.contract import StoreFailed
from questlog.store.duckdb import reprice
from questlog.store.duckdb.reprice import sums_of_money
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.repricing import MoneyKind, PriceChange, Repricing
from questlog.store.schema import TABLES
from tests.support.histories import history, load_all
from tests.support.staged import DAY, NOON

TABLES_WITH_MONEY = {
    "events": "row_no",
    "sessions": "session_no",
    "players": "player_no",
    "player_days": "player_day_no",
    "player_day_values": "player_day_no, values_key",
    "purchases": "row_no",
    "event_days": "event_day_no",
}
NOTHING = ReferenceRates({"USD": Series(np.array([0], np.int32), np.array([1.0]))}, newest_day=0, currencies=1)
OLD = {"GEM": Fraction(1, 100), "TIX": Fraction(2)}
NEW = {"GEM": Fraction(1, 30), "TIX": Fraction(2), "NIL": Fraction(7)}
GONE = {"TIX": Fraction(3)}


def prices(rates: Mapping[str, Fraction]) -> Converter:
    return Converter(Rates({currency: {0: rate} for currency, rate in rates.items()}, lambda: NOTHING))


def rows_with_money(seed: int, count: int = 90) -> list[dict[str, Any]]:
    """A history whose purchases, refunds and ads are in several currencies, without dollars."""
    pick = random.Random(seed)
    rows = []
    for row in history(seed, count):
        kept = {name: value for name, value in row.items() if name not in ("amount_usd", "ad_revenue_usd")}
        if "amount" in row or "ad_revenue_usd" in row:
            kept["currency"] = pick.choice(["GEM", "gem", "TIX", "NIL", None])
        if "amount" in row:
            kept["amount"] = pick.choice([99, 250, 1, -99, 0])
        if "ad_revenue_usd" in row:
            kept["ad_revenue"] = pick.choice([0.01, 0.0035, 12.0])
        rows.append(kept)
    return rows


def priced(
    rows: Sequence[Mapping[str, Any]], old: Converter, new: Converter, is_new: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    """The rows with dollars: by the new rates where `is_new` says so."""
    return [{**row, **dollars(row, new if is_new(row) else old)} for row in rows]


def dollars(row: Mapping[str, Any], converter: Converter) -> dict[str, Decimal]:
    days: npt.NDArray[np.int32] = np.array([row["event_time"] // DAY], dtype=np.int32)
    currency = pa.array([row.get("currency")], pa.string())
    amounts = converter.amounts_usd(pa.array([row.get("amount")], pa.int64()), currency, days)
    revenues = converter.revenues_usd(pa.array([row.get("ad_revenue")], pa.float64()), currency, days)
    found = {"amount_usd": amounts[0].as_py(), "ad_revenue_usd": revenues[0].as_py()}
    return {name: usd for name, usd in found.items() if usd is not None}


def tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    return {
        table: store.query(f"FROM {table} ORDER BY {key}", {}).to_pylist() for table, key in TABLES_WITH_MONEY.items()
    }


def loaded(directory: Path, rows: list[dict[str, Any]], seed: int) -> DuckDBStore:
    store = DuckDBStore(directory)
    store.set_time_zone(2, "Asia/Kolkata", lambda _table, _share: None)
    load_all(store, rows, seed)
    return store


def ignore(_share: float) -> None:
    pass


def of_all(_row: Mapping[str, Any]) -> bool:
    return True


def of_none(_row: Mapping[str, Any]) -> bool:
    return False


FIRST, END = NOON + DAY // 2, NOON + 5 * DAY + DAY // 2


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("question", "is_new"),
    [
        (Repricing(), of_all),
        (Repricing(frozenset({"GEM"})), lambda row: (row.get("currency") or "").upper() == "GEM"),
        (Repricing(first_us=FIRST, end_us=END), lambda row: FIRST <= row["event_time"] < END),
    ],
    ids=["all", "a currency", "a period"],
)
def test_it_is_as_if_it_had_been_loaded_with_the_new_rates(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    question: Repricing,
    is_new: Callable[[Mapping[str, Any]], bool],
) -> None:
    monkeypatch.setattr(reprice, "_AT_ONCE", 37)
    rows = rows_with_money(seed)
    old, new = prices(OLD), prices(NEW)
    store = loaded(tmp_path / "repriced", priced(rows, old, new, of_none), seed)
    fresh = loaded(tmp_path / "fresh", priced(rows, old, new, is_new), seed)
    assert tables(store) != tables(fresh)
    shares: list[float] = []
    store.reprice(question, new, shares.append)
    found, expected = tables(store), tables(fresh)
    for table in TABLES_WITH_MONEY:
        assert found[table] == expected[table], table
    store.rebuild(lambda _table, _share: None)
    assert tables(store) == expected
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    store.close()
    fresh.close()


def test_rates_that_are_gone_leave_purchases_without_a_price(tmp_path: Path) -> None:
    rows = rows_with_money(7)
    old, new = prices(OLD), prices(GONE)
    store = loaded(tmp_path / "repriced", priced(rows, old, new, of_none), 7)
    fresh = loaded(tmp_path / "fresh", priced(rows, old, new, of_all), 7)
    store.reprice(Repricing(), new, ignore)
    assert tables(store) == tables(fresh)
    store.close()
    fresh.close()


def purchase(currency: str, amount: int, place: int, **others: Any) -> dict[str, Any]:
    return {"category": "business", "event_id": "a:b", "currency": currency, "amount": amount, "offset": place} | others


ROWS = [
    purchase("GEM", 100, 0, amount_usd="0.010000"),
    purchase("gem", 300, 1, amount_usd="0.030000"),
    purchase("GEM", -100, 2, amount_usd="-0.010000"),
    purchase("NIL", 100, 3),
    purchase("TIX", 100, 4, amount_usd="2.000000"),
    purchase("XXX", 100, 5),
    {"category": "impression", "currency": "GEM", "ad_revenue": 1.5, "ad_revenue_usd": "0.015000", "offset": 6},
]
CHANGES = [
    PriceChange("GEM", MoneyKind.ADS, 1, 1, 0, 0, Decimal("0.015000"), Decimal("0.050000")),
    PriceChange("GEM", MoneyKind.PURCHASES, 3, 3, 0, 0, Decimal("0.030000"), Decimal("0.100000")),
    PriceChange("NIL", MoneyKind.PURCHASES, 1, 1, 1, 0, Decimal(0), Decimal("7.000000")),
]


def test_it_says_what_changes_by_currency(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    load_all(store, ROWS, 0)
    assert store.reprice(Repricing(), prices(NEW), ignore) == CHANGES
    assert store.reprice(Repricing(), prices(NEW), ignore) == []
    store.close()


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    load_all(store, ROWS, 0)
    before, version = tables(store), store.query("SELECT batch_no FROM counters", {}).to_pylist()
    assert store.reprice(Repricing(is_dry_run=True), prices(NEW), ignore) == CHANGES
    assert tables(store) == before
    assert store.query("SELECT batch_no FROM counters", {}).to_pylist() == version
    store.close()


def test_answers_are_others_from_then_on(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    load_all(store, ROWS, 0)
    before = store.query("SELECT batch_no FROM counters", {}).column(0)[0].as_py()
    store.reprice(Repricing(), prices(NEW), ignore)
    assert store.query("SELECT batch_no FROM counters", {}).column(0)[0].as_py() > before
    store.close()


def test_an_empty_store_has_nothing_to_change(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    assert store.reprice(Repricing(), prices(NEW), ignore) == []
    store.close()


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    class Full(Converter):
        def revenues_usd(self, *_: object) -> pa.Array:
            raise StoreFailed("no space left")

    store = DuckDBStore(tmp_path)
    load_all(store, ROWS, 0)
    before = tables(store)
    with pytest.raises(StoreFailed):
        store.reprice(Repricing(), Full(Rates({}, lambda: NOTHING)), ignore)
    assert tables(store) == before
    load_all(store, [purchase("TIX", 100, 7, amount_usd="2.000000")], 0)
    store.close()


def test_every_sum_of_money_in_the_schema_is_brought_up_to_date() -> None:
    with_money = {table.name for table in TABLES if sums_of_money(table)}
    # What has expired keeps the dollars that it had: its purchases are not there any more.
    assert with_money == reprice.ROLLUPS_WITH_MONEY | {"events", "purchases", "expired_players"}


def test_a_day_is_that_of_utc(tmp_path: Path) -> None:
    """The rate of a day does not depend on the game's zone."""
    seen: list[int] = []

    class Noting(Converter):
        def amounts_usd(self, amounts: pa.Array, currencies: pa.Array, days: npt.NDArray[np.int32]) -> pa.Array:
            seen.extend(days.tolist())
            return super().amounts_usd(amounts, currencies, days)

    store = DuckDBStore(tmp_path)
    store.set_time_zone(1, "Asia/Tokyo", lambda _table, _share: None)
    load_all(store, [purchase("GEM", 1, 0, event_time=NOON + 11 * DAY // 24)], 0)
    store.reprice(Repricing(), Noting(Rates({"GEM": {0: Fraction(1)}}, lambda: NOTHING)), ignore)
    assert seen == [(dt.date(2026, 1, 1) - dt.date(1970, 1, 1)).days]
    store.close()
