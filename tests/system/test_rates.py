"""Exchange rates over the network: a server of this machine stands for the ECB and for a mirror of packages."""

import json
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from questlog.rates.download import FetchFailed, fetch, fetch_package
from tests.support.installation import Installation, installation
from tests.support.rates import ecb_archive, today, wide_package


class Publisher:
    """Answers GET with what a path was given; `/slow` never ends, `/broken` breaks off."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.elsewhere = ""
        self.asked: list[str] = []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(self.path)
                publisher.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.is_closing = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == "/elsewhere":
            request.send_response(302)
            request.send_header("Location", self.elsewhere)
            request.end_headers()
        elif request.path == "/slow":
            request.send_response(200)
            request.end_headers()
            while not self.is_closing.wait(0.05):
                request.wfile.write(b".")
        elif request.path in self.files:
            body = self.files[request.path]
            request.send_response(200)
            request.send_header("Content-Length", str(len(body) + (10 if request.path == "/broken" else 0)))
            request.end_headers()
            request.wfile.write(body)
        else:
            request.send_error(404)

    def close(self) -> None:
        self.is_closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(name="publisher")
def _publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.close()


def test_a_file_is_fetched(publisher: Publisher) -> None:
    publisher.files["/rates.zip"] = b"x" * 100_000
    publisher.elsewhere = "/rates.zip"
    assert fetch(f"{publisher.url}/rates.zip", 100_000) == fetch(f"{publisher.url}/elsewhere") == b"x" * 100_000


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/gone", "answers 404"),
        ("/large", "larger than 1000 bytes"),
        ("/broken", "broke off"),
        ("/slow", "longer than 1 s|larger than"),
        ("/elsewhere", "not safe"),
    ],
)
def test_what_cannot_be_fetched_says_why(publisher: Publisher, path: str, message: str) -> None:
    publisher.files = {"/large": b"x" * 1001, "/broken": b"x" * 10}
    publisher.elsewhere = "ftp://127.0.0.1/rates.zip"
    with pytest.raises(FetchFailed, match=message):
        fetch(publisher.url + path, max_bytes=1000, timeout_s=1)


@pytest.mark.parametrize("address", ["file:///etc/hostname", "rates.zip", "http://", "ftp://127.0.0.1/x"])
def test_only_http_is_fetched(address: str) -> None:
    with pytest.raises(FetchFailed, match="is no http"):
        fetch(address)


def test_an_address_where_nobody_answers_says_so() -> None:
    with pytest.raises(FetchFailed, match=r"rates\.zip cannot be reached: Connection refused$"):
        fetch("http://127.0.0.1:1/rates.zip")


def npm(directory: Path, script: str) -> None:
    """An npm of the test's own, first in the path."""
    path = directory / "npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no such package >&2; exit 1", "failed: no such package"),
        ("exit 0", "failed"),
        ("head -c 2000 /dev/zero > package.tgz", "larger than 1000 bytes"),
        ("exec sleep 30", "longer than 1 s"),
    ],
)
def test_a_package_that_npm_does_not_bring_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    npm(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(FetchFailed, match=message):
        fetch_package("@a/b", max_bytes=1000, timeout_s=1)


def test_a_package_comes_from_npm_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, 'printf "%s " "$@" > a.tgz')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    arguments = fetch_package("@a/b").decode().split()
    assert arguments[:2] == ["pack", "@a/b@latest"]
    assert "--ignore-scripts" in arguments


def test_without_npm_the_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchFailed, match=r"money\.wide_rates_url"):
        fetch_package("@a/b")


def business(user: str, currency: str, amount: int) -> Mapping[str, object]:
    return {
        "v": 2, "user_id": user, "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014", "session_num": 1,
        "client_ts": int(time.time()), "sdk_version": "rest api v2", "os_version": "windows 10", "platform": "windows",
        "manufacturer": "unknown", "device": "unknown", "category": "business", "event_id": "gems:small",
        "amount": amount, "currency": currency, "transaction_num": 1,
    }  # fmt: skip


