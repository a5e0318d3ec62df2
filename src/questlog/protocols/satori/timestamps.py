"""RFC 3339 timestamps as integers: UTC microseconds since 1970 (satori.md §1, "timestamps in")."""

import re
from datetime import date
from functools import lru_cache

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_US = (1 - _EPOCH_DAY) * _DAY_US  # 0001-01-01T00:00:00Z
_LAST_US = (date(9999, 12, 31).toordinal() - _EPOCH_DAY + 1) * _DAY_US - 1
MAX_UNIX_S = _LAST_US // 1_000_000
"""The last second of the year 9999."""

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_MINUTE_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)", re.ASCII)
_LONGEST = len("2026-11-21T19:09:50.123456789+00:00")

# What most clients write after the minute, in two table look-ups: whole seconds, or milliseconds, in UTC.
_SECOND_US = {f":{second:02d}": second * 1_000_000 for second in range(61)}
_TAIL_US = {"Z": 0} | {f".{ms:03d}Z": ms * 1_000 for ms in range(1_000)}


def parse_timestamp(text: str) -> int | None:
    """UTC microseconds, or None if `text` is no RFC 3339 time of the years 1 to 9999.

    `Z` or a numeric offset is required; 0 to 9 digits of a fraction are taken, cut after the sixth. A leap second `:60`
    is the first second of the next minute.
    """
    second_us = _SECOND_US.get(text[16:19])
    tail_us = _TAIL_US.get(text[19:]) if len(text) <= 24 else None
    if second_us is None or tail_us is None:
        return _parse_any(text)
    minute_us = _minute(text[:16])
    return None if minute_us is None else _in_range(minute_us + second_us + tail_us)


def unix_seconds(text: str) -> int | None:
    """Unix seconds written in decimal, or None if `text` is anything else or lies after the year 9999."""
    if len(text) > 12 or not (text.isascii() and text.isdecimal()):
        return None
    seconds = int(text)
    return seconds if seconds <= MAX_UNIX_S else None


def format_timestamp(time_us: int) -> str:
    """RFC 3339 in UTC with six digits of a fraction; `time_us` must lie in the years 1 to 9999."""
    days, rest = divmod(time_us, _DAY_US)
    hour, rest = divmod(rest, _HOUR_US)
    minute, rest = divmod(rest, _MINUTE_US)
    second, micro = divmod(rest, 1_000_000)
    day = date.fromordinal(days + _EPOCH_DAY).isoformat()
    return f"{day}T{hour:02d}:{minute:02d}:{second:02d}.{micro:06d}Z"


def _parse_any(text: str) -> int | None:
    if len(text) > _LONGEST:
        return None
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    minute, second, fraction, sign, offset_hours, offset_minutes = form.groups()
    minute_us = _minute(minute)
    second_us = _SECOND_US.get(":" + second)
    if minute_us is None or second_us is None:
        return None
    time_us = minute_us + second_us + (int(fraction[:6].ljust(6, "0")) if fraction else 0)
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            return None
        offset_us = int(offset_hours) * _HOUR_US + int(offset_minutes) * _MINUTE_US
        time_us += -offset_us if sign == "+" else offset_us
    return _in_range(time_us)


def _in_range(time_us: int) -> int | None:
    return time_us if _FIRST_US <= time_us <= _LAST_US else None


@lru_cache(maxsize=4096)  # the events of a moment share their minute
def _minute(text: str) -> int | None:
    """Microseconds of `YYYY-MM-DDTHH:MM`, or None."""
    form = _MINUTE_FORM.fullmatch(text)
    if form is None:
        return None
    year, month, day, hour, minute = map(int, form.groups())
    if hour > 23 or minute > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:  # a day that no calendar has
        return None
    return days * _DAY_US + hour * _HOUR_US + minute * _MINUTE_US
