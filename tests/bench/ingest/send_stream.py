"""Send the requests of a file of make_stream.py once each, in turn, at a fixed rate, whatever the answers take.

    python -m tests.bench.ingest.send_stream FILE PORT --requests-per-s 750 [--connections 32]

Prints one JSON object: how many were answered with 2xx, how many otherwise, seconds, and milliseconds from the time at
which a request was due to its answer (p50, p99, max).
"""

import argparse
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.ingest.ingest import SANDBOX_PATH, records
from tests.bench.percentiles import percentile

_AHEAD_S = 0.2


_HEAD = (
    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Type: application/json\r\n"
    "Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Status and body. An HTTP library would take as much of the measured machine as the collectors do."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += _received(connection)
    head, _, body = told.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length and len(body) < int(length[1]):
        body += _received(connection)
    return head.split(b" ", 2)[1], body


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("the collector closed the connection")
    return received


class Sender:
    """Threads with a connection each that share the records and their schedule."""

    def __init__(self, file: Path, port: int, requests_per_s: float) -> None:
        self._numbered = enumerate(records(file))
        self._port = port
        self._interval_s = 1 / requests_per_s
        self._began = time.monotonic() + _AHEAD_S
        self._lock = threading.Lock()
        self.latencies_ms: list[float] = []
        self.refused: list[str] = []

    def run(self, connections: int) -> float:
        """Send all. Returns the seconds it took."""
        threads = [threading.Thread(target=self._send) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - self._began

    def _send(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for due, signature, body in self._due():
                time.sleep(max(0.0, due - time.monotonic()))
                head = _HEAD % (SANDBOX_PATH, signature, len(body))
                connection.sendall(head.encode() + body)
                status, told = _answer(connection)
                self.latencies_ms.append((time.monotonic() - due) * 1000)
                if not status.startswith(b"2"):
                    self.refused.append(f"{status.decode()}: {told[:200]!r}")

    def _due(self) -> Iterator[tuple[float, str, bytes]]:
        while True:
            with self._lock:
                following = next(self._numbered, None)
            if following is None:
                return
            number, (signature, body) = following
            yield self._began + number * self._interval_s, signature, body


def main() -> None:
    """Send, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--requests-per-s", type=float, required=True)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    sender = Sender(options.file, options.port, options.requests_per_s)
    seconds = sender.run(options.connections)
    result = {
        "accepted": len(sender.latencies_ms) - len(sender.refused),
        "refused": len(sender.refused),
        "first_refusals": list(itertools.islice(sender.refused, 3)),
        "seconds": seconds,
        "p50_ms": percentile(sender.latencies_ms, 0.5),
        "p99_ms": percentile(sender.latencies_ms, 0.99),
        "max_ms": max(sender.latencies_ms),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