def dollars(made: Installation) -> list[tuple[str, float | None]]:
    rows = made.sql("SELECT currency, amount_usd::DOUBLE AS usd FROM events ORDER BY amount_usd NULLS LAST, currency")
    return [(row["currency"], row["usd"]) for row in rows]


def test_a_server_fetches_rates_and_prices_what_arrives(tmp_path: Path, publisher: Publisher) -> None:
    publisher.files = {"/ecb.zip": ecb_archive(today()), "/wide.tgz": wide_package(today(), twd=32)}
    settings = {
        "money.refresh": "true",
        "money.ecb_url": f"{publisher.url}/ecb.zip",
        "money.wide_rates": "true",
        "money.wide_rates_url": f"{publisher.url}/wide.tgz",
    }
    with installation(tmp_path / "data", settings) as made:
        made.start_run()
        made.wait_until(lambda: "new rates are in use" in made.log(), "rates are fetched")
        made.send_events([business("a", "TWD", 3200), business("b", "EUR", 100)])
        made.wait_until(lambda: len(dollars(made)) == 2, "two purchases are stored")
        assert dollars(made) == [("TWD", 1.0), ("EUR", 1.25)]
        made.stop("run")
        made.start_run()
        made.send_events([business("c", "TWD", 6400)])
        made.wait_until(lambda: len(dollars(made)) == 3, "a purchase is stored after the restart")
        assert dollars(made)[-1] == ("TWD", 2.0)
        assert sorted(publisher.asked) == ["/ecb.zip", "/wide.tgz"]


def test_a_server_that_cannot_fetch_rates_says_so_and_goes_on(tmp_path: Path, publisher: Publisher) -> None:
    settings = {"money.refresh": "true", "money.ecb_url": f"{publisher.url}/gone.zip"}
    with installation(tmp_path / "data", settings) as made:
        made.start_run()
        made.wait_until(lambda: "rates cannot be fetched" in made.log(), "fetching fails")
        made.send_events([business("a", "USD", 499)])
        made.wait_until(lambda: dollars(made) == [("USD", 4.99)], "a purchase is stored")
        found = made.command("doctor").stdout
        [line] = [line for line in found.splitlines() if "exchange rates" in line]
        assert line.startswith("WARN")
        assert "days old; fetching new ones fails" in line
        assert "gone.zip answers 404" in line


def test_what_was_stored_without_a_price_is_valued_again(tmp_path: Path) -> None:
    """The body is that of a report: one purchase of 10 USD, three of 320 TWD."""
    own = tmp_path / "own.csv"
    own.write_text("day,currency,usd\n2026-01-01,GEM,1\n")
    with installation(tmp_path / "data", {"money.rates_path": own}) as made:
        made.start_run()
        made.send_events([business("us", "USD", 1000), *(business(f"tw{place}", "TWD", 32000) for place in range(3))])
        made.wait_until(lambda: len(dollars(made)) == 4, "four purchases are stored")
        assert dollars(made) == [("USD", 10.0), *[("TWD", None)] * 3]
        own.write_text("day,currency,usd\n2026-01-01,TWD,0.03125\n")
        tried = made.command("reprice", "--dry-run", "--format", "json")
        assert json.loads(tried.stdout) == [
            {
                "currency": "TWD", "kind": "purchases", "events": 3, "changed": 3, "unpriced_before": 3,
                "unpriced_after": 0, "usd_before": 0, "usd_after": 30, "rates": "own",
            }
        ]  # fmt: skip
        assert "3 events would change" in tried.stderr
        assert dollars(made)[1:] == [("TWD", None)] * 3
        assert made.command("reprice", "--currency", "EUR").stdout == ""
        changed = made.command("reprice", "--currency", "TWD", "--from", "2026-01-01")
        assert changed.returncode == 0
        assert changed.stdout.splitlines()[-1].split() == [
            "TWD", "purchases", "3", "3", "3", "0", "0", "30.000000", "own",
        ]  # fmt: skip
        assert dollars(made) == [("TWD", 10.0)] * 3 + [("USD", 10.0)]
        own.unlink()
        failed = made.command("reprice")
        assert failed.returncode == 1
        assert "money.rates_path" in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
