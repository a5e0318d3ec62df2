"""What money is converted with, as the settings say."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from questlog.config import ConfigError, Settings
from questlog.loader.maintenance.task import MaintenanceStatus, TaskState
from questlog.loader.money import Converter
from questlog.loader.reprice import Reprice, RepriceQuestion, RepriceStatus
from questlog.model.clock import Clock
from questlog.rates.download import FetchFailed, check_address, fetch, fetch_package
from questlog.rates.ecb import EURO
from questlog.rates.files import RatesFiles
from questlog.rates.own import OwnRates, read_own_rates
from questlog.rates.rates import Rates
from questlog.rates.refresh import RatesRefresh, Sources
from questlog.rates.series import RatesUnreadable
from questlog.rates.status import RatesMonitor, RatesStatus
from questlog.rates.wide import PACKAGE

_DAY_S = 86_400.0

log = structlog.get_logger(__name__)


def rates(settings: Settings) -> Rates:
    """The rates there are, the studio's own of `money.rates_path` first. Raises `ConfigError`."""
    own = _own_rates(settings)
    _check_addresses(settings)
    files = RatesFiles(settings.rates_dir)
    try:
        return files.rates(own, has_wide=settings.money.wide_rates)
    except RatesUnreadable as error:  # `questlog doctor` and the status page say so too
        log.warning("the wide table of rates is not used", error=str(error))
        return files.rates(own, has_wide=False)


def rates_refresh(settings: Settings, use: Callable[[Rates], None], clock: Clock) -> RatesRefresh | None:
    """Fetches new rates once a day, and has them used; None where `money.refresh` is off."""
    money = settings.money
    if not money.refresh:
        return None

    def wide() -> bytes:
        return fetch(money.wide_rates_url) if money.wide_rates_url else fetch_package(PACKAGE)

    sources = Sources(lambda: fetch(money.ecb_url), wide if money.wide_rates else None)
    return RatesRefresh(RatesFiles(settings.rates_dir), sources, lambda: _use_new(settings, use), clock)


def rates_monitor(settings: Settings, clock: Clock) -> RatesMonitor:
    """How old the rates are."""
    money = settings.money
    return RatesMonitor(
        RatesFiles(settings.rates_dir), clock, has_wide=money.wide_rates, is_fetched_daily=money.refresh
    )


class FreshReprice:
    """Values stored purchases again with the rates that are in the files now: also those that a studio has changed."""

    def __init__(self, settings: Settings, converter: Converter, reprice: Reprice) -> None:
        self._settings = settings
        self._converter = converter
        self._reprice = reprice

    @property
    def status(self) -> RepriceStatus:
        """How far the last one is, and what it changed."""
        return self._reprice.status

    def request(self, question: RepriceQuestion) -> bool:
        """Ask for one; False while another waits or runs. Raises `RatesUnreadable`."""
        try:
            self._converter.use(rates(self._settings))
        except ConfigError as error:
            raise RatesUnreadable(str(error)) from error
        return self._reprice.request(question)

    def cancel(self) -> bool:
        """End the one that waits or runs; False where there is none."""
        return self._reprice.cancel()


def rates_maintenance(statuses: Sequence[RatesStatus]) -> Sequence[MaintenanceStatus]:
    """How fetching the tables of rates goes, told as a task of maintenance."""
    return [
        MaintenanceStatus(
            f"refresh of rates ({status.source.value})",
            "tables",
            state=TaskState.IDLE if status.error is None else TaskState.FAILED,
            period_s=_DAY_S,
            last_ended_at=status.fetched_at,
            done=0 if status.fetched_at is None else 1,
            error=status.error,
        )
        for status in statuses
        if status.is_fetched_daily
    ]


def _use_new(settings: Settings, use: Callable[[Rates], None]) -> None:
    try:
        found = rates(settings)
        found.usd(EURO, 0)  # the table is read here, and not when the loader or a question needs it
        use(found)
        log.info("new rates are in use")
    except (ConfigError, RatesUnreadable) as error:  # the studio's own file, which was good at the start
        log.warning("new rates are used after the next start", error=str(error))


def _own_rates(settings: Settings) -> OwnRates | None:
    if not settings.money.rates_path:
        return None
    path = Path(settings.money.rates_path)
    try:
        return read_own_rates(path)
    except RatesUnreadable as error:
        raise ConfigError(f"money.rates_path: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"money.rates_path: cannot read {path}: {error}") from error


def _check_addresses(settings: Settings) -> None:
    for name in ("ecb_url", "wide_rates_url"):
        address = getattr(settings.money, name)
        try:
            if address:
                check_address(address)
        except FetchFailed as error:
            raise ConfigError(f"money.{name}: {error}") from error
