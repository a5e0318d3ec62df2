"""Pages with the SDKs of npm in them, as published, served to a browser; the address is changed as the guides say."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_ROOT = Path(__file__).parents[2]
PACKAGES = _ROOT / "frontend" / "node_modules"
_GAMEANALYTICS = PACKAGES / "gameanalytics" / "dist"
_SATORI = PACKAGES / "@heroiclabs" / "satori-js" / "dist" / "satori-js.iife.js"
_GUIDE = _ROOT / "docs" / "guides" / "sdks" / "javascript.md"
_LINES = re.compile(r"^ *const api = .*?^ *api\.remoteConfigsBaseUrl = .*?$", re.MULTILINE | re.DOTALL)
_HOST_OF_THE_GUIDE = "https://quest.example.org"
_HEAD = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'

FORMS = {
    "a script": "GameAnalytics.min.js",
    "the script for debugging": "GameAnalytics.debug.js",
    "the script of Construct": "GameAnalytics.construct.js",
    "a module of a bundle": "GameAnalytics.node.js",
}
"""How the package is used, and the file of it."""


def address_lines(collector_port: int) -> str:
    """The guide's lines, for a collector on this machine. Raises `ValueError` where the guide has none."""
    found = _LINES.search(_GUIDE.read_text())
    if found is None or _HOST_OF_THE_GUIDE not in found.group():
        raise ValueError(f"{_GUIDE} has no lines that change the address to {_HOST_OF_THE_GUIDE}")
    return found.group().replace(_HOST_OF_THE_GUIDE, f"http://127.0.0.1:{collector_port}")


@contextlib.contextmanager
def sdk_page(collector_port: int, form: str = "a script") -> Iterator[str]:
    """The address of a page with the GameAnalytics SDK, not initialized yet."""
    sdk = (_GAMEANALYTICS / FORMS[form]).read_text()
    if form == "a module of a bundle":
        sdk = f"window.gameanalytics = ((module) => {{ {sdk}\n; return module.exports; }})({{exports: {{}}}});"
    page = f'{_HEAD}<script src="sdk.js"></script><script>{address_lines(collector_port)}</script>'
    with _served(page, sdk) as url:
        yield url


@contextlib.contextmanager
def queued_sdk_page(collector_port: int, queued: Sequence[Sequence[object]]) -> Iterator[str]:
    """A page that queues calls of `GameAnalytics` before the SDK is there, and loads the SDK asynchronously."""
    page = f"""{_HEAD}<script>
        window.GameAnalytics = function () {{ (GameAnalytics.q = GameAnalytics.q || []).push(arguments); }};
        for (const call of {json.dumps(queued)}) GameAnalytics(...call);
        const script = document.createElement("script");
        script.src = "sdk.js";
        script.onload = () => {{ {address_lines(collector_port)} }};
        document.head.append(script);
    </script>"""
    with _served(page, (_GAMEANALYTICS / FORMS["a script"]).read_text()) as url:
        yield url


@contextlib.contextmanager
def satori_page() -> Iterator[str]:
    """The address of a page with Satori's client, `satorijs`; its constructor takes the address."""
    with _served(f'{_HEAD}<script src="sdk.js"></script>', _SATORI.read_text()) as url:
        yield url


@contextlib.contextmanager
def _served(page: str, sdk: str) -> Iterator[str]:
    """The page on another origin than the collector's, so that browsers ask before they send."""
    files: Mapping[str, tuple[str, bytes]] = {
        "/": ("text/html", page.encode()),
        "/sdk.js": ("text/javascript; charset=utf-8", sdk.encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            media_type, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
