from pathlib import Path

import pytest

from questlog.cli.main import COMMANDS
from questlog.cli.reference import PAGES, cli_page, settings_page
from questlog.config import section_types, setting_infos

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_generated_pages_are_current(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run `python -m questlog.cli.reference`"


def test_every_setting_is_on_the_page_with_its_default() -> None:
    page = settings_page()
    for section in section_types():
        for info in setting_infos(section):
            default = str(info.default).lower() if isinstance(info.default, bool) else str(info.default)
            shown = f"`{default}`" if default else "(empty)"
            assert f"| `{info.key}` | {shown} |" in page


def test_every_command_is_on_the_page() -> None:
    page = cli_page()
    for name in [*COMMANDS, "game create", "game rotate-secret", "api-key revoke", "token create", "user create"]:
        assert f"\n## questlog {name}\n" in page
