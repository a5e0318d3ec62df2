"""What an installation carries besides Python."""

import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import maxminddb
import pytest

ROOT = Path(__file__).parents[2]

# Addresses that their owners have announced from one country for many years.
COUNTRIES = {
    "8.8.8.8": "US",
    "193.99.144.80": "DE",
    "200.160.2.3": "BR",
    "210.171.226.40": "JP",
    "77.88.8.8": "RU",
    "2001:4860:4860::8888": "US",
}


def build_wheel(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", target, source],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What a wheel is built from, with a small file in place of the country database."""
    folder = tmp_path / "source"
    package = folder / "src" / "questlog"
    package.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore", "frontend/require_built.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "src" / "questlog" / "__init__.py", package)
    (package / "_built" / "api-docs").mkdir(parents=True)
    (package / "_built" / "country.mmdb").write_bytes(b"countries")
    for name in ("index.html", "start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        (package / "_built" / "api-docs" / name).write_bytes(b"docs")
    (package / "_built" / "web").mkdir()
    for name in ("manifest.json", "THIRD_PARTY.txt", "main-ABC.js.br"):
        (package / "_built" / "web" / name).write_bytes(b"web")
    return folder


def test_the_country_database_is_there_and_knows_countries() -> None:
    with maxminddb.open_database(str(files("questlog") / "_built" / "country.mmdb")) as database:
        assert {address: database.get(address) for address in COUNTRIES} == {
            address: {"country_code": country} for address, country in COUNTRIES.items()
        }


def test_the_wheel_carries_the_commit_that_it_was_built_from(source: Path, tmp_path: Path) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=source, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True).stdout
    assert build_wheel(source, tmp_path / "dist").returncode == 0
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("questlog/_built/commit") == commit
    assert not list(source.rglob(".commit"))


def test_the_wheel_carries_the_front_end_build_and_the_licences(source: Path, tmp_path: Path) -> None:
    done = build_wheel(source, tmp_path / "dist")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    assert {"country.mmdb", "LICENSE", "NOTICE", "manifest.json", "THIRD_PARTY.txt", "main-ABC.js.br"} <= names


def test_a_wheel_without_the_front_end_build_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "src" / "questlog" / "_built" / "country.mmdb").unlink()
    done = build_wheel(source, tmp_path / "dist")
    assert done.returncode != 0
    assert "src/questlog/_built/country.mmdb: run `make wheel`" in done.stdout + done.stderr
