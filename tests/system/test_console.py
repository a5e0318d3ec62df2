"""The console port of a real server, as programs, the command line and a browser use it."""

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from tests.support.browser import running_browser
from tests.support.installation import USER_EVENT, Installation, installation

pytestmark = pytest.mark.system

EVENT = {**USER_EVENT, "category": "design"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("console") / "data") as made:
        made.start_run()
        events = [{**EVENT, "event_id": f"level:{number}", "value": number / 4} for number in range(5)]
        answer = made.send_events([*events, {**EVENT, "event_id": "a:b:c:d:e:f"}])
        assert answer.status == 400
        made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM events") == [{"n": 5}], "the rows")
        yield made


def test_events_are_listed_newest_first_with_what_was_rejected_beside_them(running: Installation) -> None:
    stored = running.console("GET", "/api/v1/games/sandbox/events?event_id=level:*&limit=2").json()
    assert [event["event_id"] for event in stored["events"]] == ["level:4", "level:3"]
    rest = running.console("GET", f"/api/v1/games/sandbox/events?after={stored['next']}").json()
    assert [event["event_id"] for event in rest["events"]] == ["level:2", "level:1", "level:0"]
    [rejected] = running.console("GET", "/api/v1/games/sandbox/events?status=rejected").json()["events"]
    assert rejected["reason"] == "failed_validation"
    assert rejected["errors"][0]["path"] == "/event_id"
    assert json.loads(rejected["raw"])["event_id"] == "a:b:c:d:e:f"


def test_the_hours_add_up(running: Installation) -> None:
    hours = running.console("GET", "/api/v1/games/1/ingest-hours").json()
    assert hours["adds_up"] is True
    assert sum(hour["received"] for hour in hours["hours"]) == 6


def test_sql_answers_as_table_csv_json_and_parquet(running: Installation) -> None:
    statement = "SELECT event_id, value FROM events ORDER BY event_id LIMIT 2"
    table = running.command("sql", statement)
    assert (table.stdout.splitlines()[2], table.stderr) == ("level:0     0.0", "(2 rows)\n")
    as_csv = running.command("sql", statement, "--format", "csv")
    assert list(csv.reader(io.StringIO(as_csv.stdout))) == [
        ["event_id", "value"],
        ["level:0", "0"],
        ["level:1", "0.25"],
    ]
    as_json = running.command("sql", statement, "--format", "json")
    assert json.loads(as_json.stdout)[1] == {"event_id": "level:1", "value": 0.25}
    as_parquet = running.console("POST", "/api/v1/sql", json.dumps({"sql": statement, "format": "parquet"}).encode())
    assert pq.read_table(io.BytesIO(as_parquet.body)).num_rows == 2


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM events", "SELECT 1; SELECT 2", "SELECT * FROM read_text('/etc/passwd')", "SET threads = 1", "", "("],
)
def test_what_does_not_only_read_is_one_line_and_exit_code_1(running: Installation, statement: str) -> None:
    asked = running.command("sql", statement)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("Error: ")
    assert asked.stderr.count("\n") == 1


def test_rebuild_says_how_far_it_is_and_ends(running: Installation) -> None:
    before = running.sql("SELECT * FROM event_days ORDER BY event_day_no")
    rebuilt = running.command("rebuild")
    assert rebuilt.returncode == 0
    assert rebuilt.stderr.endswith("all rollups rebuilt\n")
    assert running.sql("SELECT * FROM event_days ORDER BY event_day_no") == before


def test_many_questions_at_once_are_answered_or_told_to_wait(running: Installation) -> None:
    body = json.dumps({"sql": "SELECT count(*) AS n FROM range(20000000) a WHERE a.range % 7 = 3"}).encode()

    def ask(_: int) -> int:
        return running.console("POST", "/api/v1/sql", body).status

    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(ask, range(40)))
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert running.console("GET", "/healthcheck").status == 200


def test_doctor_finds_nothing_wrong_with_a_running_server(running: Installation) -> None:
    options = [
        option for port in ("collector", "console") for option in ("--set", f"{port}.port={port_of(running, port)}")
    ]
    examined = running.command("doctor", *options)
    assert examined.returncode == 0, examined.stdout
    assert "FAIL" not in examined.stdout
    assert "ready at http://127.0.0.1" in examined.stdout


def port_of(running: Installation, name: str) -> int:
    return running.collector_port if name == "collector" else running.console_port


def test_a_browser_logs_in_and_sees_events_arrive(running: Installation) -> None:
    token = json.loads(running.command("token", "create", "browser").stdout)["token"]
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{running.console_port}/")
        page.get_by_label("API token").fill(token)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Overview").wait_for()
        page.goto(f"http://127.0.0.1:{running.console_port}/status")
        stored = page.locator("td[data-label=Stored]").first
        assert stored.inner_text() == "5"
        assert page.get_by_text("failed_validation").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert running.send_events([{**EVENT, "event_id": "later"}]).status == 200
        running.wait_until(lambda: running.sql("SELECT count(*) AS n FROM events")[0]["n"] == 6, "the event")
        page.wait_for_timeout(1_100)  # the status is read once a second, however many look
        page.reload()
        expect(stored).to_have_text("6")
        page.get_by_role("button", name="Open the navigation").click()
        page.locator(".account-picker summary").click()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in").wait_for()
        assert complaints == []


def test_a_link_with_a_token_logs_in_by_itself(running: Installation) -> None:
    token = json.loads(running.command("token", "create", "link").stdout)["token"]
    with running_browser() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{running.console_port}/login#token={token}")
        page.get_by_role("heading", name="Overview").wait_for()
        assert token not in page.url
