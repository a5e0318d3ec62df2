"""From an address to a country."""

import tracemalloc
from importlib.resources import files
from pathlib import Path

import pytest

from questlog.collector.country import CountryDatabaseUnreadable, CountryLookup


@pytest.fixture(name="countries")
def _countries() -> CountryLookup:
    return CountryLookup(Path(str(files("questlog") / "_built" / "country.mmdb")))


@pytest.mark.parametrize(
    ("client_address", "forwarded_for", "country"),
    [
        ("8.8.8.8", None, "US"),
        ("127.0.0.1", "8.8.8.8", "US"),
        ("127.0.0.1", " 8.8.8.8 , 10.0.0.1", "US"),
        ("127.0.0.1", "8.8.8.8:4711", "US"),
        ("127.0.0.1", "[2001:4860:4860::8888]:4711", "US"),
        ("127.0.0.1", None, None),
        ("127.0.0.1", "unknown, 8.8.8.8", "US"),
        ("127.0.0.1", "10.0.0.1, 8.8.8.8", "US"),
        ("127.0.0.1", "10.0.0.1,192.168.1.5,, fe80::1%eth0, 8.8.8.8, 193.2.1.66", "US"),
        ("127.0.0.1", "::ffff:8.8.8.8", "US"),
        ("127.0.0.1", "::ffff:10.0.0.1, ::FFFF:808:808", "US"),
        ("127.0.0.1", "2002:808:808::1", "US"),
        ("::ffff:8.8.8.8", None, "US"),
        ("8.8.8.8", "unknown", "US"),
        ("8.8.8.8", "10.0.0.1", "US"),
        ("8.8.8.8", "", "US"),
        ("10.0.0.1", "192.168.1.5", None),
        ("", "", None),
        ("", None, None),
    ],
)
def test_the_first_public_address_that_was_forwarded_counts_else_the_peer(
    countries: CountryLookup, client_address: str, forwarded_for: str | None, country: str | None
) -> None:
    assert countries.country(client_address, forwarded_for) == country


class _Everywhere:
    """A database that knows a country of every address, as some do of documentation addresses."""

    def get(self, address: object) -> dict[str, str]:
        assert address is not None
        return {"country_code": "AU"}

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    "address",
    [
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.17.0.1",
        "192.0.2.1",
        "192.168.1.5",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
        "8.8.8.8.8",
    ],
)
def test_an_address_that_is_nobodys_has_no_country_whatever_the_database_says(
    countries: CountryLookup, address: str
) -> None:
    countries._reader.close()
    countries._reader = _Everywhere()  # type: ignore[assignment]
    assert countries.country(address, None) is None
    assert countries.country("127.0.0.1", address) is None
    assert countries.country("127.0.0.1", f"{address}, 8.8.8.8") == "AU"


def test_only_so_many_forwards_are_looked_at(countries: CountryLookup) -> None:
    assert countries.country("127.0.0.1", "10.0.0.1," * 15 + "8.8.8.8") == "US"
    assert countries.country("127.0.0.1", "10.0.0.1," * 30_000 + "8.8.8.8") is None


def test_headers_that_are_no_addresses_are_not_remembered(countries: CountryLookup) -> None:
    tracemalloc.start()
    try:
        for number in range(1_000):
            assert countries.country("127.0.0.1", f"{number:010000}") is None
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "country.mmdb").write_bytes(b"no database")
    with pytest.raises(CountryDatabaseUnreadable):
        CountryLookup(tmp_path / "country.mmdb")
