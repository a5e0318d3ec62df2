"""The rates that an installation has: those that came with it, and those that it fetched into its data directory."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from questlog.rates import ecb, wide
from questlog.rates.ecb import ReferenceRates
from questlog.rates.own import OwnRates
from questlog.rates.rates import Rates, RateSource
from questlog.rates.series import RatesUnreadable
from questlog.rates.wide import DayRates, WideRates


class Attempts(msgspec.Struct, frozen=True):
    """How fetching the rates of one source went; times in UTC microseconds. `error` is that of the last attempt."""

    tried_at: int
    fetched_at: int | None = None
    error: str | None = None


class RatesFiles:
    """The directory where fetched rates are. Written by the server only; read by anyone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reference = directory / "ecb.zip"
        self._wide = directory / "wide.csv"
        self._attempts = directory / "attempts.json"

    def rates(self, own: OwnRates | None, *, has_wide: bool) -> Rates:
        """The rates there are. Raises `RatesUnreadable` for a wide table that cannot be read."""
        return Rates(own, self.reference, self.wide() if has_wide else None)

    def reference(self) -> ReferenceRates:
        """The ECB's rates, the newest there are. Raises `RatesUnreadable`."""
        return ecb.read_table(self._newest_reference()[1])

    def reference_day(self) -> int:
        """Their newest day. Raises `RatesUnreadable`."""
        return self._newest_reference()[0]

    def wide(self) -> WideRates:
        """All days of the wide table. Raises `RatesUnreadable`."""
        text = self._wide_text()
        try:
            return wide.read_days(text)
        except RatesUnreadable as error:
            raise RatesUnreadable(f"{self._wide}: {error}; delete the file, and a new one is begun") from error

    def attempts(self) -> Mapping[RateSource, Attempts]:
        """How fetching went; nothing where nothing was fetched, or where what is written of it cannot be read."""
        try:
            return msgspec.json.decode(self._attempts.read_bytes(), type=dict[RateSource, Attempts])
        except (OSError, msgspec.MsgspecError):
            return {}

    def keep_reference(self, archive: bytes) -> None:
        """Use this archive of the ECB from now on. Raises `OSError`."""
        self._write(self._reference, archive)

    def keep_wide(self, day: DayRates) -> None:
        """Add a day to the wide table. Raises `OSError`, `RatesUnreadable`."""
        self.wide()
        self._write(self._wide, wide.with_day(self._wide_text(), day).encode("ascii"))

    def keep_attempts(self, attempts: Mapping[RateSource, Attempts]) -> None:
        """Write down how fetching went. Raises `OSError`."""
        self._write(self._attempts, msgspec.json.encode(attempts))

    def _newest_reference(self) -> tuple[int, bytes]:
        """The newest day and the archive. One that was fetched and is damaged does not count."""
        archives = [ecb.shipped_table()]
        with contextlib.suppress(FileNotFoundError):
            archives.append(self._reference.read_bytes())
        found = []
        for archive in archives:
            with contextlib.suppress(RatesUnreadable):
                found.append((ecb.newest_day(archive), archive))
        if not found:
            raise RatesUnreadable("the ECB's reference rates that came with the installation cannot be read")
        return max(found, key=lambda each: each[0])

    def _wide_text(self) -> str:
        try:
            return self._wide.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise RatesUnreadable(f"{self._wide} cannot be read: {error}") from error

    def _write(self, path: Path, content: bytes) -> None:
        """All of it or nothing, also when the machine stops."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
