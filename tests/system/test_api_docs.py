"""The page of the API in a real browser: it shows every route, asks nobody else, and breaks no policy."""

from pathlib import Path

import pytest

from tests.support.browser import find_browser, running_browser
from tests.support.installation import installation

pytestmark = pytest.mark.system


@pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")
def test_the_page_shows_the_routes_of_this_server_and_asks_nobody_else(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as made, running_browser() as browser:
        made.start_run()
        page = browser.new_page()
        asked: list[str] = []
        told: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.goto(f"http://127.0.0.1:{made.console_port}/api/docs")
        page.wait_for_selector(".opblock-summary-path")
        shown = page.locator(".opblock-summary-path").all_inner_texts()
        assert any("funnel" in text for text in shown)
        assert len(shown) > 40
        own = f"http://127.0.0.1:{made.console_port}/"
        assert [url for url in asked if not url.startswith((own, "data:"))] == []
        assert [text for text in told if "Content Security Policy" in text or "Error" in text] == []
