"""The time zones that a game's days can be in: those of the IANA database."""

from collections.abc import Sequence
from difflib import get_close_matches
from zoneinfo import available_timezones

from questlog.control.errors import NotAllowed

UTC = "UTC"
MAX_TIME_ZONE = 64
"""Characters. The longest name of the database has 32."""
_NO_ZONES = {"Factory", "localtime"}  # what a machine is set to, or not set to: no place


def checked_time_zone(name: str) -> str:
    """`name`, if it is a zone of the IANA database. Raises `NotAllowed`, which names the nearest one."""
    known = available_timezones() - _NO_ZONES
    if name in known:
        return name
    raise NotAllowed(f"there is no time zone {name[:MAX_TIME_ZONE]!r}{_hint(name, sorted(known))}")


def _hint(name: str, known: Sequence[str]) -> str:
    if len(name) > MAX_TIME_ZONE:
        return ""
    # `berlin` means Europe/Berlin, and `europe/berlin` too.
    by_spelling = {zone.rpartition("/")[2].casefold(): zone for zone in known}
    by_spelling |= {zone.casefold(): zone for zone in known}
    nearest = get_close_matches(name.strip().replace(" ", "_").casefold(), by_spelling, n=1, cutoff=0.5)
    return f"; did you mean {by_spelling[nearest[0]]}?" if nearest else ""
