import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.question.answer import Answer, AnswerColumn, Origin, SourceUse, Warned
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Period, Query
from questlog.api.app import create_app
from questlog.api.origin_headers import ORIGIN_HEADERS
from questlog.console.response_formats import ResponseFormat
from questlog.console.services import Limits
from questlog.model.calendar import zone_named
from questlog.store.contract import QueryAborted
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
PATH = "/api/v1/games/1/query"
QUERY = {"metrics": ["dau", "revenue"], "period": {"start": "2026-01-01", "end": "2026-01-02"}}
DAYS = [1_767_225_600_000_000, 1_767_312_000_000_000]
ANSWER = Answer(
    pa.table({"bucket": pa.array(DAYS, pa.timestamp("us")), "dau": [2, None], "revenue": [Decimal("1.50"), None]}),
    [
        AnswerColumn("bucket", "", "Start of the bucket, UTC."),
        AnswerColumn("dau", "players", "Distinct players."),
        AnswerColumn("revenue", "USD", "Σ amount."),
    ],
    [Warned("country", "more than 100 values on 2026-01-01")],
    pa.table({"dau": [2], "revenue": [Decimal("1.50")]}),
    7,
    "mark",
    Origin(
        as_of=dt.datetime(2026, 1, 2, 12, 30, tzinfo=dt.UTC),
        complete_through=dt.datetime(2026, 1, 2, 12, 29, 59, 500_000, tzinfo=dt.UTC),
        took_ms=1.25,
        rows_read_at_most=1_000,
        sources=(SourceUse("player_days", ("dau",)), SourceUse("purchases", ("revenue",))),
        time_zone="Europe/Berlin",
        compared_period=Period(dt.date(2025, 12, 30), dt.date(2025, 12, 31)),
    ),
)
ORIGIN = {
    "as_of": "2026-01-02T12:30:00Z",
    "complete_through": "2026-01-02T12:29:59.500000Z",
    "took_ms": 1.25,
    "rows_read_at_most": 1000,
    "sources": [{"name": "player_days", "answers": ["dau"]}, {"name": "purchases", "answers": ["revenue"]}],
    "time_zone": "Europe/Berlin",
    "compared_period": {"start": "2025-12-30", "end": "2025-12-31"},
}

pytestmark = pytest.mark.usefixtures("game")


@pytest.fixture(autouse=True)
def _answer(console: FakeConsole) -> None:
    console.analytics.answer = ANSWER


def test_a_question_is_asked_of_the_game_as_its_type(client: Client, console: FakeConsole) -> None:
    assert client.post("/api/v1/games/Sky Raiders/query", json=QUERY).status_code == 200
    question = Query(("dau", "revenue"), Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2)))
    assert console.analytics.asked == [(1, question)]


def test_what_was_answered_is_not_asked_again_until_the_data_change(client: Client, console: FakeConsole) -> None:
    first, second = client.post(PATH, json=QUERY), client.post(PATH, json=QUERY)
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    assert len(console.analytics.asked) == 1
    console.analytics.number += 1
    assert client.post(PATH, json=QUERY).headers["etag"] != first.headers["etag"]
    assert len(console.analytics.asked) == 2


def test_json_has_columns_rows_totals_warnings_and_the_version(client: Client) -> None:
    answer = client.post(PATH, json=QUERY)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {
        "columns": [
            {"name": "bucket", "type": "timestamp[us]", "unit": "", "definition": "Start of the bucket, UTC."},
            {"name": "dau", "type": "int64", "unit": "players", "definition": "Distinct players."},
            {"name": "revenue", "type": "decimal128(3, 2)", "unit": "USD", "definition": "Σ amount."},
        ],
        "rows": [
            {"bucket": "2026-01-01T00:00:00.000000Z", "dau": 2, "revenue": 1.50},
            {"bucket": "2026-01-02T00:00:00.000000Z", "dau": None, "revenue": None},
        ],
        "totals": [{"dau": 2, "revenue": 1.50}],
        "warnings": [{"field": "country", "detail": "more than 100 values on 2026-01-01"}],
        **ORIGIN,
        "data_version": 7,
        "next": "mark",
    }


def test_compact_json_has_its_rows_as_lists(client: Client) -> None:
    answer = client.post(f"{PATH}?format=compact", json=QUERY).json()
    assert answer["rows"] == [["2026-01-01T00:00:00.000000Z", 2, 1.5], ["2026-01-02T00:00:00.000000Z", None, None]]
    assert answer["totals"] == [{"dau": 2, "revenue": 1.5}]


