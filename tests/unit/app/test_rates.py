from fractions import Fraction
from pathlib import Path

import pytest

from questlog.app.rates import rates
from questlog.config import ConfigError, load


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
