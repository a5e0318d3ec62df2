"""`make pictures`: a picture of every page of the navigation, in both themes and both widths, into docs/pictures/.

A server with the demo game is started for it and ended after it.
"""

import base64
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support.browser import running_browser
from tests.support.installation import Installation

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
THEMES = ("light", "dark")
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
QUALITY = 55
_MOST_WAIT_S = 30


@contextmanager
def demo_server(players: int) -> Iterator[tuple[str, str]]:
    """The address of a server with the demo game, and an owner's token."""
    with tempfile.TemporaryDirectory() as folder:
        server = Installation(Path(folder) / "data")
        try:
            server.start_run(is_sandbox=False)
            server.command("demo", "--players", str(players))
            token = json.loads(server.command("token", "create", "Ada", "--role", "owner").stdout)["token"]
            yield f"http://127.0.0.1:{server.console_port}", token
        finally:
            server.kill_everything()


def settle(page: Page) -> None:
    """Wait until the cards in view have come and are drawn."""
    until = time.monotonic() + _MOST_WAIT_S
    while page.locator("[data-card] .skeleton").count() and time.monotonic() < until:
        page.wait_for_timeout(100)
    page.wait_for_timeout(400)


def take(page: Page, path: Path) -> None:
    """What is in view, as WebP."""
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    path.write_bytes(base64.b64decode(shot["data"]))
    session.detach()


def pictures_of(browser: Browser, address: str, token: str, theme: str, wanted: list[str]) -> None:
    """All pages in one theme."""
    context = browser.new_context(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/login#token={token}")
    page.wait_for_url("**/overview")
    links = [link.get_attribute("href") or "" for link in page.locator("nav.side .side-list a").all()]
    for link in links:
        name = link.partition("?")[0].rsplit("/", 1)[-1]
        if wanted and name not in wanted:
            continue
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.goto(address + link)
            settle(page)
            take(page, FOLDER / f"{name}-{size}-{theme}.webp")
    context.close()


def main(wanted: list[str]) -> None:
    """Take the pictures of these pages; of all without any."""
    FOLDER.mkdir(exist_ok=True)
    with demo_server(players=1_200) as (address, token), running_browser() as browser:
        for theme in THEMES:
            pictures_of(browser, address, token, theme, wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
