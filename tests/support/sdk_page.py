"""A page with the GameAnalytics JavaScript SDK in it, served to a browser; only the SDK's address is another."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SDK = Path(__file__).parents[2] / "frontend" / "node_modules" / "gameanalytics" / "dist" / "GameAnalytics.min.js"
_PAGE = b'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="sdk.js"></script>'


def sdk_for(port: int) -> bytes:
    """The SDK as published, but for where it sends. Raises `ValueError` where it is another version than expected."""
    text = SDK.read_text()
    for own, ours in (
        ('this.protocol="https"', 'this.protocol="http"'),
        ('this.hostName="api.gameanalytics.com"', f'this.hostName="127.0.0.1:{port}"'),
    ):
        if text.count(own) != 1:
            raise ValueError(f"{own} is not in {SDK} exactly once")
        text = text.replace(own, ours)
    return text.encode()


@contextlib.contextmanager
def sdk_page(collector_port: int) -> Iterator[str]:
    """The address of the page: another origin than the collector's, so that browsers ask before they send."""
    files = {"/": ("text/html", _PAGE), "/sdk.js": ("text/javascript", sdk_for(collector_port))}

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
