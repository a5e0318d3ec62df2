"""Every text of the pages has a translation, and what scripts say is translated too."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from questlog.web.script_texts import TEXTS

ROOT = Path(__file__).parents[2]
WEB = ROOT / "src" / "questlog" / "web"
KEYWORDS = {"_": None, "mark": None, "gettext": None, "translate": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
AS_THE_TEMPLATES_DO = {"**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
FOR_DEVELOPERS = {"components.html", "components.py"}
PLACES = re.compile(r"%\(\w+\)\w|\{\w*\}")


def messages() -> dict[str, str]:
    """The messages of pages and templates, and a file that each is in."""
    found = {}
    for file, _, message, _, _ in extract_from_dir(
        str(WEB), method_map=METHODS, options_map=AS_THE_TEMPLATES_DO, keywords=KEYWORDS
    ):
        text = message if isinstance(message, str) else message[0]
        if Path(file).name not in FOR_DEVELOPERS:
            found[text] = file
    return found


@pytest.mark.parametrize("language", ["de"])
def test_every_text_is_translated_with_the_same_places(language: str) -> None:
    with (WEB / "locale" / f"{language}.po").open("rb") as file:
        catalogue = {
            (entry.id if isinstance(entry.id, str) else entry.id[0]): entry for entry in read_po(file) if entry.id
        }
    missing = {text: file for text, file in messages().items() if text not in catalogue or not catalogue[text].string}
    assert not missing
    for text, entry in catalogue.items():
        strings = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
        for translated in strings:
            assert set(PLACES.findall(translated)) == set(PLACES.findall(text)), text


def test_the_texts_of_scripts_are_those_of_the_source() -> None:
    source = (ROOT / "frontend" / "src" / "texts.ts").read_text(encoding="utf-8")
    assert dict(re.findall(r'^  (\w+): "(.*)",$', source, re.MULTILINE)) == TEXTS
