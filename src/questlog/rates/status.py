"""How old the rates are, and whether fetching them goes well: for `questlog doctor`, the status page and `/metrics`."""

import datetime
import threading
from collections.abc import Mapping, Sequence

import msgspec

from questlog.model.clock import Clock
from questlog.rates.files import Attempts, RatesFiles
from questlog.rates.rates import RateSource
from questlog.rates.series import RatesUnreadable, date_of

_DAY_US = 86_400_000_000
_FRESH_US = 30_000_000
# Over Easter and the turn of the year the ECB publishes nothing for five days.
_OLD_DAYS: Mapping[RateSource, int] = {RateSource.ECB: 7, RateSource.WIDE: 3}
_NAMES: Mapping[RateSource, str] = {RateSource.ECB: "the ECB's reference rates", RateSource.WIDE: "the wide table"}


class RatesStatus(msgspec.Struct, frozen=True):
    """One table of rates. `age_days` counts from its newest day to today (UTC); null without a table.

    `error` is why the last attempt to fetch it failed; `fetched_at` is in UTC microseconds.
    """

    source: RateSource
    is_approximate: bool
    is_fetched_daily: bool
    newest_day: datetime.date | None
    age_days: int | None
    fetched_at: int | None
    error: str | None

    @property
    def problem(self) -> str | None:
        """What is wrong with it, one line; None when it is as it should be."""
        name = _NAMES[self.source]
        if self.age_days is None:
            return f"{name} is missing: {self.error or 'it has not been fetched yet'}"
        if self.error is not None:
            return f"{name}: {self.described}; fetching new ones fails: {self.error}"
        if self.age_days > _OLD_DAYS[self.source]:
            advice = "" if self.is_fetched_daily else "; switch on money.refresh, or install a newer version"
            return f"{name}: {self.described}{advice}"
        return None

    @property
    def described(self) -> str:
        """How new the rates are, in words."""
        if self.age_days is None:
            return "none"
        return f"rates up to {self.newest_day}, {self.age_days} {'day' if self.age_days == 1 else 'days'} old"


class RatesMonitor:
    """The tables in use, by what is in the files. Asks no other machine."""

    def __init__(self, files: RatesFiles, clock: Clock, *, has_wide: bool, is_fetched_daily: bool) -> None:
        self._files = files
        self._clock = clock
        self._sources = [RateSource.ECB, RateSource.WIDE] if has_wide else [RateSource.ECB]
        self._is_fetched_daily = is_fetched_daily
        self._lock = threading.Lock()
        self._read_at: int | None = None
        self._last: Sequence[RatesStatus] = []

    def status(self) -> Sequence[RatesStatus]:
        """One entry a table, at most half a minute old. From any thread."""
        with self._lock:
            now_us = self._clock.now_us()
            if self._read_at is None or not 0 <= now_us - self._read_at < _FRESH_US:
                attempts = self._files.attempts() if self._is_fetched_daily else {}
                self._last = [self._status(source, attempts.get(source), now_us) for source in self._sources]
                self._read_at = now_us
            return self._last

    def _status(self, source: RateSource, attempt: Attempts | None, now_us: int) -> RatesStatus:
        error = None if attempt is None else attempt.error
        newest: int | None = None
        try:
            newest = self._files.reference_day() if source is RateSource.ECB else self._files.wide().newest_day
        except (RatesUnreadable, OSError) as unreadable:
            error = str(unreadable)
        return RatesStatus(
            source=source,
            is_approximate=source is RateSource.WIDE,
            is_fetched_daily=self._is_fetched_daily,
            newest_day=None if newest is None else date_of(newest),
            age_days=None if newest is None else max(now_us // _DAY_US - newest, 0),
            fetched_at=None if attempt is None else attempt.fetched_at,
            error=error,
        )
