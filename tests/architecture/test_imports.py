"""Every import contract of pyproject.toml, seen red."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS: dict[str, str] = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# What breaks a contract: its id, and the files that do it.
OFFENCES: dict[str, tuple[str, dict[str, str]]] = {
    "a lower room imports a higher one": ("layers", {"store/offence.py": "import questlog.loader"}),
    "a lower room imports a higher one in a function": (
        "layers",
        {"journal/offence.py": "def late() -> None:\n    import questlog.collector"},
    ),
    "a room imports its sibling": ("layers", {"collector/offence.py": "import questlog.loader"}),
    "one part of the journal and the store know each other": (
        "layers",
        {"journal/offence.py": "import questlog.store"},
    ),
    "there is a new module without a layer": ("layers", {"utils.py": ""}),
    "there is a new package without a layer": ("layers", {"utils/__init__.py": "", "utils/text.py": ""}),
    "the words of a question know an engine": (
        "analytics",
        {"analytics/question/offence.py": "import questlog.analytics.engine.compile"},
    ),
    "analytics has a module outside its rooms": ("analytics", {"analytics/more.py": ""}),
    "the model imports another room": ("model", {"model/offence.py": "import questlog.protocols"}),
    "the model reads files": ("model", {"model/offence.py": "from pathlib import Path"}),
    "a protocol asks a clock": ("protocols", {"protocols/offence.py": "from time import monotonic"}),
    "a protocol opens sockets": ("protocols", {"protocols/offence.py": "import socket"}),
    "a protocol gets at a clock through the model": (
        "protocols",
        {"protocols/offence.py": "import questlog.model.offence", "model/offence.py": "import time"},
    ),
    "the loader talks to the engine": ("engine", {"loader/offence.py": "import duckdb"}),
    "a command talks to the engine": ("engine", {"cli/offence.py": "from duckdb import connect"}),
    "the API talks to the control database": ("database", {"api/offence.py": "from sqlalchemy import select"}),
    "the collector imports Arrow": ("small-collector", {"collector/offence.py": "import pyarrow"}),
    "the collector imports numpy through the journal": (
        "small-collector",
        {"collector/offence.py": "import questlog.journal.offence", "journal/offence.py": "import numpy"},
    ),
    "the pipeline knows an operation": ("pipeline", {"collector/limits.py": "import questlog.collector.satori"}),
    "one protocol's table knows the other's": (
        "pipeline",
        {"collector/events.py": "import questlog.collector.gameanalytics"},
    ),
    "the console layer imports the API": ("layers", {"console/offence.py": "import questlog.api"}),
    "a page imports the API": ("layers", {"web/offence.py": "import questlog.api"}),
    "the console layer knows the web framework": ("console", {"console/offence.py": "from litestar import Request"}),
    "the console layer knows templates": ("console", {"console/offence.py": "import jinja2"}),
    "the console layer knows the server": ("console", {"console/offence.py": "import granian"}),
    "the console layer knows HTTP": ("console", {"console/offence.py": "from http import HTTPStatus"}),
    "the collector reads the settings": ("settings", {"collector/offence.py": "import questlog.config"}),
}


def verdicts(folder: Path, offence: dict[str, str]) -> dict[str, str]:
    """What import-linter says of a copy of the sources with `offence` in it: KEPT or BROKEN by a contract's name."""
    package = folder / "src" / "questlog"
    shutil.copytree(ROOT / "src" / "questlog", package, ignore=shutil.ignore_patterns("__pycache__", "_built"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, text in offence.items():
        file = package / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    words = " ".join(done.stdout.split())
    found = {
        name: verdict for name in CONTRACTS.values() for verdict in ("KEPT", "BROKEN") if f"{name} {verdict}" in words
    }
    assert found, done.stdout + done.stderr
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The verdicts on the sources as they are."""
    return verdicts(tmp_path_factory.mktemp("kept"), {})


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_sources_keep_the_contract(contract: str, kept: dict[str, str]) -> None:
    assert kept[CONTRACTS[contract]] == "KEPT"


@pytest.mark.parametrize(("contract", "offence"), OFFENCES.values(), ids=OFFENCES)
def test_the_contract_is_broken_when(
    contract: str, offence: dict[str, str], tmp_path: Path, kept: dict[str, str]
) -> None:
    found = verdicts(tmp_path, offence)
    assert kept[CONTRACTS[contract]] == "KEPT"
    assert found[CONTRACTS[contract]] == "BROKEN"


def test_every_contract_has_an_offence() -> None:
    assert {contract for contract, _ in OFFENCES.values()} == set(CONTRACTS)
