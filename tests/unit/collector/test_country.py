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
        ("8.8.8.8", "unknown", None),
        ("", "", None),
    ],
)
def test_the_first_forwarded_address_counts(
    countries: CountryLookup, client_address: str, forwarded_for: str | None, country: str | None
) -> None:
    assert countries.country(client_address, forwarded_for) == country


def test_headers_that_are_no_addresses_are_not_remembered(countries: CountryLookup) -> None:
    tracemalloc.start()
    try:
        for number in range(1_000):
            assert countries.country("8.8.8.8", f"{number:010000}") is None
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "country.mmdb").write_bytes(b"no database")
    with pytest.raises(CountryDatabaseUnreadable):
        CountryLookup(tmp_path / "country.mmdb")
