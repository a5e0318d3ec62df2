"""From what clients send as money to the columns of the store, for both protocols (metrics.md §3, Money)."""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from questlog.journal.contract import Entry
from questlog.loader.batch import BatchBuilder
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.decoding import Decoding
from questlog.loader.money import Converter
from questlog.model.record import Envelope, Kind, Position, encode_record
from questlog.rates.ecb import read_table
from questlog.rates.rates import Rates
from questlog.rates.wide import read_days, read_package, with_day
from tests.support.rates import ecb_archive, wide_table

FRIDAY = dt.date(2026, 11, 20)
NOON_S = (FRIDAY - dt.date(1970, 1, 1)).days * 86_400 + 43_200
NOW_US = (NOON_S + 60) * 1_000_000
ARCHIVE = ecb_archive(dt.date(2026, 11, 27), {"JPY": {}, "KWD": {}})  # a euro is 1.25 dollars, and 2 of the others
ECB = Rates(reference=lambda: read_table(ARCHIVE))
WIDE = Rates(
    reference=lambda: read_table(ARCHIVE),
    wide=read_days(with_day("", read_package(wide_table(FRIDAY - dt.timedelta(days=1), twd=32)))),
)
BUSINESS = {
    "v": 2, "user_id": "tw", "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014", "session_num": 1,
    "client_ts": NOON_S, "sdk_version": "rest api v2", "os_version": "windows 10", "platform": "windows",
    "manufacturer": "unknown", "device": "unknown", "category": "business", "event_id": "gems:small",
    "amount": 1000, "currency": "USD", "transaction_num": 1,
}  # fmt: skip
IMPRESSION = {
    **{name: value for name, value in BUSINESS.items() if name not in ("event_id", "amount", "currency")},
    "category": "impression", "ad_network_name": "fyber", "ad_network_version": "1",
}  # fmt: skip


def loaded(kind: Kind, body: object, rates: Rates) -> list[dict[str, Any]]:
    """The rows that a request's events become."""
    builder = BatchBuilder(Decoding(EVENT_SOURCES, Converter(rates)), NOW_US)
    record = encode_record(Envelope(kind, 1, NOW_US, api_key_name="server"), json.dumps(body).encode())
    builder.add(Entry(Position(1, 1, 0), Position(1, 1, len(record)), record))
    rows: list[dict[str, Any]] = builder.build().events.to_pylist()
    return rows


def business(rates: Rates = ECB, **fields: object) -> tuple[int | None, str | None, Decimal | None]:
    """Amount, currency and dollars of GameAnalytics' business event."""
    [row] = loaded(Kind.GAMEANALYTICS_EVENTS, [{**BUSINESS, **fields}], rates)
    return row["amount"], row["currency"], row["amount_usd"]


def satori(name: str, value: str | None, metadata: Mapping[str, str], rates: Rates = ECB) -> dict[str, Any]:
    """The row of a Satori event that a game server sends."""
    event: dict[str, object] = {"name": name, "metadata": metadata, "timestamp": "2026-11-20T12:00:00Z"}
    event |= {} if value is None else {"value": value}
    [row] = loaded(Kind.SATORI_SERVER_EVENTS, {"events": [{"identity_id": "ada-lovelace", **event}]}, rates)
    return row


@pytest.mark.parametrize(
    ("amount", "currency", "usd"),
    [
        (1000, "USD", "10"),
        (-1000, "USD", "-10"),
        (0, "USD", "0"),
        (1000, "EUR", "12.5"),
        (50_000, "JPY", "312.5"),  # 500 yen
        (150, "KWD", "0.9375"),  # 1.5 dinars, whose minor unit is a thousandth
        (32_000, "TWD", None),
        (1000, "XXX", None),
    ],
)
def test_a_business_event_is_hundredths_of_its_currency(amount: int, currency: str, usd: str | None) -> None:
    assert business(amount=amount, currency=currency) == (amount, currency, None if usd is None else Decimal(usd))


def test_the_wide_table_prices_what_the_ecb_does_not_quote() -> None:
    assert business(WIDE, amount=32_000, currency="TWD") == (32_000, "TWD", Decimal(10))
    assert business(WIDE, amount=1000, currency="EUR") == (1000, "EUR", Decimal("12.5"))


