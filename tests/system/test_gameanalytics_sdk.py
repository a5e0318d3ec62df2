"""The real GameAnalytics SDK for JavaScript, in a real browser, sends to a real server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from tests.support.browser import find_browser, running_browser
from tests.support.ingest import answered_statuses
from tests.support.installation import SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY, Installation, Row, installation
from tests.support.sdk_page import FORMS, queued_sdk_page, sdk_page

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine"),
]

START = """
([player, key, secret]) => {
    const game = gameanalytics.GameAnalytics;
    game.configureBuild("web 1.2.3");
    game.configureUserId(player);
    game.configureAvailableResourceCurrencies(["gold"]);
    game.configureAvailableResourceItemTypes(["lives"]);
    game.configureAvailableCustomDimensions01(["ninja"]);
    game.setEventProcessInterval(1);
    game.initialize(key, secret);
    game.setCustomDimension01("ninja");
}
"""
PLAY = """
() => {
    const {GameAnalytics: game, EGAResourceFlowType, EGAProgressionStatus, EGAErrorSeverity} = gameanalytics;
    game.addBusinessEvent("USD", 99, "GoldPacks", "1000", "EndOfLevel");
    game.addResourceEvent(EGAResourceFlowType.Source, "gold", 400, "lives", "extra");
    game.addResourceEvent(EGAResourceFlowType.Sink, "gold", 12.5, "lives", "extra");
    game.addProgressionEvent(EGAProgressionStatus.Start, "world01", "stage01", "level01");
    game.addProgressionEvent(EGAProgressionStatus.Complete, "world01", "stage01", "level01", 1300);
    game.addDesignEvent("Kill:Sword:Robot", 2.5);
    game.addDesignEvent("Opened:Shop");
    game.addErrorEvent(EGAErrorSeverity.Error, "boom \\u2620 <script>");
}
"""
DESIGN = "name => gameanalytics.GameAnalytics.addDesignEvent(name)"
END = "() => gameanalytics.GameAnalytics.endSession()"
PLAYED = [
    ("business", "GoldPacks:1000", None, 99, "USD", None),
    ("design", "Kill:Sword:Robot", 2.5, None, None, None),
    ("design", "Opened:Shop", None, None, None, None),
    ("error", None, None, None, None, "boom ☠ <script>"),
    ("progression", "Complete:world01:stage01:level01", None, None, None, None),
    ("progression", "Start:world01:stage01:level01", None, None, None, None),
    ("resource", "Sink:gold:lives:extra", -12.5, None, None, None),
    ("resource", "Source:gold:lives:extra", 400, None, None, None),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("sdk") / "data") as made:
        made.start_run()
        yield made


def open_game(page: Page, url: str, player: str) -> list[str]:
    """Load the page and start the SDK; returns the list of errors that the browser will report."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.evaluate(START, [player, SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY])
    return errors


def wait_for_rows(made: Installation, page: Page, player: str, count: int) -> list[Row]:
    """The player's rows in the order of their meaning, once there are so many."""
    question = f"SELECT * FROM events WHERE player_id = '{player}' ORDER BY session_num, category, event_id"  # noqa: S608
    deadline = time.monotonic() + 40
    while len(rows := made.sql(question)) < count and time.monotonic() < deadline:
        page.wait_for_timeout(100)  # the browser goes on meanwhile
    assert len(rows) == count, [(row["category"], row["event_id"]) for row in rows]
    return rows


def meaning(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in ("category", "event_id", "value", "amount", "currency", "message"))


