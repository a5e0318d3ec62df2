import pytest

from questlog.protocols.satori.money import Money, ad_revenue_usd, purchase, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ("-3", -3.0),
        ("+5", 5.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        ("9007199254740991", 2.0**53 - 1),
        ("1e300", 1e300),
    ],
)
def test_a_decimal_number_is_one(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lobby",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1e999",
        "1_000",
        "1,000",
        " 5",
        "5 ",
        "0x10",
        "٣",
        "١٢",
        "true",
        "5a",
        "--5",
        "1e",
        ".",
        "9" * 70,
    ],
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize("text", ["007", "-01", "00", "9007199254740992", "9007199254740993", "12345678901234567890"])
def test_a_number_that_would_not_come_back_as_written_stays_a_text(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("value", "metadata", "money"),
    [
        ("499", {}, Money(499, "USD")),
        ("499", {"amount": "4.50", "currency": "EUR"}, Money(499, "USD")),
        ("0", {"amount": "4.50", "currency": "EUR"}, Money(0, "USD")),
        ("-499", {}, Money(-499, "USD")),
        ("499.5", {}, Money(500, "USD")),
        (None, {"test": "false", "amount": "20", "currency": "GBP"}, Money(2000, "GBP")),
        (None, {"amount": "4.99", "currency": "usd"}, Money(499, "USD")),
        ("sku", {"amount": "4.99", "currency": "USD"}, Money(499, "USD")),
        (None, {"amount": "120", "currency": "JPY"}, Money(12000, "JPY")),
        (None, {"amount": "1.235", "currency": "KWD"}, Money(124, "KWD")),
        (None, {"amount": "0.29", "currency": "USD"}, Money(29, "USD")),  # 28.999… in binary
        (None, {"amount": "1.005", "currency": "USD"}, Money(101, "USD")),
        (None, {"amount": "92233720368547758.07", "currency": "USD"}, Money(2**63 - 1, "USD")),
    ],
)
def test_a_purchase_is_worth_its_cents_or_its_metadata(
    value: str | None, metadata: dict[str, str], money: Money
) -> None:
    assert purchase(value, metadata) == money


@pytest.mark.parametrize(
    ("value", "metadata"),
    [
        (None, {}),
        (None, {"amount": "20"}),
        (None, {"currency": "GBP"}),
        (None, {"amount": "20", "currency": "gems"}),
        (None, {"amount": "20", "currency": "£££"}),
        (None, {"amount": "$20", "currency": "USD"}),
        (None, {"amount": "92233720368547758.08", "currency": "USD"}),
        (None, {"amount": "1e400", "currency": "USD"}),
        (None, {"amount": "9" * 5000, "currency": "USD"}),
        ("1e300", {}),
        ("499", {"test": "true"}),
        ("499", {"test": "TRUE"}),
        (None, {"test": "true", "amount": "20", "currency": "GBP"}),
    ],
)
def test_what_cannot_be_read_or_is_a_test_earns_nothing(value: str | None, metadata: dict[str, str]) -> None:
    assert purchase(value, metadata) is None


def test_an_ad_impression_is_worth_cents() -> None:
    assert ad_revenue_usd("1.25", {}) == 0.0125
    assert ad_revenue_usd(None, {}) is None
    assert ad_revenue_usd("banner", {}) is None
    assert ad_revenue_usd("1.25", {"test": "true"}) is None
