from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from questlog.loader.money import Converter
from questlog.rates.own import read_own_rates
from questlog.rates.rates import Rates
from questlog.rates.series import RatesUnreadable

FRIDAY_2014_03_28 = 16_157  # ECB: 1.3759 USD and 140.9 JPY for one euro
SUNDAY_2014_03_30 = FRIDAY_2014_03_28 + 2
FAR_FUTURE = 40_000
BEFORE_THE_EURO = 0


def amounts_usd(converter: Converter, *money: tuple[int | None, str | None, int]) -> list[Decimal | None]:
    amounts, currencies, days = zip(*money, strict=True)
    converted = converter.amounts_usd(
        pa.array(amounts, pa.int64()), pa.array(currencies, pa.string()), np.array(days, dtype=np.int32)
    )
    converted.validate(full=True)
    return list(converted.to_pylist())


@pytest.fixture(name="converter", scope="module")
def _converter() -> Converter:
    return Converter(Rates())


def test_us_cents_are_dollars(converter: Converter) -> None:
    assert amounts_usd(converter, (499, "USD", FAR_FUTURE), (-1, "USD", 0)) == [
        Decimal("4.990000"),
        Decimal("-0.010000"),
    ]


def test_a_euro_is_worth_the_reference_rate_of_the_day(converter: Converter) -> None:
    assert amounts_usd(converter, (100, "EUR", FRIDAY_2014_03_28)) == [Decimal("1.375900")]


def test_a_third_currency_goes_through_the_euro_and_is_rounded_once(converter: Converter) -> None:
    # 10 000 yen / 140.9 x 1.3759 = 97.6508161...
    assert amounts_usd(converter, (1_000_000, "JPY", FRIDAY_2014_03_28)) == [Decimal("97.650816")]


def test_an_amount_is_hundredths_in_a_currency_without_decimals_too(converter: Converter) -> None:
    [hundred_yen] = amounts_usd(converter, (10_000, "JPY", FRIDAY_2014_03_28))
    assert hundred_yen == Decimal("0.976508")


def test_a_day_without_a_rate_takes_the_last_one_before(converter: Converter) -> None:
    assert amounts_usd(converter, (100, "EUR", SUNDAY_2014_03_30)) == [Decimal("1.375900")]


def test_after_the_last_day_known_the_last_rate_holds() -> None:
    rates = Rates()
    assert rates.usd("EUR", FAR_FUTURE) == rates.usd("EUR", FAR_FUTURE + 1000)


def test_a_code_in_small_letters_is_the_same_currency(converter: Converter) -> None:
    assert amounts_usd(converter, (100, "eur", FRIDAY_2014_03_28)) == [Decimal("1.375900")]


def test_an_amount_is_hundredths_in_a_currency_with_three_decimals_too() -> None:
    # The dinar's minor unit is a thousandth; 1.5 dinars are sent as 150.
    converter = Converter(Rates({"KWD": {0: Fraction("3.25")}}))
    assert amounts_usd(converter, (150, "KWD", 0)) == [Decimal("4.875000")]


def test_a_refund_is_worth_what_its_day_says(converter: Converter) -> None:
    assert amounts_usd(converter, (-100, "EUR", FRIDAY_2014_03_28), (0, "EUR", FRIDAY_2014_03_28)) == [
        Decimal("-1.375900"),
        Decimal("0.000000"),
    ]


def test_new_rates_are_used_from_the_next_column_on() -> None:
    converter = Converter(Rates({"GEM": {0: Fraction(1)}}))
    assert amounts_usd(converter, (100, "GEM", 0)) == [Decimal("1.000000")]
    converter.use(Rates({"GEM": {0: Fraction(2)}}))
    assert amounts_usd(converter, (100, "GEM", 0)) == [Decimal("2.000000")]


def test_a_currency_that_joined_the_euro_keeps_its_last_rate() -> None:
    # Slovenia's tolar was last quoted at 239.64 on 2006-12-29; 10 years later the dollar rate moved, that did not.
    rates = Rates()
    euro, tolar = rates.usd("EUR", FRIDAY_2014_03_28), rates.usd("SIT", FRIDAY_2014_03_28)
    assert euro is not None
    assert tolar == euro / Fraction("239.64")


