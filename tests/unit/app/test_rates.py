from fractions import Fraction
from pathlib import Path

import pytest

from questlog.app.rates import FreshReprice, rates, rates_refresh
from questlog.config import ConfigError, load
from questlog.loader.money import Converter
from questlog.loader.reprice import Reprice, RepriceQuestion, RepriceState
from questlog.rates.series import RatesUnreadable
from tests.support.console import SettableClock


def test_the_rates_of_the_configured_file_decide(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("day,currency,usd\n2025-01-01,GEM,0.001\n")
    assert rates(load(tmp_path)).usd("GEM", 20_000) is None
    settings = load(tmp_path, overrides={"money.rates_path": str(file)})
    assert rates(settings).usd("GEM", 20_000) == Fraction(1, 1000)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"currency,usd\n", b"day,currency,usd\n2025-01-01,GEM,x\n"])
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "rates.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^money\.rates_path") as refused:
        rates(load(tmp_path, overrides={"money.rates_path": str(file)}))
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_reprice_reads_the_files_of_rates_anew(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("day,currency,usd\n2025-01-01,GEM,0.001\n")
    settings = load(tmp_path, overrides={"money.rates_path": str(file)})
    converter = Converter(rates(settings))
    reprice = FreshReprice(settings, converter, Reprice(converter))
    file.write_text("day,currency,usd\n2025-01-01,GEM,0.002\n")
    assert reprice.request(RepriceQuestion())
    assert converter.rates.usd("GEM", 20_000) == Fraction(1, 500)
    assert reprice.status.state is RepriceState.WAITING
    assert not reprice.request(RepriceQuestion())


def test_a_reprice_with_rates_that_cannot_be_read_is_not_begun(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("day,currency,usd\n")
    settings = load(tmp_path, overrides={"money.rates_path": str(file)})
    converter = Converter(rates(settings))
    reprice = FreshReprice(settings, converter, Reprice(converter))
    file.unlink()
    with pytest.raises(RatesUnreadable, match=r"money\.rates_path"):
        reprice.request(RepriceQuestion())
    assert reprice.status.state is RepriceState.NONE


@pytest.mark.parametrize("name", ["ecb_url", "wide_rates_url"])
def test_an_address_that_is_not_of_http_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^money\.{name}: file"):
        rates(load(tmp_path, overrides={f"money.{name}": "file:///rates.zip"}))


def test_a_damaged_wide_table_does_not_stop_the_server(tmp_path: Path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "wide.csv").write_text("damaged\n")
    found = rates(load(tmp_path, overrides={"money.wide_rates": True}))
    assert (found.usd("USD", 20_000), found.usd("TWD", 20_000)) == (Fraction(1), None)


def test_nothing_is_fetched_where_that_is_switched_off(tmp_path: Path) -> None:
    clock = SettableClock()
    off = load(tmp_path, overrides={"money.refresh": False})
    assert rates_refresh(off, lambda _: None, clock) is None
    assert rates_refresh(load(tmp_path), lambda _: None, clock) is not None
