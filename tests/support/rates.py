"""Tables of rates as their sources publish them."""

import datetime as dt
import io
import json
import tarfile
import types
import zipfile
from collections.abc import Mapping, Sequence

from questlog.model.clock import SystemClock
from questlog.rates.wide import CURRENCIES

FIRST_DAY = dt.date(2025, 1, 1)


def today() -> dt.date:
    """The machine's, UTC."""
    return dt.date(1970, 1, 1) + dt.timedelta(microseconds=SystemClock().now_us())


def ecb_archive(
    last: dt.date, changed: Mapping[str, Mapping[str, str]] = types.MappingProxyType({}), first: dt.date = FIRST_DAY
) -> bytes:
    """An archive of the ECB: a dollar is 0.8 euros, fourteen other currencies are 2 for a euro; weekends are left out.

    `changed` is by currency, and in it by day (`2025-01-02`): what the cell says instead.
    """
    names = ["USD", *(f"AA{letter}" for letter in "ABCDEFGHIJKLMN"), *sorted(changed.keys() - {"USD"})]
    days = [first + dt.timedelta(days=place) for place in range((last - first).days + 1)]
    lines = ["Date," + ",".join(names) + ","]
    for day in reversed([day for day in days if day.weekday() < 5]):
        cells = [changed.get(name, {}).get(str(day), "1.25" if name == "USD" else "2") for name in names]
        lines.append(f"{day}," + ",".join(cells) + ",")
    return zipped("\n".join(lines) + "\n")


def zipped(text: str) -> bytes:
    """A ZIP archive with one file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", text)
    return content.getvalue()


def wide_table(day: dt.date, **units: object) -> bytes:
    """`usd.json` of the wide table: every currency is 4 for a dollar, the euro 0.8, but for `units`."""
    rates = {currency.lower(): 4 for currency in CURRENCIES} | {"usd": 1, "eur": 0.8, "btc": 0.00001, "sol": 0.005}
    return json.dumps({"date": str(day), "usd": rates | units}).encode()


def package(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A package of npm: a gzipped tar archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def wide_package(day: dt.date, **units: object) -> bytes:
    """A version of the wide table's package."""
    table = wide_table(day, **units)
    return package(
        [
            ("package/index.js", b""),
            ("package/v1/currencies/eur.json", b"{}"),
            ("package/v1/currencies/usd.json", table),
        ]
    )
