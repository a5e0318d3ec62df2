import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest

from questlog_client import Reader


class FakeServer:
    """A server on this machine that answers as the test says, and tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: dict[str, str] = {}
        self.status = 200
        self.body = b""
        self.answer_headers: dict[str, str] = {}
        self.delay_s = 0.0
        self._done = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self.body = sink.getvalue().to_pybytes()

    def refuse(self, status: int, **error: object) -> None:
        self.status = status
        self.body = json.dumps({"error": error}).encode()

    def close(self) -> None:
        self._done.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._respond("POST", json.loads(body))

            def do_GET(self) -> None:
                self._respond("GET", None)

            def _respond(self, method: str, body: Any) -> None:
                fake.asked.append((method, self.path, body))
                fake.headers = {name.lower(): value for name, value in self.headers.items()}
                fake._done.wait(fake.delay_s)
                self.send_response(fake.status)
                for name, value in {"Content-Length": str(len(fake.body)), **fake.answer_headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(fake.body)

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        return Handler


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    fake.answer(pa.table({"n": [1]}))
    yield fake
    fake.close()


@pytest.fixture
def reader(server: FakeServer) -> Reader:
    return Reader(server.url, "ql_token", game="Sky Raiders", timeout_s=10)
