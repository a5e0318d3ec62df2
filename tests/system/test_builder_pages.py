"""Explore, Funnels and Paths of a real server in a real browser: built by clicks, and the same numbers as the API's."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import find_browser, running_browser
from tests.support.installation import USER_EVENT, Installation, installation

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine"),
]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
NOW = int(time.time())
PLAYERS = 40


def events() -> list[dict[str, Any]]:
    """Everyone begins, two in three go on, every fourth of those buys; all within the last minutes."""
    found: list[dict[str, Any]] = []
    for number in range(PLAYERS):
        session = f"de305d54-75b4-431b-adb2-{number:012d}"
        at = NOW - 3_600 + number
        player = {**USER_EVENT, "user_id": f"player-{number}", "session_id": session, "client_ts": at}
        platform = {"platform": "android", "os_version": "android 14"} if number % 2 else {}
        player |= platform
        found.append({**player, "category": "design", "event_id": "tutorial:begin", "value": number})
        if number % 3:
            found.append({**player, "category": "design", "event_id": "tutorial:end", "client_ts": at + 30})
        if number % 12 == 1:
            purchase = {"event_id": "gems:few", "amount": 99, "currency": "USD", "transaction_num": 1}
            found.append({**player, **purchase, "category": "business", "client_ts": at + 90})
    return found


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("builders") / "data") as made:
        made.start_run()
        sent = events()
        assert made.send_events(sent).status == 200
        made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM events") == [{"n": len(sent)}], "the rows")
        made.command("user", "create", "ada@example.com", "--password", "password1", "--role", "owner")
        yield made


@pytest.fixture(scope="module", name="logged_in")
def _logged_in(running: Installation) -> Iterator[Page]:
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://127.0.0.1:{running.console_port}/login")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill("password1")
        page.locator("form button").first.click()
        page.wait_for_url("**/games/**")
        yield page


@pytest.fixture(name="tab")
def _tab(logged_in: Page) -> Iterator[Page]:
    complaints: list[str] = []
    logged_in.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    logged_in.on("pageerror", lambda error: complaints.append(str(error)))
    yield logged_in
    assert complaints == []


def show(running: Installation, tab: Page, path: str) -> None:
    """Opens a page of the game, and waits for its cards."""
    tab.goto(f"http://127.0.0.1:{running.console_port}/games/1/{path}")
    expect(tab.locator("[aria-busy=true]")).to_have_count(0, timeout=20_000)


def asked(running: Installation, analysis: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that the API answers for the last 28 days."""
    days = [time.strftime("%Y-%m-%d", time.gmtime(NOW - 86_400 * ago)) for ago in (27, 0)]
    body = {"period": {"start": days[0], "end": days[1]}, **question}
    answer = running.console("POST", f"/api/v1/games/1/{analysis}", json.dumps(body).encode())
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def violations(tab: Page) -> list[str]:
    """What axe finds."""
    tab.evaluate(AXE.read_text())
    found = tab.evaluate("axe.run().then((result) => result.violations)")
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_a_funnel_is_built_from_the_games_events_and_says_what_the_api_says(running: Installation, tab: Page) -> None:
    show(running, tab, "funnels")
    for place, (typed, name) in enumerate(
        (("begin", "design:tutorial:begin"), ("end", "design:tutorial:end"), ("gems:f", "business:gems:few"))
    ):
        if place == 2:
            tab.get_by_role("button", name="Step").click()
        field = tab.locator("#funnel-steps input[data-suggest]").nth(place)
        field.fill(typed)
        tab.get_by_role("option", name=name).first.click()
        expect(tab.locator("#funnel-steps input[data-suggest]").nth(place)).to_have_value(name)
        expect(tab.locator("#card-funnels-steps .funnel-count")).to_have_count(place + 1 if place else 0)
    steps = [{"category": "design", "event_id": "tutorial:begin"}, {"category": "design", "event_id": "tutorial:end"}]
    rows = asked(running, "funnel", {"steps": [*steps, {"category": "business", "event_id": "gems:few"}]})
    shown = tab.locator("#card-funnels-steps .funnel-count")
    assert [each.get_attribute("data-value") for each in shown.all()] == [str(row["count"]) for row in rows]
    assert rows[0]["count"] == PLAYERS
    tab.go_back()
    expect(tab.locator("#funnel-steps input[data-suggest]").nth(2)).to_have_count(0)


def test_who_dropped_out_is_listed(running: Installation, tab: Page) -> None:
    show(running, tab, "funnels?step.0.e=design:tutorial:begin&step.1.e=design:tutorial:end&split=platform")
    expect(tab.locator("#card-funnels-groups tbody tr")).to_have_count(2)
    tab.get_by_role("link", name="list").click()
    rows = tab.locator("#card-funnels-dropped tbody tr")
    expect(rows).to_have_count(sum(not number % 3 for number in range(PLAYERS)))
    assert "player-39" in rows.first.inner_text()


def test_a_node_of_the_event_tree_goes_down_and_back(running: Installation, tab: Page) -> None:
    show(running, tab, "explore")
    tab.locator("#card-explore-tree").get_by_role("link", name="tutorial", exact=True).click()
    begin = tab.locator("#card-explore-tree tbody tr", has_text="begin")
    expect(begin).to_have_count(1)
    [row] = [row for row in asked(running, "explore", {"nodes": ["tutorial"]}) if row["node"] == "tutorial:begin"]
    assert begin.locator("td").first.get_attribute("data-value") == str(row["count"])
    tab.go_back()
    expect(tab.locator("#card-explore-tree").get_by_role("link", name="tutorial", exact=True)).to_have_count(1)


def test_paths_begin_at_the_event_that_is_clicked(running: Installation, tab: Page) -> None:
    show(running, tab, "paths?anchor=design:tutorial:begin")
    rows = asked(running, "paths", {"anchor": {"category": "design", "event_id": "tutorial:begin"}})
    most = max((row for row in rows if row["step"] == 1 and row["to"]), key=lambda row: row["paths"])
    link = tab.locator("#card-paths-next").get_by_role("link", name=most["to"])
    expect(link).to_have_count(1)
    link.click()
    expect(tab.locator("#paths-anchor")).to_have_value("design:tutorial:end")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "explore?nodes=tutorial",
        "funnels?step.0.e=design:tutorial:begin&step.1.e=design:tutorial:end&not.0.e=error&split=platform&dropped=1",
        "paths?anchor=design:tutorial:begin",
    ],
)
def test_axe_finds_nothing(running: Installation, tab: Page, path: str, scheme: Any) -> None:
    tab.emulate_media(color_scheme=scheme)
    show(running, tab, path)
    assert violations(tab) == []
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_nonsense_and_hostile_texts_are_shown_as_texts(running: Installation, tab: Page) -> None:
    hostile = "%3Cscript%3Ealert(1)%3C/script%3E%22'%7C%20x"
    show(running, tab, f"funnels?step.0.e={hostile}&step.1.e={hostile}&window=soon&split={hostile}")
    assert "a window is" in tab.locator(".builder .notice").inner_text()
    assert tab.locator("#funnel-steps input[data-suggest]").first.input_value().startswith("<script>")
    show(running, tab, f"explore?category={hostile}&nodes={hostile}&split={hostile}")
    show(running, tab, f"paths?anchor={hostile}&window=-1&depth=99")
