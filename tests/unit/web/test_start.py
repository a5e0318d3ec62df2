"""The first run: a game, code to paste, and what arrives."""

import datetime as dt
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.console.demo import DEMO_GAME_KEY, DemoState, DemoStatus
from questlog.control.audit_log import AuditFilter
from questlog.control.grants import Role
from questlog.web.snippets import OTHER_GUIDES, SendingKeys, snippets
from tests.support.console import FakeConsole
from tests.support.pages import app_with_pages
from tests.unit.web.test_pages import form_token, log_in

Browser = TestClient[Litestar]
GUIDES = "docs/guides/sdks"


@pytest.fixture
def owner(console: FakeConsole, browser: Browser) -> Browser:
    console.control.create_user("me@example.com", "password1", Role.OWNER)
    log_in(browser, email="me@example.com", password="password1")
    return browser


def test_without_a_game_the_way_in_leads_to_making_one(console: FakeConsole, owner: Browser) -> None:
    for game in console.control.list_games():
        console.control.delete_game(game.game_key, game.name)
    assert owner.get("/").headers["Location"] == "/start"


def test_the_log_in_page_says_what_to_do_while_there_is_no_user(console: FakeConsole, browser: Browser) -> None:
    assert "There is no user yet" in browser.get("/login").text
    console.control.create_user("me@example.com", "password1")
    assert "There is no user yet" not in browser.get("/login").text


def test_a_game_is_made_and_its_page_shows_keys_and_code(console: FakeConsole, owner: Browser) -> None:
    fields = {"form_token": form_token(owner.get("/start")), "name": "Mine", "time_zone": "Europe/Berlin"}
    made = owner.post("/start", data=fields)
    game = console.control.find_game("Mine")
    assert (made.status_code, made.headers["Location"]) == (303, f"/games/{game.game_id}/start")
    assert game.time_zone == "Europe/Berlin"
    page = owner.get(made.headers["Location"]).text
    api_key = console.control.live_api_key(game.game_key, "game-server")
    assert api_key is not None
    for key in (game.game_key, game.secret_key, api_key.key):
        assert key in page


def test_looking_at_the_keys_is_in_the_audit_log(console: FakeConsole, owner: Browser) -> None:
    game = console.control.create_game("Mine")
    owner.get(f"/games/{game.game_id}/start")
    assert "game.show_secret" in {entry.action for entry in console.control.list_audit(AuditFilter(limit=3))}


def test_secrets_are_not_shown_long_after_the_password(console: FakeConsole, owner: Browser) -> None:
    game = console.control.create_game("Mine")
    console.clock.us += 700 * 1_000_000
    page = owner.get(f"/games/{game.game_id}/start").text
    assert game.secret_key not in page
    assert "SECRET_KEY" in page


@pytest.mark.parametrize(("name", "zone"), [("", "UTC"), ("12", "UTC"), ("Mine", "Mars/Olympus")])
def test_what_cannot_be_is_told_and_what_was_typed_stays(owner: Browser, name: str, zone: str) -> None:
    fields = {"form_token": form_token(owner.get("/start")), "name": name, "time_zone": zone}
    answer = owner.post("/start", data=fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert f'value="{zone}"' in answer.text


def test_a_form_of_another_site_makes_nothing(console: FakeConsole, owner: Browser) -> None:
    before = len(console.control.list_games())
    assert owner.post("/start", data={"form_token": "0" * 64, "name": "Mine"}).status_code == 403
    owner.post("/start/demo", data={"form_token": "0" * 64})
    owner.post("/start/demo/remove", data={"form_token": "0" * 64})
    assert len(console.control.list_games()) == before


def test_viewers_see_neither_keys_nor_the_form(console: FakeConsole, browser: Browser) -> None:
    number = console.control.create_game("Mine").game_id
    console.control.create_user("view@example.com", "password1", Role.VIEWER)
    log_in(browser, email="view@example.com", password="password1")
    assert browser.get("/start").status_code == 403
    assert browser.get(f"/games/{number}/start").status_code == 403
    assert browser.get(f"/games/{number}/start/events").status_code == 403


def test_the_page_waits_then_says_what_was_understood_and_what_was_dropped(
    console: FakeConsole, owner: Browser
) -> None:
    game = console.control.create_game("Mine")
    url = f"/games/{game.game_id}/start/events"
    assert "Waiting for the first event" in owner.get(url).text
    now = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - the store's times are in UTC without a zone
    console.tables.insert(
        "events", game_id=game.game_id, received_at=now, category="design", event_id="kill:<b>", build="1.0"
    )
    console.tables.insert(
        "rejected_events",
        game_id=game.game_id,
        received_at=now,
        source="gameanalytics",
        reason="failed_validation",
        detail="build: wrong_length",
        errors='[{"error_type": "wrong_length", "path": "/build"}]',
        raw='{"build": "</script>"}',
        category="design",
        sdk_version="unity 7.10.6",
    )
    shown = owner.get(url).text
    assert "kill:&lt;b&gt;" in shown
    assert "<code>build</code> <strong>wrong_length</strong>" in shown
    assert "SetBuildAllPlatforms" in shown
    assert "</script>" not in shown


class MadeUp:
    """A maker of demo games that makes none."""

    def __init__(self) -> None:
        self.status = DemoStatus()
        self.asked: list[str] = []

    def start(self, who: str) -> bool:
        self.asked.append(who)
        self.status = DemoStatus(DemoState.RUNNING, 30)
        return True


def test_the_demo_game_is_made_watched_and_removed(console: FakeConsole) -> None:
    maker = MadeUp()
    console.control.create_user("me@example.com", "password1", Role.OWNER)
    app = app_with_pages(msgspec.structs.replace(console.services, demo=maker))
    with TestClient(app, raise_server_exceptions=False) as owner:
        owner.follow_redirects = False
        log_in(owner, email="me@example.com", password="password1")
        token = form_token(owner.get("/start"))
        assert owner.post("/start/demo", data={"form_token": token}).status_code == 303
        assert maker.asked == ["me@example.com"]
        assert '<progress max="90" value="30"' in owner.get("/start/demo").text
        maker.status = DemoStatus(DemoState.DONE, 90)
        console.control.create_game("Demo", DEMO_GAME_KEY)
        assert "Open the demo game" in owner.get("/start").text
        owner.post("/start/demo/remove", data={"form_token": token})
        assert DEMO_GAME_KEY not in {game.game_key for game in console.control.list_games()}
        maker.status = DemoStatus(DemoState.FAILED, message="the disk is full")
        assert "the disk is full" in owner.get("/start").text


def test_every_piece_of_code_has_its_keys_and_a_guide_that_exists() -> None:
    keys = SendingKeys("https://quest.example.org", "g" * 32, "s" * 40, "00000000-0000-0000-0000-000000000001")
    for snippet in snippets(keys):
        assert "quest.example.org" in snippet.code, snippet.name
        assert keys.game_key in snippet.code or keys.api_key in snippet.code, snippet.name
        assert not re.search(r"\{(url|host|port|tls|scheme|\w+_key)\}", snippet.code), snippet.name
    guides = {snippet.guide for snippet in snippets(keys)} | {guide for _, guide in OTHER_GUIDES}
    assert all((Path(GUIDES) / f"{guide}.md").exists() for guide in guides)


def test_the_line_for_curl_is_right_for_a_shell() -> None:
    for snippet in snippets(SendingKeys("http://localhost:7450", "g" * 32, "s" * 40)):
        if snippet.name.startswith("curl"):
            assert subprocess.run(["sh", "-n"], input=snippet.code.encode(), check=False).returncode == 0