@pytest.mark.parametrize("how", ["?format=csv", "Accept: text/csv"])
def test_csv_has_the_rows(client: Client, how: str) -> None:
    name, _, value = how.partition(": ")
    answer = client.post(PATH + (how if not value else ""), json=QUERY, headers={name: value} if value else {})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == [
        '"bucket","dau","revenue"',
        '"2026-01-01T00:00:00.000000Z",2,1.50',
        '"2026-01-02T00:00:00.000000Z",,',
    ]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_arrow_and_parquet_say_what_their_columns_mean(client: Client, form: str) -> None:
    body = client.post(f"{PATH}?format={form}", json=QUERY).content
    table = pa.ipc.open_stream(body).read_all() if form == "arrow" else pq.read_table(io.BytesIO(body))
    assert table["bucket"].type == pa.timestamp("us", "UTC")
    assert table["dau"].to_pylist() == [2, None]
    assert table.schema.field("dau").metadata[b"unit"] == b"players"
    assert table.schema.field("revenue").metadata[b"definition"] == "Σ amount.".encode()
    beside = json.loads(table.schema.metadata[b"questlog"])
    assert (beside["data_version"], beside["totals"]) == (7, [{"dau": 2, "revenue": 1.5}])
    assert beside["warnings"][0]["field"] == "country"
    assert {name: beside[name] for name in ORIGIN} == ORIGIN


@pytest.mark.parametrize("form", ResponseFormat)
def test_headers_say_where_an_answer_comes_from(client: Client, form: ResponseFormat) -> None:
    for _ in range(2):  # computed, and kept
        headers = client.post(f"{PATH}?format={form}", json=QUERY).headers
        assert {name.lower() for name in ORIGIN_HEADERS} <= set(headers)
        assert {name: value for name, value in headers.items() if name.startswith("questlog-")} == {
            "questlog-as-of": "2026-01-02T12:30:00Z",
            "questlog-complete-through": "2026-01-02T12:29:59.500000Z",
            "questlog-took-ms": "1.25",
            "questlog-next": "mark",
            "questlog-compared-period": "2025-12-30/2025-12-31",
            "questlog-rows-read-at-most": "1000",
            "questlog-sources": "player_days, purchases",
            "questlog-time-zone": "Europe/Berlin",
            "questlog-data-version": "7",
            "questlog-warnings": "1",
        }


def test_an_answer_without_rows_is_an_answer(client: Client, console: FakeConsole) -> None:
    console.analytics.answer = Answer(ANSWER.table.slice(0, 0), ANSWER.columns)
    for form in ("json", "compact"):
        answer = client.post(f"{PATH}?format={form}", json=QUERY).json()
        assert (answer["rows"], answer["totals"], answer["warnings"]) == ([], None, [])


def test_who_has_the_answer_already_is_told_so(client: Client, console: FakeConsole) -> None:
    first = client.post(PATH, json=QUERY)
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    strong = tag.removeprefix("W/")
    assert strong != tag
    for seen in (tag, strong, f'"other", {tag}', f'{strong},W/"other"', f'"with, comma" , {tag}'):
        again = client.post(PATH, json=QUERY, headers={"If-None-Match": seen})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert len(console.analytics.asked) == 1
    several = client.post(PATH, json=QUERY, headers=[("If-None-Match", '"other"'), ("If-None-Match", tag)])
    assert several.status_code == 304


@pytest.mark.parametrize("seen", ['"other"', "*", '"*"', 'W/"*"', '"other", *', "", '""', "W/", '"', "other"])
def test_a_first_question_is_answered_whatever_the_asker_has_seen(client: Client, seen: str) -> None:
    answer = client.post(PATH, json=QUERY, headers={"If-None-Match": seen})
    assert answer.status_code == 200
    assert answer.json()["rows"]


def _load(console: FakeConsole) -> None:
    console.analytics.number += 1


def _define(console: FakeConsole) -> None:
    console.control.put_definition("1", "segment", "Payers", {}, "tests")


def _next_day(console: FakeConsole) -> None:
    console.clock.us += 86_400_000_000


def _other_zone(console: FakeConsole) -> None:
    console.analytics.zone = zone_named("Europe/Berlin")


def _other_store(console: FakeConsole) -> None:
    console.analytics.store_id = "made anew"


def _other_settings(console: FakeConsole) -> None:
    console.analytics.settings = [{"event_id": 10}]


