"""Writes values for people, in their language: numbers, shares, money, durations, days and times."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

from questlog.model.calendar import Zone

NOTHING = "–"
"""What stands for a value that there is not."""

Number: TypeAlias = int | float
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


class Formats:
    """The formats of a language. Every method takes None, and writes it as a dash."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)

    def value(self, value: object, unit: str = "", currency: str = "USD") -> str:
        """A value of a column of this unit."""
        if value is None:
            return NOTHING
        if isinstance(value, dt.datetime):
            return self.time(value)
        if isinstance(value, dt.date):
            return self.day(value)
        if isinstance(value, Decimal):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return str(value)
        writers: Mapping[str, Callable[[Number], str]] = {
            "share": self.share,
            "USD": lambda amount: self.money(amount, currency),
            "s": self.duration,
            "ms": lambda ms: f"{self.number(ms, 0)} ms",
            "%": lambda percent: f"{self.number(percent, 1)} %",
            "B": self.size,
        }
        return writers.get(unit, self.number)(value)

    def number(self, value: Number | None, decimals: int | None = None) -> str:
        """A number with the language's separators; with few decimals where it is no whole one."""
        if value is None:
            return NOTHING
        if decimals is None:
            decimals = 0 if value == int(value) or abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
        pattern = "#,##0" + (f".{'0' * decimals}" if decimals else "")
        return str(format_decimal(value, format=pattern, locale=self._locale))

    def compact(self, value: Number | None) -> str:
        """A number in few characters: 12.3K."""
        if value is None:
            return NOTHING
        if abs(value) < 10_000:
            return self.number(value)
        return str(format_compact_decimal(value, locale=self._locale, fraction_digits=1))

    def share(self, value: Number | None) -> str:
        """A share of 1 as per cent with one decimal."""
        if value is None:
            return NOTHING
        return str(format_percent(value, format="#,##0.0 %", locale=self._locale))

    def change(self, now: Number | None, before: Number | None) -> str:
        """How much more it is than before, as per cent with its sign; a dash where nothing was before."""
        if now is None or not before:
            return NOTHING
        changed = (float(now) - float(before)) / abs(float(before))
        pattern = "+#,##0 %;-#,##0 %" if abs(changed) >= 1 else "+#,##0.0 %;-#,##0.0 %"
        return str(format_percent(changed, format=pattern, locale=self._locale)).replace("-", "\N{MINUS SIGN}")

    def money(self, value: Number | None, currency: str = "USD") -> str:
        """An amount of money; of less than a unit with four decimals."""
        if value is None:
            return NOTHING
        if 0 < abs(value) < 1 and round(float(value), 2) != round(float(value), 4):
            pattern = "¤#,##0.0000" if self.language == "en" else "#,##0.0000 ¤"
            return str(format_currency(value, currency, format=pattern, locale=self._locale, currency_digits=False))
        if abs(value) >= 10_000:  # nobody reads the cents
            value = round(value)
            pattern = "¤#,##0" if self.language == "en" else "#,##0 ¤"
            return str(format_currency(value, currency, format=pattern, locale=self._locale, currency_digits=False))
        return str(format_currency(value, currency, locale=self._locale))

    def duration(self, seconds: Number | None) -> str:
        """A length of time in hours, minutes and seconds: two of them at most."""
        if seconds is None:
            return NOTHING
        if abs(seconds) < _MINUTE_S:
            return f"{self.number(seconds, 0 if seconds == int(seconds) else 1)} s"
        whole = round(abs(float(seconds)))
        sign = "\N{MINUS SIGN}" if seconds < 0 else ""
        if whole < _HOUR_S:
            return f"{sign}{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
        if whole < 2 * _DAY_S:
            return f"{sign}{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
        return f"{sign}{self.number(whole // _HOUR_S)} h"

    def size(self, size_bytes: Number | None) -> str:
        """Bytes in the unit that people would say it in."""
        if size_bytes is None:
            return NOTHING
        amount = float(size_bytes)
        for unit in ("B", "kB", "MB"):
            if abs(amount) < 1000:
                return f"{self.number(amount, 0)} {unit}"
            amount /= 1000
        return f"{self.number(amount, 1)} GB"

    def day(self, day: dt.date | None, form: str = "medium") -> str:
        """A day: `medium`, `full`, or a pattern of CLDR."""
        return NOTHING if day is None else str(format_date(day, form, locale=self._locale))

    def days(self, start: dt.date, end: dt.date) -> str:
        """A period of days, with what both have in common once."""
        if start == end:
            return self.day(start)
        return f"{self.day(start)} \N{EN DASH} {self.day(end)}"

    def time(self, moment: dt.datetime | None, zone: Zone | None = None, form: str = "medium") -> str:
        """A time of the day with its day, in a zone; in UTC without one."""
        if moment is None:
            return NOTHING
        return str(format_datetime(_local(moment, zone), form, locale=self._locale))

    def clock(self, moment: dt.datetime | None, zone: Zone | None = None) -> str:
        """Hours and minutes of a zone."""
        if moment is None:
            return NOTHING
        return str(format_time(_local(moment, zone), "HH:mm", locale=self._locale))

    def moment_us(self, moment_us: int | None, zone: Zone | None = None) -> str:
        """A time of the day with its day, of UTC microseconds; in UTC without a zone."""
        if moment_us is None:
            return NOTHING
        local = _local(dt.datetime.fromtimestamp(moment_us // 1_000_000, dt.UTC), zone)
        return f"{self.day(local.date())} {self.clock(local)}" + (" UTC" if zone is None else "")

    def clock_us(self, moment_us: int, zone: Zone | None = None) -> str:
        """Hours and minutes of a zone, of UTC microseconds."""
        return self.clock(dt.datetime.fromtimestamp(moment_us // 1_000_000, dt.UTC), zone)

    def ago(self, then_us: int, now_us: int) -> str:
        """How long ago, in the unit that people would say it in; both are UTC microseconds."""
        seconds = max(0, now_us - then_us) // 1_000_000
        if seconds < _MINUTE_S:
            return f"{seconds} s"
        if seconds < _HOUR_S:
            return f"{seconds // _MINUTE_S} min"
        return f"{seconds // _HOUR_S} h" if seconds < 2 * _DAY_S else f"{seconds // _DAY_S} d"


def _local(moment: dt.datetime, zone: Zone | None) -> dt.datetime:
    """The wall clock's time of a moment in UTC (marked as such, or not at all)."""
    utc = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    if zone is None:
        return utc.replace(tzinfo=None)
    us = round(utc.timestamp() * 1_000_000)
    return utc.replace(tzinfo=None) + dt.timedelta(microseconds=zone.offset_us(us))
