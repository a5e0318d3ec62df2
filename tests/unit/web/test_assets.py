import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.web.assets import NotBuilt, assets_router, load_assets

MANIFEST = {
    "entries": {
        "main.js": {"file": "main-ABC.js", "imports": []},
        "chart.js": {"file": "chart-DEF.js", "imports": ["part-1.js", "part-2.js"]},
    },
    "sizes": {"main-ABC.js": {"bytes": 5}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "main-ABC.js").write_bytes(b"plain")
    (tmp_path / "main-ABC.js.br").write_bytes(b"brotli")
    (tmp_path / "main-ABC.js.gz").write_bytes(b"gzip")
    (tmp_path / "main-ABC.css").write_bytes(b"p{}")
    return tmp_path


@pytest.fixture
def browser(folder: Path) -> Iterator[TestClient[Litestar]]:
    app = Litestar([assets_router(load_assets(folder))], openapi_config=None)
    with TestClient(app) as client:
        yield client


def body(browser: TestClient[Litestar], accept_encoding: str) -> tuple[str | None, bytes]:
    """The coding that the answer names, and its bytes as they were sent."""
    with browser.stream("GET", "/assets/main-ABC.js", headers={"Accept-Encoding": accept_encoding}) as answer:
        return answer.headers.get("Content-Encoding"), b"".join(answer.iter_raw())


def test_a_source_has_the_address_of_what_it_was_built_into(folder: Path) -> None:
    assert load_assets(folder).url("main.js") == "/assets/main-ABC.js"


def test_a_script_is_preloaded_with_what_it_loads(folder: Path) -> None:
    assert load_assets(folder).preloads("chart.js") == [
        "/assets/chart-DEF.js",
        "/assets/part-1.js",
        "/assets/part-2.js",
    ]


def test_browsers_keep_files_for_ever(browser: TestClient[Litestar]) -> None:
    answer = browser.get("/assets/main-ABC.css")
    assert answer.content == b"p{}"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accept_encoding", "coding", "content"),
    [
        ("gzip, deflate, br, zstd", "br", b"brotli"),
        ("gzip", "gzip", b"gzip"),
        ("br;q=0, GZIP;q=0.5", "gzip", b"gzip"),
        ("br; q=0.0", None, b"plain"),
        ("", None, b"plain"),
    ],
)
def test_a_file_is_sent_in_the_best_coding_that_the_browser_accepts(
    browser: TestClient[Litestar], accept_encoding: str, coding: str | None, content: bytes
) -> None:
    assert body(browser, accept_encoding) == (coding, content)


def test_a_file_that_gains_nothing_by_it_is_sent_plain(browser: TestClient[Litestar]) -> None:
    assert "Content-Encoding" not in browser.get("/assets/main-ABC.css", headers={"Accept-Encoding": "br"}).headers


@pytest.mark.parametrize("name", ["manifest.json", "main.js", "..%2Fmain-ABC.js", "main-ABC.js.br"])
def test_what_is_no_file_of_the_build_is_not_found(browser: TestClient[Litestar], name: str) -> None:
    assert browser.get(f"/assets/{name}").status_code == 404


def test_a_missing_build_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="`make run` and `make wheel` build it"):
        load_assets(tmp_path)


def test_a_build_that_is_too_old_says_so(folder: Path) -> None:
    with pytest.raises(NotBuilt, match=r"no new\.js: build it again"):
        load_assets(folder).url("new.js")
