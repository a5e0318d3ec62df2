"""Questions about a game asked of a real server: over HTTP, by the command line, by the Python reader."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import USER_EVENT, Installation, installation

pytestmark = pytest.mark.system

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "src"
DAY = 1_767_225_600  # 2026-01-01
EVENTS = [
    {**USER_EVENT, "user_id": "ada", "client_ts": DAY},
    {**USER_EVENT, "user_id": "ada", "client_ts": DAY + 86_400, "category": "design", "event_id": "Combat:Damage:x"},
    {**USER_EVENT, "user_id": "ada", "client_ts": DAY + 86_401, "category": "progression", "event_id": "Start:w1"},
    {**USER_EVENT, "user_id": "bob", "client_ts": DAY + 5, "platform": "android"},
    {
        **USER_EVENT,
        "user_id": "ada",
        "client_ts": DAY + 86_500,
        "category": "business",
        "event_id": "gems:hundred",
        "amount": 499,
        "currency": "USD",
        "transaction_num": 1,
    },
    {
        **USER_EVENT,
        "user_id": "bob",
        "client_ts": DAY,
        "platform": "android",
        "category": "resource",
        "event_id": "Source:gems:a:b",
        "amount": 5,
    },
]
QUERY = {"metrics": ["dau", "revenue"], "period": {"start": "2026-01-01", "end": "2026-01-02"}}


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("questions") / "data") as made:
        made.start_run()
        assert made.send_events(EVENTS).status == 200
        made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM events") == [{"n": len(EVENTS)}], "the rows")
        yield made


def test_every_example_of_the_schema_is_answered(running: Installation) -> None:
    schema = running.console("GET", "/api/schema").json()
    asked = 0
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    address = path.replace("{game}", "sandbox").replace("{kind}", name).replace("{name}", "Mine")
                    answer = running.console(method.upper(), address, json.dumps(example["value"]).encode())
                    assert (answer.status, address, name) == (200, address, name), answer.body
                    asked += 1
    assert asked > 20


def test_a_question_is_answered_once_for_those_who_have_the_answer(running: Installation) -> None:
    first = running.console("POST", "/api/v1/games/sandbox/query", json.dumps(QUERY).encode())
    assert [(row["bucket"], row["dau"], row["revenue"]) for row in first.json()["rows"]] == [
        ("2026-01-01", 2, 0),
        ("2026-01-02", 1, 4.99),
    ]


def test_a_player_is_shown_with_the_timeline(running: Installation) -> None:
    [row] = running.console("GET", "/api/v1/games/sandbox/players/ada").json()["rows"]
    assert (row["player_id"], row["transactions"]) == ("ada", 1)
    first = running.console("GET", "/api/v1/games/sandbox/players/ada/timeline?limit=2").json()
    assert [event["category"] for event in first["rows"]] == ["business", "progression"]
    page = f"limit=2&after={first['next']}"
    events = running.console("GET", f"/api/v1/games/sandbox/players/ada/timeline?{page}").json()["rows"]
    assert [event["category"] for event in events] == ["design", "user"]
    assert running.console("GET", "/api/v1/games/sandbox/players/eve").status == 404


def test_the_command_line_asks_by_options(running: Installation) -> None:
    options = ("--metrics", "dau,revenue", "--period", "2026-01-01..2026-01-02", "--totals")
    table = running.command("query", *options)
    assert [line.split(maxsplit=2) for line in table.stdout.splitlines()[2:]] == [
        ["2026-01-01", "2", "$ 0.00"],
        ["2026-01-02", "1", "$ 4.99"],
        ["total", "2", "$ 4.99"],
    ]
    assert re.fullmatch(
        r"\(2 rows; as of [-0-9: ]+ UTC, complete through [-0-9: ]+ UTC; [0-9.,]+ ms from .+\)\n", table.stderr
    )
    as_csv = running.command("query", *options, "--filter", "platform=ios", "--format", "csv")
    assert next(csv.DictReader(io.StringIO(as_csv.stdout))) == {
        "bucket": "2026-01-01",
        "dau": "1",
        "revenue": "0.000000",
    }
    as_json = running.command("query", *options, "--group-by", "platform", "--granularity", "all", "--format", "json")
    rows = json.loads(as_json.stdout)["rows"]
    assert sorted((row["platform"], row["dau"]) for row in rows) == [("android", 1), ("ios", 1)]


def test_the_command_line_asks_in_json(running: Installation) -> None:
    asked = running.command("query", "--analysis", "retention", json.dumps({"period": QUERY["period"], "ages": 1}))
    assert (asked.returncode, asked.stderr.startswith("(2 rows; as of ")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--metrics", "dao", "--period", "7d"), "metrics[0]: there is no metric 'dao'; did you mean 'dau'?"),
        (("--metrics", "dau", "--period", "7d", "--group-by", "contry"), "did you mean 'country'?"),
        (("--metrics", "dau", "--period", "7d", "--game", "Chess"), "there is no game 'Chess'"),
        (("--metrics", "dau"), "give --metrics and --period"),
        (("--metrics", "dau", '{"metrics": ["dau"]}'), "--metrics is in the JSON too; give it once"),
        (("[]",), "must be a JSON object"),
        (("{",), "the question is not JSON"),
        (("{}",), "the field `metrics` is missing"),
    ],
)
def test_what_cannot_be_asked_is_one_line(running: Installation, arguments: tuple[str, ...], told: str) -> None:
    asked = running.command("query", *arguments)
    assert (asked.stdout, asked.stderr.count("\n")) == ("", 1)
    assert asked.returncode != 0
    assert told in asked.stderr


NOTEBOOK = """
import json, sys
from questlog_client import Reader, Refused, event, where
reader = Reader(sys.argv[1], sys.argv[2], game="sandbox", timeout_s=30)
period = ("2026-01-01", "2026-01-02")
answer = reader.query(["dau", "revenue"], period, filter=where("platform", "is", "ios"), totals=True)
funnel = reader.funnel([event("user"), event("business")], period)
try:
    reader.query(["dao"], period)
