"""Pages around the front-end build, under the Content-Security-Policy of the server, without the server."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

_WEB = Path(str(files("questlog") / "_built" / "web"))
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Answer:
    """What a path answers."""

    def __init__(
        self, body: str, media_type: str = "text/html; charset=utf-8", status: int = 200, location: str = ""
    ) -> None:
        self.body = body.encode()
        self.media_type = media_type
        self.status = status
        self.location = location


Handler = Callable[[str, bytes], Answer]
"""What answers a path (with its query) and the body of a POST."""


def page(main: str, title: str = "Test") -> str:
    """A whole page around the inside of `#page`, with the scripts and styles of every page."""
    entries = json.loads((_WEB / "manifest.json").read_text())["entries"]
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/assets/{entries["main.css"]["file"]}">
<script type="module" src="/assets/{entries["main.js"]["file"]}"></script></head>
<body><main id="page" data-swap>{main}</main></body></html>"""


def chart(kind: str, spec: Mapping[str, Any], name: str) -> str:
    """A figure as cards have it."""
    text = json.dumps(spec).replace("<", "\\u003c")
    return f"""<section class="card" id="card-{name}" data-card data-loaded><h2>{name}</h2>
<figure class="chart" data-chart="{kind}" id="chart-{name}"><script type="application/json" class="chart-spec">{text}
</script><div class="chart-canvas" role="img" aria-label="{name}"></div></figure>
<details data-keep="table-{name}"><summary>Table</summary><table><tr><td>1</td></tr></table></details>
<button type="button" data-png>PNG</button></section>"""


@contextmanager
def served(handle: Handler) -> Iterator[str]:
    """The address of a server with the build below /assets/, and `handle` for everything else."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            if self.path.startswith("/assets/"):
                file = _WEB / Path(self.path).name
                answer = Answer(file.read_text(encoding="utf-8"), _TYPES[file.suffix])
            else:
                answer = handle(self.path, body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(answer.body)))
            if answer.location:
                self.send_header("Location", answer.location)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
