"""The country of an address, from an MMDB file. The address itself goes no further than this module."""

import ipaddress
from functools import lru_cache
from pathlib import Path

import maxminddb

_CACHED_ADDRESSES = 16_384  # some 4 MB
_COUNTRY_CODE_LENGTH = 2
_LONGEST_ADDRESS = 64  # an IPv6 address has 45 characters at most, and may name a zone


class CountryDatabaseUnreadable(Exception):
    """The configured file is missing or is no MMDB file."""


class CountryLookup:
    """Countries by address, from a database with a `country_code` or MaxMind's `country.iso_code`.

    Raises `CountryDatabaseUnreadable` when the file cannot be opened.
    """

    def __init__(self, database: Path) -> None:
        try:
            self._reader = maxminddb.open_database(str(database), maxminddb.MODE_MMAP)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise CountryDatabaseUnreadable(f"{database}: {error}") from None
        self._cached = lru_cache(_CACHED_ADDRESSES)(self._look_up)

    def country(self, client_address: str, forwarded_for: str | None) -> str | None:
        """ISO 3166 alpha-2 code, or None where unknown.

        `forwarded_for` is the header X-Forwarded-For; its first entry is the player's address, since a server may
        submit on a player's behalf (gameanalytics.md §1.1, satori.md §1).
        """
        text = _bare(forwarded_for.partition(",")[0]) if forwarded_for else client_address
        # A stranger writes the header: what is no address must not fill the cache.
        return self._cached(text) if len(text) <= _LONGEST_ADDRESS else None

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def _look_up(self, text: str) -> str | None:
        try:
            entry = self._reader.get(ipaddress.ip_address(text))
        except ValueError:  # no address, or of a family that the database does not hold
            return None
        return _country_code(entry)


def _bare(text: str) -> str:
    """The address without white space, brackets or port: `[::1]:80`, `1.2.3.4:80`."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _country_code(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    nested = entry.get("country")
    code = entry.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else None)
    return code if isinstance(code, str) and len(code) == _COUNTRY_CODE_LENGTH else None
