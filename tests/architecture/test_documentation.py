"""The pages that people read point at pages that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")


def broken_links(page: Path) -> list[str]:
    return [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](page.md) [there](gone.md#part) [outside](https://example.com/gone)")
    assert broken_links(page) == ["gone.md"]


def test_every_page_of_the_reference_is_in_its_table_of_contents() -> None:
    contents = (ROOT / "docs" / "reference" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs" / "reference").glob("*.md")} - {"README.md"}
    assert pages
    assert sorted(name for name in pages if f"]({name})" not in contents) == []
