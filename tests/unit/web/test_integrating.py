"""The pages for whoever integrates a game: Live events and Integration."""

import re
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.question.answer import Answer
from questlog.control.audit_log import AuditFilter
from questlog.control.grants import Role
from questlog.loader.replay import ReplayState
from tests.support.console import FakeConsole
from tests.unit.web.test_pages import form_token, log_in

Browser = TestClient[Litestar]
NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - as the engine has it
HOSTILE = "</details><script>alert(1)</script>\u202e\"'{{ 7 * 7 }}"
GAME = "/games/1"


@pytest.fixture(autouse=True)
def _game(console: FakeConsole) -> None:
    console.control.create_game("Sky Raiders")
    console.analytics.answer = Answer(pa.table({"field": pa.array([], pa.string())}), [])


def logged_in(console: FakeConsole, browser: Browser, role: Role = Role.OWNER) -> Browser:
    log_in(browser, token=console.token_of(role))
    return browser


def store(console: FakeConsole, number: int, **values: object) -> None:
    place = {"writer": 1, "segment": 2, "record_offset": 3, "record_index": number}
    row = {"game_id": 1, "row_no": number, "received_at": NOW, "source": "gameanalytics", "category": "design", **place}
    console.tables.insert("events", **row | values)


def reject(console: FakeConsole, number: int, **values: object) -> None:
    row: dict[str, Any] = {
        "game_id": 1, "rejected_no": number, "received_at": NOW - timedelta(hours=1), "source": "gameanalytics",
        "is_whole_request": False, "reason": "failed_validation", "detail": "build: wrong_type",
        "errors": '[{"error_type":"wrong_type","path":"/build"}]', "raw": '{"build":7}', "category": "design",
        "sdk_version": "unity 7.10.6", "build": "1.0", "is_complete": True, "writer": 1,
    }  # fmt: skip
    console.tables.insert("rejected_events", **row | values)


def test_stored_and_rejected_events_are_one_list_newest_first(console: FakeConsole, browser: Browser) -> None:
    store(console, 1, event_id="old:one", received_at=NOW - timedelta(hours=2))
    store(console, 2, event_id="new:one")
    reject(console, 1)
    page = logged_in(console, browser).get(f"{GAME}/live").text
    places = [page.index(text) for text in ("new:one", "build: wrong_type", "old:one")]
    assert places == sorted(places)
    assert "GameAnalytics.SetBuildAllPlatforms(&#34;1.0.0&#34;);" in page
    assert f"{GAME}/live/event?at=1-2-3-2" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event_id=a:*", ["a:b"]),
        ("not_event_id=a:*", ["x:y"]),
        ("player_id=ada", ["a:b"]),
        ("status=rejected", []),
        ("status=nonsense&build=&limit=-1&f=%00", ["x:y", "a:b"]),
        ("reason=*", []),
    ],
)
def test_the_address_chooses_events(console: FakeConsole, browser: Browser, query: str, found: list[str]) -> None:
    store(console, 1, event_id="a:b", player_id="ada")
    store(console, 2, event_id="x:y")
    page = logged_in(console, browser).get(f"{GAME}/live?{query}").text
    names = re.findall(r'class="live-name"><bdi class="data" title="([^"]*)"', page)
    assert names == found


def test_what_players_send_is_text(console: FakeConsole, browser: Browser) -> None:
    names = dict.fromkeys(("event_id", "player_id", "session_id", "build", "sdk_version"), HOSTILE)
    store(console, 1, attributes=HOSTILE, value_text=HOSTILE, **names)
    errors = {"errors": '[{"error_type":"<b>","path":"/<i>"}]', "detail": HOSTILE, "raw": HOSTILE}
    reject(console, 1, **names, **errors)
    console.raw[1] = HOSTILE
    logged_in(console, browser)
    query = f"{GAME}/live?event_id=*&player_id=%3Cscript%3E*"
    parts = (f"{GAME}/live", query, f"{GAME}/live/event?at=1-2-3-1", f"{GAME}/cards/integration/rejections")
    for path in parts:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text
        assert "49" not in re.sub(r"\d{3,}|#\d+", "", answer.text)