def test_what_is_played_is_stored_once(running: Installation, browser: Browser) -> None:
    context = browser.new_context()
    with sdk_page(running.collector_port) as url:
        page = context.new_page()
        errors = open_game(page, url, "sdk-player")
        wait_for_rows(running, page, "sdk-player", 1)
        page.evaluate(PLAY)
        wait_for_rows(running, page, "sdk-player", 1 + len(PLAYED))
        page.evaluate(END)
        rows = wait_for_rows(running, page, "sdk-player", 1 + len(PLAYED) + 1)
        assert [meaning(row) for row in rows[: len(PLAYED)]] == PLAYED
        assert [row["category"] for row in rows[len(PLAYED) :]] == ["session_end", "user"]
        assert len({row["session_id"] for row in rows}) == 1
        assert {(row["session_num"], row["build"], row["custom_01"]) for row in rows[: len(PLAYED)]} == {
            (1, "web 1.2.3", "ninja")
        }
        assert rows[0]["cart_type"] == "EndOfLevel"
        assert next(row["score"] for row in rows if str(row["event_id"]).startswith("Complete")) == 1300
        assert errors == []
        # The browser asked before it sent (CORS), and was answered 204.
        running.wait_until(lambda: answered_statuses(running).get(204, 0) >= 2, "the preflights to be counted")

        page.reload()
        errors = open_game(page, url, "sdk-player")
        page.evaluate(DESIGN, "Second:Visit")
        page.evaluate(END)
        again = wait_for_rows(running, page, "sdk-player", len(rows) + 3)[len(rows) :]
        assert [(row["category"], row["event_id"], row["session_num"]) for row in again] == [
            ("design", "Second:Visit", 2),
            ("session_end", None, 2),
            ("user", None, 2),
        ]
        assert {row["session_id"] for row in again} != {rows[0]["session_id"]}
        assert errors == []
    context.close()
    assert running.sql("SELECT session_num, events FROM sessions WHERE player_id = 'sdk-player' ORDER BY 1") == [
        {"session_num": 1, "events": len(PLAYED) + 2},
        {"session_num": 2, "events": 3},
    ]
    assert running.sql("SELECT count(*) AS n FROM rejected_events") == [{"n": 0}]


def test_remote_configs_are_ready(running: Installation, browser: Browser) -> None:
    """A game that waits for its configuration must not wait for ever."""
    page = browser.new_page()
    with sdk_page(running.collector_port) as url:
        open_game(page, url, "configured")
        page.wait_for_function("() => gameanalytics.GameAnalytics.isRemoteConfigsReady()", timeout=20_000)
        assert json.loads(page.evaluate("() => gameanalytics.GameAnalytics.getRemoteConfigsContentAsString()")) == {}
        wait_for_rows(running, page, "configured", 1)
    page.close()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_package_sends_to_the_address_of_the_guide(
    running: Installation, browser: Browser, form: str
) -> None:
    """Init and events, with the two lines of docs/guides/sdks/javascript.md and the file as published."""
    player = f"form-{form.replace(' ', '-')}"
    page = browser.new_page()
    with sdk_page(running.collector_port, form) as url:
        errors = open_game(page, url, player)
        page.wait_for_function("() => gameanalytics.GameAnalytics.isRemoteConfigsReady()", timeout=20_000)
        page.evaluate(DESIGN, "Opened:Shop")
        rows = wait_for_rows(running, page, player, 2)
        assert [row["category"] for row in rows] == ["design", "user"]
        assert errors == []
    page.close()


def test_a_queue_from_before_the_script_is_sent_to_the_address_of_the_guide(
    running: Installation, browser: Browser
) -> None:
    page = browser.new_page()
    queued: list[list[object]] = [
        ["setEventProcessInterval", 1],
        ["configureUserId", "queued-player"],
        ["initialize", SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY],
        ["addDesignEvent", "Queued:Before"],
    ]
    with queued_sdk_page(running.collector_port, queued) as url:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        rows = wait_for_rows(running, page, "queued-player", 2)
        assert [row["event_id"] for row in rows] == ["Queued:Before", None]
        ours = (url, f"http://127.0.0.1:{running.collector_port}/")
        assert [address for address in asked if not address.startswith((*ours, "data:"))] == []
    page.close()


def test_the_sdk_keeps_its_events_while_the_collector_is_away(tmp_path: Path, browser: Browser) -> None:
    with installation(tmp_path / "data") as made:
        made.data_dir.mkdir()
        with ControlDatabase(made.data_dir / "control.sqlite3", SystemClock()) as control:
            control.ensure_sandbox()
        made.start("collect")
        made.start("serve")
        made.wait_for_collector()
        made.wait_for_console()
        page = browser.new_page()
        with sdk_page(made.collector_port) as url:
            open_game(page, url, "patient")
            wait_for_rows(made, page, "patient", 1)
            made.stop("collect")
            for number in range(5):
                page.evaluate(DESIGN, f"While:Away{number}")
                page.wait_for_timeout(700)  # over several attempts to send
            assert len(wait_for_rows(made, page, "patient", 1)) == 1
            made.start("collect")
            made.wait_for_collector()
            page.evaluate(DESIGN, "And:Back")
            rows = wait_for_rows(made, page, "patient", 7)
            assert [row["event_id"] for row in rows[:6]] == [
                "And:Back",
                *(f"While:Away{number}" for number in range(5)),
            ]
        page.close()
