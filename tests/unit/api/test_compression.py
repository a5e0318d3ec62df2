import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest
from litestar import Litestar, Response, get
from litestar.params import FromPath
from litestar.response import Stream
from litestar.testing import TestClient

from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.api.compression import LEAST_BYTES, accepted_coding, compressing
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
QUERY = {"metrics": ["dau"], "period": {"start": "2026-01-01", "end": "2026-01-02"}}
LARGE = json.dumps([{"name": f"player-{number}", "value": number} for number in range(20_000)]).encode()


def plain(answer: httpx.Response) -> bytes:
    """The body of an answer that was read without decoding it."""
    coding = answer.headers.get("content-encoding")
    raw = b"".join(answer.iter_raw())
    if coding == "zstd":
        decoded: bytes = pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read()
        return decoded
    return gzip.decompress(raw) if coding == "gzip" else raw


def ask(client: Client, path: str, accepted: str, **headers: str) -> tuple[httpx.Response, bytes]:
    with client.stream("GET", path, headers={"Accept-Encoding": accepted, **headers}) as answer:
        return answer, plain(answer)


@get("/body/{size:int}")
async def whole(size: FromPath[int]) -> Response[bytes]:
    return Response(LARGE[:size], media_type="application/json", headers={"ETag": '"tag"', "Vary": "Accept"})


@get("/stream/{piece:int}/{size:int}")
async def in_pieces(piece: FromPath[int], size: FromPath[int]) -> Stream:
    def pieces() -> Iterator[bytes]:
        for start in range(0, size, piece):
            yield LARGE[start : min(start + piece, size)]

    return Stream(pieces(), media_type="application/json")


@get("/other/{kind:path}")
async def other(kind: FromPath[str]) -> Response[bytes]:
    return Response(LARGE, media_type=kind.removeprefix("/"))


@pytest.fixture
def server() -> Iterator[Client]:
    with TestClient(Litestar([whole, in_pieces, other], middleware=[compressing])) as client:
        yield client


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("zstd, gzip;q=0.9", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0", None),
        ("gzip;q=0.1,zstd;q=0", "gzip"),
        ("*", "gzip"),
        ("*;q=0.1, gzip;q=0.5", "gzip"),
        ("*, gzip;q=0", "zstd"),
        ("gzip;q=high", None),
        (",;,", None),
    ],
)
def test_the_coding_is_the_one_that_the_client_likes_best(header: str, coding: str | None) -> None:
    assert accepted_coding(header) == coding


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize("size", [LEAST_BYTES, 5_000, len(LARGE)])
def test_an_answer_is_compressed_and_the_same(server: Client, coding: str, size: int) -> None:
    answer, body = ask(server, f"/body/{size}", coding)
    assert body == LARGE[:size]
    assert answer.headers["content-encoding"] == coding
    assert int(answer.headers.get("content-length", "0")) < size
    assert answer.num_bytes_downloaded < size


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize(("piece", "size"), [(100, 50_000), (LEAST_BYTES - 1, 3_000), (200_000, len(LARGE))])
def test_a_stream_is_compressed_as_it_comes(server: Client, coding: str, piece: int, size: int) -> None:
    answer, body = ask(server, f"/stream/{piece}/{size}", coding)
    assert body == LARGE[:size]
    assert answer.headers["content-encoding"] == coding


@pytest.mark.parametrize("path", ["/body/0", f"/body/{LEAST_BYTES - 1}", "/stream/10/1000", "/stream/10/0"])
def test_a_tiny_answer_is_sent_as_it_is(server: Client, path: str) -> None:
    answer, body = ask(server, path, "zstd, gzip")
    assert body == LARGE[: int(path.rpartition("/")[2])]
    assert "content-encoding" not in answer.headers


def test_caches_are_told_that_the_coding_depends_on_the_client(server: Client) -> None:
    for accepted in ("zstd", "identity"):
        answer, _ = ask(server, "/body/5000", accepted)
        assert [part.strip() for part in answer.headers["vary"].split(",")] == ["Accept", "Accept-Encoding"]


def test_a_tag_of_other_bytes_is_weak(server: Client) -> None:
    assert ask(server, "/body/5000", "zstd")[0].headers["etag"] == 'W/"tag"'
    assert ask(server, "/body/5000", "identity")[0].headers["etag"] == '"tag"'
    assert ask(server, "/body/50", "zstd")[0].headers["etag"] == '"tag"'


@pytest.mark.parametrize("kind", ["application/vnd.apache.parquet", "image/png", "text/html", "text/event-stream"])
def test_pages_and_what_is_compressed_already_are_left_alone(server: Client, kind: str) -> None:
    answer, body = ask(server, f"/other/{kind}", "zstd, gzip")
    assert body == LARGE
    assert "content-encoding" not in answer.headers
    assert "Accept-Encoding" not in answer.headers.get("vary", "")


def test_answers_of_the_console_are_compressed(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    schema, body = ask(client, "/api/schema", "gzip")
    assert schema.headers["content-encoding"] == "gzip"
    assert json.loads(body)["info"]["title"] == "Questlog"
    question = {"sql": "SELECT range AS n, repeat('x', 100) AS text FROM range(2000)"}
    answer = client.post("/api/v1/sql", json=question, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()) == 2000


def test_an_answer_that_the_client_has_is_304_whatever_its_coding(
    console: FakeConsole, client: Client, game: dict[str, Any]
) -> None:
    """The tag of a compressed answer is weak, that of a plain one is not: they are compared weakly."""
    console.analytics.answer = Answer(pa.table({"n": range(1_000)}), [AnswerColumn("n", "", "A number.")])
    path, gzipped = "/api/v1/games/1/query", {"Accept-Encoding": "gzip"}
    first = client.post(path, json=QUERY, headers=gzipped)
    assert first.headers["content-encoding"] == "gzip"
    tag = first.headers["etag"].removeprefix("W/")
    for seen in (tag, first.headers["etag"]):
        again = client.post(path, json=QUERY, headers=gzipped | {"If-None-Match": seen})
        assert (again.status_code, again.content) == (304, b"")
        assert "Accept-Encoding" in again.headers["vary"]