def test_one_event_is_shown_as_sent_and_as_stored(console: FakeConsole, browser: Browser) -> None:
    store(console, 1, event_id="a:b", player_id="ada", value=2.5)
    console.raw[1] = '{"user_id":"ada"}'
    page = logged_in(console, browser).get(f"{GAME}/live/event?at=1-2-3-1").text
    assert "&#34;user_id&#34;: &#34;ada&#34;" in page
    assert "2.5" in page
    assert "This event is not stored" in browser.get(f"{GAME}/live/event?at=1-2-3-9").text
    for text in ("", "x", "1-2-3", "9" * 30 + "-1-1-1"):
        assert browser.get(f"{GAME}/live/event?at={text}").status_code in (200, 404)


def test_events_are_for_those_who_may_see_personal_data(console: FakeConsole, browser: Browser) -> None:
    logged_in(console, browser, Role.VIEWER)
    for path in ("live", "live/stream", "live/event?at=1-2-3-1", "cards/integration/rejections"):
        assert browser.get(f"{GAME}/{path}").status_code == 403
    page = browser.get(f"{GAME}/integration").text
    assert "cards/integration/books" in page
    assert "cards/integration/rejections" not in page
    assert "cards/integration/replay" not in page
    assert browser.get(f"{GAME}/cards/integration/books").status_code == 200


def test_reads_of_events_are_recorded(console: FakeConsole, browser: Browser) -> None:
    logged_in(console, browser)
    for path in ("live", "live/event?at=1-2-3-1", "cards/integration/rejections"):
        browser.get(f"{GAME}/{path}")
    subjects = {entry.subject for entry in console.control.list_audit(AuditFilter()) if entry.action == "read"}
    assert {"live", "event 1-2-3-1", "rejections"} <= subjects


def test_books_link_to_their_events(console: FakeConsole, browser: Browser) -> None:
    console.tables.insert(
        "ingest_hours", game_id=1, hour=NOW - timedelta(hours=1), source="gameanalytics", sdk_version="unity 7.10.6",
        build=HOSTILE, received=10, stored=7, rejected=2, duplicates=1, rejected_requests=0,
    )  # fmt: skip
    page = logged_in(console, browser).get(f"{GAME}/cards/integration/books?period=7d").text
    assert "adds up" in page
    assert "<script>alert" not in page
    assert "status=rejected&amp;source=gameanalytics&amp;sdk_version=unity+7.10.6&amp;build=%3C%2Fdetails%3E" in page
    assert "Duplicates" in page
    empty = browser.get(f"{GAME}/cards/integration/books?period=2025-01").text
    assert "Nothing arrived in this period." in empty


def test_a_group_is_replayed_from_its_form_once(console: FakeConsole, browser: Browser) -> None:
    reject(console, 1)
    logged_in(console, browser)
    group = browser.get(f"{GAME}/cards/integration/rejections")
    assert "Replay 1 event<" in group.text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', group.text))
    assert (form["field"], form["error_type"], form["build"]) == ("build", "wrong_type", "1.0")
    without = browser.post(f"{GAME}/integration/replay", data={**form, "form_token": ""})
    assert (without.status_code, console.replay.status.state) == (403, ReplayState.NONE)
    answer = browser.post(f"{GAME}/integration/replay", data={**form, "is_of_sender": "1", "dry_run": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{GAME}/integration#replay")
    assert (console.replay.status.state, console.replay.status.is_dry_run) == (ReplayState.WAITING, True)
    part = browser.get(f"{GAME}/cards/integration/replay")
    assert "The replay waits for the loader." in part.text
    browser.post(f"{GAME}/integration/replay/cancel", data={"form_token": form_token(part)})
    actions = [entry.action for entry in console.control.list_audit(AuditFilter())]
    assert (actions.count("replay.start"), actions.count("replay.cancel")) == (1, 1)


def test_who_may_not_manage_may_not_replay(console: FakeConsole, browser: Browser) -> None:
    reject(console, 1)
    logged_in(console, browser, Role.ANALYST)
    assert "integration/replay" not in browser.get(f"{GAME}/cards/integration/rejections").text
    assert browser.post(f"{GAME}/integration/replay", data={}).status_code == 403


def test_a_long_period_is_cut_and_says_so(console: FakeConsole, browser: Browser) -> None:
    page = logged_in(console, browser).get(f"{GAME}/integration?period=90d").text
    assert "the last 31 days are shown" in page
    assert browser.get(f"{GAME}/cards/integration/books?period=90d").status_code == 200
    assert browser.get(f"{GAME}/cards/integration/books?period=2030-01").status_code == 200
