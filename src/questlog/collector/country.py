"""The country of an address, from an MMDB file. The address itself goes no further than this module."""

import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import maxminddb

_CACHED_ADDRESSES = 16_384  # some 4 MB
_COUNTRY_CODE_LENGTH = 2
_LONGEST_ADDRESS = 64  # an IPv6 address has 45 characters at most, and may name a zone
_MOST_FORWARDS = 16

_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that is given out; ULA, link-local and multicast lie outside
_DOCUMENTATION_V6 = ipaddress.IPv6Network("3fff::/20")  # RFC 9637, younger than Python 3.11

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CountryDatabaseUnreadable(Exception):
    """The configured file is missing or is no MMDB file."""


class _Origin(NamedTuple):
    is_public: bool
    country: str | None


_NOWHERE = _Origin(is_public=False, country=None)


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

        `forwarded_for` is the header X-Forwarded-For. Its first globally routable address counts, since a server may
        submit on a player's behalf (gameanalytics.md §1.1, satori.md §1), and `client_address` where it has none.
        """
        if forwarded_for:
            for text in forwarded_for.split(",", _MOST_FORWARDS)[:_MOST_FORWARDS]:
                origin = self._origin(_bare(text))
                if origin.is_public:
                    return origin.country
        return self._origin(client_address).country

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def _origin(self, text: str) -> _Origin:
        # A stranger writes the header: what is no address must not fill the cache.
        return self._cached(text) if len(text) <= _LONGEST_ADDRESS else _NOWHERE

    def _look_up(self, text: str) -> _Origin:
        try:
            address = _unmapped(ipaddress.ip_address(text))
            if not _is_public(address):
                return _NOWHERE
            return _Origin(True, _country_code(self._reader.get(address)))
        except ValueError:  # no address, or of a family that the database does not hold
            return _NOWHERE


def _bare(text: str) -> str:
    """The address without white space, brackets or port: `[::1]:80`, `1.2.3.4:80`."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _unmapped(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for: `::ffff:8.8.8.8`, and 6to4's `2002:808:808::`."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: _Address) -> bool:
    """Whether routers pass it on: private, shared, reserved and documentation addresses are nobody's."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_global and address in _PUBLIC_V6 and address not in _DOCUMENTATION_V6
    return address.is_global and not address.is_multicast


def _country_code(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    nested = entry.get("country")
    code = entry.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else None)
    return code if isinstance(code, str) and len(code) == _COUNTRY_CODE_LENGTH else None
