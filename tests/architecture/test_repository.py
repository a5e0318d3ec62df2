"""What may be in the repository, and how the house is kept."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

REFUSED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "misc", "shared"}

# Written so that this file does not hold what it looks for.
REGISTRIES = re.compile(r"pypi[.](?:org|python)|files[.]pythonhosted|registry[.](?:npm|yarn)")
MACHINE_PATHS = re.compile(r"(?<![\w.%*/-])[/](?:home|Users|root|work)/[\w.]|/tmp[/]venv")
ADDRESS = re.compile(r"\bhttps?://")

# Recorded from strangers' machines, kept byte for byte.
RECORDED = ("tests/corpus/",)


def committed_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def committed_lines() -> Iterator[tuple[str, str]]:
    """(place, line) of every line of text that we wrote."""
    for name in committed_files():
        if name.startswith(RECORDED):
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            yield f"{name}:{number}", line


def test_no_committed_file_holds_a_registry_address() -> None:
    assert [place for place, line in committed_lines() if REGISTRIES.search(line)] == []


def test_no_committed_file_holds_a_path_of_a_machine() -> None:
    own = f"{ROOT.parent}/" if len(ROOT.parent.parts) > 2 else "\0"  # "/tmp/" alone names no machine
    assert [place for place, line in committed_lines() if MACHINE_PATHS.search(line) or own in line] == []


def test_lock_files_hold_no_addresses_but_hashes() -> None:
    locks = [name for name in committed_files() if name.endswith((".lock", "package-lock.json"))]
    assert len(locks) >= 5
    for name in locks:
        text = (ROOT / name).read_text()
        assert not ADDRESS.search(text), name
        assert "--hash=sha256:" in text or '"integrity": "sha512-' in text, name


@pytest.mark.parametrize("host", [("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org")])
def test_a_registry_address_would_be_found(host: tuple[str, ...]) -> None:
    assert REGISTRIES.search(f'"resolved": "https://{".".join(host)}/simple"')


@pytest.mark.parametrize(
    "path", [("", "home", "ada"), ("", "Users", "ada"), ("", "work", "x"), ("", "tmp", "venv", "bin")]
)
def test_a_path_of_a_machine_would_be_found(path: tuple[str, ...]) -> None:
    assert MACHINE_PATHS.search(f'DATA = "{"/".join(path)}"')


def python_files() -> list[Path]:
    return [ROOT / name for name in committed_files() if name.startswith(("src/", "tests/")) and name.endswith(".py")]


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {path.relative_to(ROOT): {path.stem, *path.relative_to(ROOT).parent.parts} for path in python_files()}
    assert [path for path, names in named.items() if names & REFUSED_NAMES] == []


def test_every_init_file_is_only_a_docstring() -> None:
    inits = [path for path in python_files() if path.name == "__init__.py"]
    assert len(inits) > 5
    assert [path for path in inits if not is_only_a_docstring(path.read_text())] == []


def is_only_a_docstring(source: str) -> bool:
    tree = ast.parse(source)
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None


@pytest.mark.parametrize("source", ["", "import os", '"""Words."""\nimport os'])
def test_more_or_less_than_a_docstring_would_be_found(source: str) -> None:
    assert not is_only_a_docstring(source)