except Refused as error:
    nearest = error.nearest
print(json.dumps({
    "dau": answer.table["dau"].to_pylist(),
    "units": [column.unit for column in answer.columns],
    "totals": [row["dau"] for row in answer.totals],
    "frame": answer.to_pandas()["dau"].tolist(),
    "funnel": funnel.table["count"].to_pylist(),
    "retention": reader.retention(period, ages=1).table["players"].to_pylist(),
    "sql": reader.sql("SELECT count(*) AS n FROM events").table.to_pylist(),
    "nearest": nearest,
}))
"""


def test_the_python_reader_reads_tables(running: Installation) -> None:
    console = json.loads((running.data_dir / "console.json").read_text())
    ended = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, console["url"], console["token"]],
        env={**os.environ, "PYTHONPATH": str(CLIENT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(ended.stdout) == {
        "dau": [1, 1],
        "units": ["", "players", "USD"],
        "totals": [1],
        "frame": [1, 1],
        "funnel": [2, 1],
        "retention": [2, 1],
        "sql": [{"n": len(EVENTS)}],
        "nearest": "dau",
    }


def test_a_saved_segment_is_a_dimension(running: Installation) -> None:
    rule = {"type": "did", "event": {"category": "business"}}
    path = "/api/v1/games/sandbox/definitions/segment/Payers"
    assert running.console("PUT", path, json.dumps({"rule": rule}).encode()).status == 200
    bosses = {"kind": "count", "event": {"category": "design"}}
    path = "/api/v1/games/sandbox/definitions/custom-metric/Designs"
    assert running.console("PUT", path, json.dumps(bosses).encode()).status == 200
    options = ("--period", "2026-01-01..2026-01-02", "--granularity", "all", "--group-by", "segment.Payers")
    asked = running.command("query", "--metrics", "dau,Designs", *options, "--format", "json")
    rows = {row["segment.Payers"]: (row["dau"], row["Designs"]) for row in json.loads(asked.stdout)["rows"]}
    assert rows == {"yes": (1, 1), "no": (1, 0)}
