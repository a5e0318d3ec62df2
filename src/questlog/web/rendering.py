"""Values as the status page writes them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def age(then_us: int, now_us: int) -> str:
    """How long ago, in the unit that people would say it in; both are UTC microseconds."""
    seconds = max(0, now_us - then_us) // 1_000_000
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3_600:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3_600} h ago" if seconds < 48 * 3_600 else f"{seconds // 86_400} days ago"


def count(number: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def rate(per_s: float) -> str:
    """Events per second, with decimals where there are few."""
    if per_s == 0:
        return "0"
    return f"{per_s:.2f}" if per_s < 10 else count(round(per_s))


def size(size_bytes: int) -> str:
    """Bytes in the unit that people would say it in."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def clock_time(us: int) -> str:
    """Hours and minutes in UTC."""
    return (_EPOCH + timedelta(microseconds=us)).strftime("%H:%M")


def utc(us: int) -> str:
    """RFC 3339 in UTC, to the second."""
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")


FILTERS = {"age": age, "count": count, "rate": rate, "size": size, "clock_time": clock_time, "utc": utc}
"""The filters of its template."""
