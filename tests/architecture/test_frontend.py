"""The front-end build: how much a browser loads, and from whom."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

WEB = Path(str(files("questlog") / "_built" / "web"))

MANIFEST: dict[str, Any] = json.loads((WEB / "manifest.json").read_text())

EVERY_PAGE = ("main.js", "main.css")


def loaded(*sources: str) -> set[str]:
    """The files that a browser loads for these sources."""
    entries = [MANIFEST["entries"][source] for source in sources]
    return {name for entry in entries for name in (entry["file"], *entry["imports"])}


def kilobytes(names: set[str]) -> float:
    """As browsers get them: with brotli."""
    sizes = [MANIFEST["sizes"][name] for name in names]
    return float(sum(size.get("br", size["bytes"]) for size in sizes)) / 1000


@pytest.mark.parametrize(
    ("sources", "budget"),
    [
        (EVERY_PAGE, 60),
        ((*EVERY_PAGE, "time-series.js"), 240),
        ((*EVERY_PAGE, "time-series.js", "forms.js"), 310),
        ((*EVERY_PAGE, "sql.js"), 160),
    ],
)
def test_a_page_loads_no_more_than_its_budget(sources: tuple[str, ...], budget: int) -> None:
    assert kilobytes(loaded(*sources)) <= budget


def test_the_licences_of_bundled_packages_are_in_the_build() -> None:
    text = (WEB / "THIRD_PARTY.txt").read_text()
    assert all(f"\n{name} " in text for name in ("htmx.org", "swagger-ui-dist"))


def test_every_file_is_in_the_manifest_with_its_size() -> None:
    built = {path.name for path in WEB.iterdir() if path.suffix in {".css", ".js", ".svg"}}
    assert built == set(MANIFEST["sizes"])
    assert all((WEB / name).stat().st_size == size["bytes"] for name, size in MANIFEST["sizes"].items())


def test_styles_load_nothing_from_elsewhere() -> None:
    (style,) = loaded("main.css")
    assert re.findall(r"@import|https?://", (WEB / style).read_text()) == []