def test_before_the_first_day_known_the_first_rate_holds(converter: Converter) -> None:
    assert amounts_usd(converter, (100, "EUR", BEFORE_THE_EURO)) == [Decimal("1.178900")]


def test_an_unknown_currency_has_no_dollars(converter: Converter) -> None:
    assert (
        amounts_usd(converter, (100, "XYZ", FAR_FUTURE), (100, "", FAR_FUTURE), (100, None, FAR_FUTURE)) == [None] * 3
    )


def test_halves_are_rounded_to_the_even_neighbour() -> None:
    converter = Converter(Rates({"GEM": {0: Fraction("0.00005")}, "TIX": {0: Fraction("0.00015")}}))
    # 1 hundredth: 0.0000005 and 0.0000015
    assert amounts_usd(converter, (1, "GEM", 0), (1, "TIX", 0)) == [Decimal("0.000000"), Decimal("0.000002")]


def test_what_the_column_cannot_hold_is_null(converter: Converter) -> None:
    assert amounts_usd(converter, (2**63 - 1, "USD", 0), (-(2**63), "USD", 0), (10**14 - 1, "USD", 0)) == [
        None,
        None,
        Decimal("999999999999.990000"),
    ]


def test_no_money_at_all_is_a_column_of_nulls(converter: Converter) -> None:
    assert amounts_usd(converter, (None, "USD", 0), (None, None, 0)) == [None, None]


@pytest.mark.parametrize(
    ("revenue", "dollars"),
    [(0.0035, "0.003500"), (0.1, "0.100000"), (1e-7, "0.000000"), (12.0, "12.000000"), (2.5e-6, "0.000002")],
)
def test_ad_revenue_is_the_decimal_that_was_sent(converter: Converter, revenue: float, dollars: str) -> None:
    days = np.zeros(1, dtype=np.int32)
    column = converter.revenues_usd(pa.array([revenue]), pa.array(["USD"]), days)
    assert column.to_pylist() == [Decimal(dollars)]


@pytest.mark.parametrize("revenue", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_ad_revenue_that_is_no_amount_is_null(converter: Converter, revenue: float) -> None:
    column = converter.revenues_usd(pa.array([revenue]), pa.array(["USD"]), np.zeros(1, dtype=np.int32))
    assert column.to_pylist() == [None]


def test_an_amount_and_a_revenue_of_the_same_number_are_different_money(converter: Converter) -> None:
    days = np.zeros(1, dtype=np.int32)
    assert amounts_usd(converter, (7, "USD", 0)) == [Decimal("0.070000")]
    assert converter.revenues_usd(pa.array([7.0]), pa.array(["USD"]), days).to_pylist() == [Decimal("7.000000")]


def test_a_studios_own_rates_decide_for_their_currencies(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("day,currency,usd\n2025-01-02,RUB,0.01\n2025-02-01,RUB,0.02\n2025-01-01,GEM,0.001\n")
    converter = Converter(Rates(read_own_rates(path)))
    january_31, february_1 = 20_119, 20_120
    assert amounts_usd(
        converter, (100, "RUB", 0), (100, "RUB", january_31), (100, "RUB", february_1), (100, "GEM", 0), (100, "USD", 0)
    ) == [Decimal("0.010000"), Decimal("0.010000"), Decimal("0.020000"), Decimal("0.001000"), Decimal("1.000000")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,code,rate\n", "first line"),
        ("", "first line"),
        ("day,currency,usd\n2025-13-01,RUB,1\n", "line 2"),
        ("day,currency,usd\n2025-01-01,RUB,1\n2025-01-02,RUB,one\n", "line 3"),
        ("day,currency,usd\n2025-01-01,RUB,0\n", "above 0"),
        ("day,currency,usd\n2025-01-01,RUB,inf\n", "line 2"),
        ("day,currency,usd\n2025-01-01,RUB\n", "line 2"),
    ],
)
def test_an_unusable_rate_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(text)
    with pytest.raises(RatesUnreadable, match=message):
        read_own_rates(path)
