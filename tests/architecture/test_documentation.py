"""The pages that people read point at pages that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK_TO_PART = re.compile(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")
PICTURE = re.compile(r'<img src="(?!https?://)([^"]+)"')


def broken_links(page: Path) -> list[str]:
    text = page.read_text()
    targets = [*LINK.findall(text), *PICTURE.findall(_FENCED.sub("", text))]
    return [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('[here](page.md) [there](gone.md#part) [outside](https://example.com/gone) <img src="gone.png">')
    assert broken_links(page) == ["gone.md", "gone.png"]


def anchors(page: Path) -> set[str]:
    """What a heading of the page can be linked by, as GitHub makes it."""
    headings = re.findall(r"^#+ +(.+?) *$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()) for heading in headings]
    return {text.replace(" ", "-") for text in plain}


def links_to_no_heading(page: Path) -> list[str]:
    text = _FENCED.sub("", page.read_text())
    found = [(target, page.parent / target if target else page, part) for target, part in LINK_TO_PART.findall(text)]
    return [f"{target}#{part}" for target, file, part in found if file.exists() and part not in anchors(file)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    assert links_to_no_heading(page) == []


def test_a_link_to_a_heading_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Money, `usd`\n```\n# A comment\n```\n[here](#money-usd) [there](page.md#gone) [no](#a-comment)")
    assert links_to_no_heading(page) == ["page.md#gone", "#a-comment"]


@pytest.mark.parametrize("folder", ["reference", "guides/sdks"])
def test_every_page_is_in_the_table_of_contents_of_its_folder(folder: str) -> None:
    contents = (ROOT / "docs" / folder / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    assert pages
    assert sorted(name for name in pages if f"]({name})" not in contents) == []