def test_a_day_is_priced_by_its_own_rate() -> None:
    archive = ecb_archive(dt.date(2026, 11, 27), {"USD": {"2026-11-20": "1.5", "2026-11-23": "2"}})
    rates = Rates(reference=lambda: read_table(archive))
    days = [business(rates, currency="EUR", client_ts=NOON_S - back * 86_400)[2] for back in (1, 0)]
    assert days == [Decimal("12.5"), Decimal(15)]
    saturday = {"v": 2, "currency": "EUR", "client_ts": NOON_S + 86_400}
    moved_back = business(rates, **saturday)  # ahead of the server's clock: it counts on Friday
    assert moved_back[2] == Decimal(15)


def test_a_code_in_small_letters_is_no_code_of_a_business_event() -> None:
    assert loaded(Kind.GAMEANALYTICS_EVENTS, [{**BUSINESS, "currency": "usd"}], ECB) == []


@pytest.mark.parametrize(
    ("data", "usd"),
    [
        ({"publisher_revenue": 0.0125}, "0.0125"),
        ({"publisher_revenue": 1, "currency": "EUR"}, "1.25"),
        ({"publisher_revenue": 1, "currency": "eur"}, "1.25"),
        ({"publisher_revenue": 1, "currency": "TWD"}, None),
        ({"publisher_revenue": "much"}, None),
    ],
)
def test_an_impression_of_gameanalytics_is_whole_units(data: Mapping[str, object], usd: str | None) -> None:
    [row] = loaded(Kind.GAMEANALYTICS_EVENTS, [{**IMPRESSION, "impression_data": data}], ECB)
    assert row["ad_revenue_usd"] == (None if usd is None else Decimal(usd))
    assert row["amount"] is None


@pytest.mark.parametrize(
    ("value", "metadata", "amount", "currency", "usd"),
    [
        ("499", {}, 499, "USD", "4.99"),
        ("-499", {}, -499, "USD", "-4.99"),
        ("0", {"amount": "4.99", "currency": "EUR"}, 0, "USD", "0"),
        ("499", {"amount": "20", "currency": "GBP"}, 499, "USD", "4.99"),
        (None, {"amount": "4.99", "currency": "eur"}, 499, "EUR", "6.2375"),
        (None, {"amount": "-4.99", "currency": "EUR"}, -499, "EUR", "-6.2375"),
        (None, {"amount": "500", "currency": "JPY"}, 50_000, "JPY", "312.5"),
        (None, {"amount": "1.234", "currency": "KWD"}, 123, "KWD", "0.76875"),
        (None, {"amount": "320", "currency": "TWD"}, 32_000, "TWD", None),
        ("gems", {"amount": "4.99", "currency": "USD"}, 499, "USD", "4.99"),
        (None, {"amount": "free", "currency": "USD"}, None, None, None),
        (None, {}, None, None, None),
        ("499", {"test": "true"}, None, None, None),
        (None, {"amount": "4.99", "currency": "USD", "test": "True"}, None, None, None),
        ("499", {"test": "false"}, 499, "USD", "4.99"),
    ],
)
def test_a_purchase_of_satori_is_us_cents_or_an_amount_of_its_currency(
    value: str | None, metadata: Mapping[str, str], amount: int | None, currency: str | None, usd: str | None
) -> None:
    row = satori("purchaseCompleted", value, metadata)
    assert (row["amount"], row["currency"]) == (amount, currency)
    assert row["amount_usd"] == (None if usd is None else Decimal(usd))


def test_a_purchase_of_satori_is_priced_by_the_wide_table_too() -> None:
    row = satori("purchaseCompleted", None, {"amount": "320", "currency": "TWD"}, WIDE)
    assert row["amount_usd"] == Decimal(10)


@pytest.mark.parametrize(
    ("value", "metadata", "usd"),
    [("2.5", {}, "0.025"), ("much", {}, None), (None, {}, None), ("2.5", {"test": "true"}, None)],
)
def test_an_impression_of_satori_is_us_cents(value: str | None, metadata: Mapping[str, str], usd: str | None) -> None:
    row = satori("adImpression", value, metadata)
    assert row["ad_revenue_usd"] == (None if usd is None else Decimal(usd))
    assert row["amount"] is None


@pytest.mark.parametrize("name", ["levelCompleted", "adImpression"])
def test_other_events_of_satori_are_no_purchases(name: str) -> None:
    assert satori(name, "499", {"amount": "20", "currency": "GBP"})["amount"] is None
