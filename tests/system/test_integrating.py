"""An integrator in a real browser: events appear as they arrive, a bad one says why, is mended and replayed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import running_browser
from tests.support.installation import USER_EVENT, Installation, installation

pytestmark = pytest.mark.system

_PATIENT_MS = 30_000


class Desk(NamedTuple):
    """A server with the sandbox game, a browser that is logged in, and what went wrong in its pages."""

    made: Installation
    page: Page
    problems: list[str]

    def open(self, path: str) -> None:
        self.page.goto(f"http://127.0.0.1:{self.made.console_port}/games/1/{path}")


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory: Path = tmp_path_factory.mktemp("integrating")
    with installation(directory / "data") as made, running_browser() as browser:
        made.start_run()
        made.wait_for_collector()
        token = json.loads((made.data_dir / "console.json").read_bytes())["token"]
        page = browser.new_page()
        page.set_default_timeout(_PATIENT_MS)
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        _log_in(page, f"http://127.0.0.1:{made.console_port}/login", token)
        yield Desk(made, page, problems)


def _log_in(page: Page, url: str, token: str) -> None:
    page.goto(url)
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.fill("input[name=token]", token)
    page.press("input[name=token]", "Enter")
    page.wait_for_url("**/games/**")


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(desk: Desk) -> Iterator[None]:
    yield
    assert desk.problems == []


def event(**fields: object) -> dict[str, Any]:
    """An event of now."""
    sender = {"sdk_version": "unity 7.10.6", "build": "1.0", "category": "design", "event_id": "level:one"}
    return {**USER_EVENT, **sender, "client_ts": int(time.time()), **fields}


def test_events_appear_as_they_arrive_and_rejected_ones_say_why(desk: Desk) -> None:
    page = desk.page
    desk.open("live?event_id=level%3A*")
    expect(page.locator("[data-live-said]")).to_have_text("Live", timeout=_PATIENT_MS)
    wrong = {"custom_01": "x" * 40, "event_id": "level:two"}
    desk.made.send_events([event(), event(event_id="noise"), event(**wrong)])
    rejected = page.locator(".live-row.is-rejected")
    expect(rejected).to_contain_text("custom_01: wrong_length", timeout=_PATIENT_MS)
    expect(page.locator(".live-row")).to_have_count(2)
    rejected.locator("summary").click()
    expect(rejected).to_contain_text('GameAnalytics.SetCustomDimension01("ninja");')
    expect(rejected).to_contain_text("at most 32 characters")


def test_a_player_is_followed_and_an_event_opens_as_it_was_sent(desk: Desk) -> None:
    page = desk.page
    desk.made.send_events([event(user_id="somebody", event_id="level:three")])
    desk.open("live")
    row = page.locator(".live-row", has_text="level:three")
    expect(row).to_have_count(1, timeout=_PATIENT_MS)
    row.locator("summary").click()
    row.get_by_text("Follow this player").click()
    page.wait_for_url("**player_id=somebody*")
    expect(page.locator(".live-row")).to_have_count(1)
    page.locator(".live-row summary").click()
    page.get_by_text("As it was sent").click()
    page.wait_for_url("**/live/event?at=*")
    expect(page.locator("pre").first).to_contain_text('"user_id": "somebody"')


def test_what_was_rejected_is_replayed_once_the_game_takes_it(desk: Desk) -> None:
    page = desk.page
    desk.open("integration")
    group = page.locator("#card-integration-rejections .live-row", has_text="custom_01")
    expect(group).to_contain_text("a lenient game takes it", timeout=_PATIENT_MS)
    token = json.loads((desk.made.data_dir / "console.json").read_bytes())["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    desk.made.console("PATCH", "/api/v1/games/1", b'{"is_lenient": true}', headers)
    page.reload()
    expect(group).to_contain_text("mended: replay it", timeout=_PATIENT_MS)
    group.locator("summary").click()
    group.get_by_role("button", name="Replay 1 event").click()
    expect(page.locator("[data-replay=done]")).to_contain_text("Stored", timeout=_PATIENT_MS)
    totals = page.locator("#card-integration-books tfoot td")
    expect(totals.nth(5)).to_have_attribute("data-value", "0", timeout=_PATIENT_MS)
    received, stored, duplicates = (int(totals.nth(place).get_attribute("data-value") or "") for place in (3, 4, 6))
    assert received == stored + duplicates
    assert desk.made.sql("SELECT event_id FROM events WHERE event_id = 'level:two'") == [{"event_id": "level:two"}]


def test_realtime_shows_what_has_just_arrived(desk: Desk) -> None:
    page = desk.page
    desk.made.send_events([event(event_id="level:four")])
    desk.made.wait_until(
        lambda: bool(desk.made.sql("SELECT 1 AS one FROM events WHERE event_id = 'level:four'")), "the event"
    )
    desk.open("realtime")
    chart = page.locator("#card-realtime-minutes")
    expect(chart.locator("figure.chart")).to_have_count(1, timeout=_PATIENT_MS)
    cells = chart.locator("tbody tr td:nth-child(2)")
    values = cells.evaluate_all("cells => cells.map((cell) => Number(cell.dataset.value))")
    assert (len(values), max(values) >= 1) == (60, True)
