"""What money is converted with, as the settings say."""

import csv
from pathlib import Path

from questlog.config import ConfigError, Settings
from questlog.loader.money import Rates, RatesUnreadable, read_own_rates


def rates(settings: Settings) -> Rates:
    """The ECB's reference rates, and those of `money.rates_path` above them. Raises `ConfigError`."""
    if not settings.money.rates_path:
        return Rates()
    path = Path(settings.money.rates_path)
    try:
        return Rates(read_own_rates(path))
    except RatesUnreadable as error:
        raise ConfigError(f"money.rates_path: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"money.rates_path: cannot read {path}: {error}") from error
