"""The browser that other tests use runs, and takes the GameAnalytics SDK that the front end's lock file pins."""

from pathlib import Path

import pytest

from tests.support.browser import find_browser, running_browser

ROOT = Path(__file__).parents[2]
SDK = ROOT / "frontend" / "node_modules" / "gameanalytics" / "dist" / "GameAnalytics.min.js"

pytestmark = pytest.mark.system


@pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")
def test_the_browser_loads_the_gameanalytics_sdk() -> None:
    with running_browser() as browser:
        page = browser.new_page()
        page.set_content("<h1>A game</h1>")
        page.add_script_tag(path=SDK)
        assert page.evaluate("typeof gameanalytics.GameAnalytics.initialize") == "function"