@pytest.mark.parametrize("change", [_load, _define, _next_day, _other_zone, _other_store, _other_settings])
def test_the_tag_is_another_when_the_answer_may_be(client: Client, console: FakeConsole, change: Any) -> None:
    tag = client.post(PATH, json=QUERY).headers["etag"]
    change(console)
    assert client.post(PATH, json=QUERY, headers={"If-None-Match": tag}).status_code == 200


def test_the_tag_is_of_the_question_the_game_and_the_form(client: Client) -> None:
    client.post("/api/v1/games", json={"name": "Pong"})
    tags = [
        client.post(path, json=body).headers["etag"]
        for path, body in [
            (PATH, QUERY),
            (PATH, {**QUERY, "totals": True}),
            (f"{PATH}?format=csv", QUERY),
            ("/api/v1/games/2/query", QUERY),
            ("/api/v1/games/1/retention", {"period": QUERY["period"]}),
            ("/api/v1/games/1/explore", {"period": QUERY["period"]}),
        ]
    ]
    assert len(set(tags)) == len(tags)
    assert client.post(PATH, json={**QUERY, "granularity": "day"}).headers["etag"] == tags[0]


def test_a_refused_question_names_the_field_and_the_nearest(client: Client, console: FakeConsole) -> None:
    console.analytics.error = InvalidQuery("metrics[0]", "there is no metric 'dao'", "dau")
    answer = client.post(PATH, json=QUERY)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "invalid_query",
        "message": "there is no metric 'dao'; did you mean 'dau'?",
        "field": "metrics[0]",
        "nearest": "dau",
    }


def test_a_question_that_takes_too_long_is_told_so(client: Client, console: FakeConsole) -> None:
    console.analytics.error = QueryAborted("the statement was stopped: it took longer than 30 s")
    answer = client.post(PATH, json=QUERY)
    assert answer.status_code == 400
    assert answer.json()["error"] == {"code": "query_aborted", "message": str(console.analytics.error)}


def test_a_question_is_stopped_when_its_time_is_over(console: FakeConsole) -> None:
    console.analytics.is_slow = True
    services = msgspec.structs.replace(console.services, limits=Limits(question_timeout_s=0.05))
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        answer = client.post(PATH, json=QUERY, headers={"Authorization": f"Bearer {console.token}"})
    told = {"code": "query_aborted", "message": "it took longer than 0.05 s (analytics.timeout_s)"}
    assert (answer.status_code, answer.json()["error"]) == (400, told)


@pytest.mark.parametrize("path", ["events", "ingest-hours"])
def test_a_list_is_stopped_when_its_time_is_over(console: FakeConsole, path: str) -> None:
    console.tables.is_slow = True
    services = msgspec.structs.replace(console.services, limits=Limits(question_timeout_s=0.05))
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        answer = client.get(f"/api/v1/games/1/{path}", headers={"Authorization": f"Bearer {console.token}"})
    told = {"code": "query_aborted", "message": "it took longer than 0.05 s (analytics.timeout_s)"}
    assert (answer.status_code, answer.json()["error"]) == (400, told)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (PATH, {**QUERY, "granularity": "dayly"}, "granularity"),
        (PATH, {**QUERY, "metric": "dau"}, "metric"),
        (f"{PATH}?format=xml", QUERY, "format"),
        (f"{PATH}?foramt=csv", QUERY, "foramt"),
        ("/api/v1/games/1/retention", {**QUERY}, "metrics"),
    ],
)
def test_a_wrong_word_is_named(client: Client, path: str, body: object, field: str) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_what_is_not_there_is_told(client: Client) -> None:
    assert client.post("/api/v1/games/Chess/query", json=QUERY).status_code == 404
    assert client.post(PATH, json=QUERY, headers={"Accept": "image/png"}).status_code == 406
    assert client.post(PATH, content=b"").json()["error"]["message"] == "a JSON body is needed"


HOUR_US = 3_600_000_000


@pytest.mark.parametrize(("time_zone", "midnights"), [(None, [15]), ("UTC", [0, 15])])
def test_an_answer_is_another_one_after_the_midnight_of_the_days_it_is_about(
    client: Client, console: FakeConsole, time_zone: str | None, midnights: list[int]
) -> None:
    console.analytics.zone = zone_named("Asia/Tokyo")  # where the day ends at 15:00 UTC
    question = QUERY if time_zone is None else {**QUERY, "time_zone": time_zone}
    before = client.post(PATH, json=question).headers["etag"]
    changed = []
    for hour in range(1, 25):
        console.clock.us += HOUR_US
        tag = client.post(PATH, json=question).headers["etag"]
        if tag != before:
            changed.append(hour % 24)
        before = tag
    assert sorted(changed) == midnights
