"""Fetching new rates once a day, in a thread of its own."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import structlog

from questlog.model.clock import Clock
from questlog.rates import ecb, wide
from questlog.rates.download import FetchFailed
from questlog.rates.files import Attempts, RatesFiles
from questlog.rates.rates import RateSource
from questlog.rates.series import RatesUnreadable

Fetch = Callable[[], bytes]

_S_US = 1_000_000
_DAY_US = 86_400 * _S_US
# A little less than a day: the time of day at which rates are fetched must not move on by what a fetch takes.
_AGAIN_US = 23 * 3600 * _S_US
_RETRY_US = 3600 * _S_US
_LOOK_S = 60.0

_log = structlog.get_logger(__name__)


class Sources(NamedTuple):
    """How each table is fetched; `wide` is None where it is not used."""

    reference: Fetch
    wide: Fetch | None = None


class RatesRefresh:
    """Fetches tables of rates, checks them, keeps them in the data directory, and tells who uses them.

    A table is due a day after it was fetched, and an hour after an attempt that failed; both are remembered over a
    restart.
    """

    def __init__(self, files: RatesFiles, sources: Sources, on_new_rates: Callable[[], object], clock: Clock) -> None:
        """`on_new_rates` is called in this thread after new rates were written."""
        self._files = files
        self._sources = sources
        self._on_new_rates = on_new_rates
        self._clock = clock
        self._attempts = dict(files.attempts())
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Fetch in a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self.run, name="rates", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing any more. A fetch that hangs is left alone: files are replaced as a whole or not at all."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def run(self) -> None:
        """Look whether a table is due, until `stop` is called."""
        while not self._is_stopping.is_set():
            self.step()
            self._is_stopping.wait(_LOOK_S)

    def step(self) -> None:
        """Fetch what is due. Raises nothing: a failure is written down and tried again."""
        fetches = {RateSource.ECB: self._fetch_reference}
        fetch_wide = self._sources.wide
        if fetch_wide is not None:
            fetches[RateSource.WIDE] = lambda today: self._keep_wide(fetch_wide(), today)
        has_new = False
        for source, fetch in fetches.items():
            now_us = self._clock.now_us()
            if self._is_stopping.is_set() or not _is_due(self._attempts.get(source), now_us):
                continue
            self._attempts[source] = self._attempt(source, fetch, self._attempts.get(source), now_us)
            has_new |= self._attempts[source].error is None
            self._write_down()
        if has_new:
            self._on_new_rates()

    def _attempt(
        self, source: RateSource, fetch: Callable[[int], None], last: Attempts | None, now_us: int
    ) -> Attempts:
        try:
            fetch(now_us // _DAY_US)
        except (FetchFailed, RatesUnreadable, OSError) as error:
            _log.warning("rates cannot be fetched", source=source.value, error=str(error))
            return Attempts(now_us, None if last is None else last.fetched_at, str(error))
        _log.info("rates fetched", source=source.value)
        return Attempts(now_us, now_us)

    def _fetch_reference(self, today: int) -> None:
        archive = self._sources.reference()
        ecb.checked_table(archive, self._files.reference_day(), today)
        self._files.keep_reference(archive)

    def _keep_wide(self, package: bytes, today: int) -> None:
        rates = wide.read_package(package)
        euro = self._files.reference().usd(ecb.EURO, rates.day)
        self._files.keep_wide(wide.checked_day(rates, float(euro or 0), today))

    def _write_down(self) -> None:
        try:
            self._files.keep_attempts(self._attempts)
        except OSError as error:
            _log.warning("cannot write down how fetching rates went", error=str(error))


def _is_due(last: Attempts | None, now_us: int) -> bool:
    """Due also where the last attempt lies in the future: the clock was set back."""
    if last is None or last.tried_at > now_us:
        return True
    return now_us - last.tried_at >= (_AGAIN_US if last.error is None else _RETRY_US)
