"""The machine's own browser, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str | None:
    """The path of a Chromium of this machine, by the names it has on the PATH or among a Mac's applications."""
    return next(filter(None, map(shutil.which, (*_NAMES, *_MAC_APPLICATIONS))), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless browser. Raises `FileNotFoundError` where the machine has none; `.ci/run` installs it."""
    path = find_browser()
    if path is None:
        raise FileNotFoundError(f"no browser on the PATH by any of the names {', '.join(_NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
