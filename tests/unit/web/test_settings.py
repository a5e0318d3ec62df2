"""The pages of settings: who sees them, what they change, and that the password is asked for again."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.control.audit_log import AuditFilter
from questlog.control.database import ControlDatabase
from questlog.control.grants import NamedGrant, Role
from questlog.model.finding import Finding, Level
from tests.support.console import FakeConsole, SettableClock
from tests.support.pages import app_with_pages

Browser = TestClient[Litestar]
PASSWORD = "correct horse"
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two games, and a user of each role: made once, for hashing passwords is slow."""
    path = tmp_path_factory.mktemp("settings") / "control.sqlite3"
    with ControlDatabase(path, SettableClock()) as control:
        for name in ("Mine", "Theirs"):
            control.create_game(name)
        for role in Role:
            control.create_user(f"{role}@example.com", PASSWORD, role)
    return path


@pytest.fixture
def console(tmp_path: Path, database: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path, database=database)
    yield fake
    fake.close()


@pytest.fixture
def browser(console: FakeConsole) -> Iterator[Browser]:
    with TestClient(app_with_pages(console.services), raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
def owner(browser: Browser) -> Browser:
    log_in(browser, email="owner@example.com", password=PASSWORD)
    return browser


def log_in(browser: Browser, **fields: str) -> None:
    answer = browser.post("/login", data={"form_token": token_of(get(browser, "/login")), **fields})
    assert answer.status_code == 303, answer.text


def get(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def token_of(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """A form of a page of ours, as a browser sends it."""
    return browser.post(path, data={"form_token": token_of(get(browser, "/account")), **fields})


def done(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].partition("?done=")[2]


PAGES = {
    "game": {Role.ADMIN, Role.OWNER},
    "keys": {Role.ADMIN, Role.OWNER},
    "data": {Role.ADMIN, Role.OWNER},
    "server": {Role.ADMIN, Role.OWNER},
    "team": {Role.OWNER},
    "team/audit": {Role.OWNER},
}


@pytest.mark.parametrize("role", Role)
def test_pages_are_for_roles_that_may_change_what_they_show(browser: Browser, role: Role) -> None:
    log_in(browser, email=f"{role}@example.com", password=PASSWORD)
    answers = {page: browser.get(f"/games/1/{page}").status_code for page in PAGES}
    assert answers == {page: 200 if role in roles else 403 for page, roles in PAGES.items()}
    assert browser.get("/account").status_code == 200
    for page in ("game", "keys/secret", "keys/rotate", "keys/api", "data", "data/delete", "team"):
        answer = send(browser, f"/games/1/{page}", action="create", name="x")
        assert (answer.status_code == 403) == (
            role not in PAGES[page.partition("/")[0]] or (page == "data/delete" and role is not Role.OWNER)
        )


def test_the_server_is_not_for_owners_of_one_game(console: FakeConsole, browser: Browser) -> None:
    console.control.create_user("one@example.com", PASSWORD, Role.OWNER, ["Mine"])
    log_in(browser, email="one@example.com", password=PASSWORD)
    assert browser.get("/games/1/server").status_code == 403
    assert browser.get("/games/2/team").status_code == 404
    assert send(browser, "/games/1/data", action="rebuild").status_code == 403
    assert "Log-ins" not in get(browser, "/games/1/team")
    assert 'href="/games/1/server"' not in get(browser, "/games/1/team")


# Keys


def test_a_secret_is_shown_when_it_is_asked_for_and_the_look_is_recorded(console: FakeConsole, owner: Browser) -> None:
    secret = console.control.find_game("1").secret_key
    assert secret not in get(owner, "/games/1/keys")
    assert secret in send(owner, "/games/1/keys/secret").text
    [entry] = console.control.list_audit(AuditFilter(limit=1))
    assert (entry.action, entry.who, entry.game) == ("game.show_secret", "owner@example.com", "Mine")


def test_a_secret_is_replaced_with_a_time_for_the_old_one(console: FakeConsole, owner: Browser) -> None:
    old = console.control.find_game("1")
    page = send(owner, "/games/1/keys/rotate", keep_old_s="86400").text
    new = console.control.find_game("1")
    assert new.secret_key in page
    assert new.old_secret_key_at(console.clock.us) == old.secret_key
    assert "accepted until" in page
    assert done(send(owner, "/games/1/keys/end-old")) == "ended"
    assert console.control.find_game("1").old_secret_key_at(console.clock.us) is None
    assert send(owner, "/games/1/keys/end-old").status_code == 404


def test_api_keys_are_made_shown_replaced_and_revoked(console: FakeConsole, owner: Browser) -> None:
    def key() -> str:
        found = console.control.live_api_key("1", "server")
        return found.key if found else "none"

    made = send(owner, "/games/1/keys/api", action="create", name="server").text
    assert key() in made
    first = key()
    assert first not in get(owner, "/games/1/keys")
    assert first in send(owner, "/games/1/keys/api", action="show", name="server").text
    rotated = send(owner, "/games/1/keys/api", action="rotate", name="server", keep_old_s="86400").text
    assert key() in rotated
    assert key() != first
    assert "replaced; accepted until" in get(owner, "/games/1/keys")
    taken = send(owner, "/games/1/keys/api", action="create", name="server")
    assert (taken.status_code, "already" in taken.text, 'value="server"' in taken.text) == (400, True, True)
    assert done(send(owner, "/games/1/keys/api", action="revoke", name="server")) == "revoked"
    assert key() == "none"


# The password again


def test_after_a_while_the_password_is_asked_for_and_nothing_typed_is_lost(
    console: FakeConsole, owner: Browser
) -> None:
    console.clock.us += HOUR_US
    hostile = '"><script>alert(1)</script>'
    asked = send(owner, "/games/1/team", action="create_token", name=hostile, role="viewer", scope="game")
    assert asked.status_code == 403
    assert "<script>alert" not in asked.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.text))
    fields = {name: html.unescape(value) for name, value in hidden.items()}
    assert (fields["action"], fields["name"]) == ("create_token", hostile)
    assert 'action="/games/1/team"' in asked.text
    wrong = owner.post("/games/1/team", data={**fields, "proof": "wrong"})
    assert (wrong.status_code, "not right" in wrong.text) == (403, True)
    assert [token.name for token in console.control.list_tokens()] == ["tests"]
    fields["name"] = "ci"
    assert owner.post("/games/1/team", data={**fields, "proof": PASSWORD}).status_code == 200
    assert [token.name for token in console.control.list_tokens()] == ["tests", "ci"]
    assert send(owner, "/games/1/keys/secret").status_code == 200


def test_what_is_not_sensitive_is_changed_without_the_password(console: FakeConsole, owner: Browser) -> None:
    console.clock.us += HOUR_US
    assert done(send(owner, "/games/1/game", action="game", name="Renamed", time_zone="UTC")) == "game"
    for path in ("keys/secret", "keys/rotate", "keys/end-old", "keys/api", "team", "data/delete"):
        assert send(owner, f"/games/1/{path}").status_code == 403


def test_a_proof_with_a_form_of_another_site_changes_nothing(console: FakeConsole, owner: Browser) -> None:
    before = console.control.find_game("1").secret_key
    answer = owner.post("/games/1/keys/rotate", data={"form_token": "0" * 64, "proof": PASSWORD})
    assert answer.status_code == 403
    assert console.control.find_game("1").secret_key == before


# Team


def test_somebody_is_invited_joins_and_is_removed(console: FakeConsole, owner: Browser) -> None:
    page = send(owner, "/games/1/team", action="add", email="New@example.com", role="analyst", scope="game").text
    found = re.search(r'value="http://[^"]+(/join/[^"]+)"', page)
    assert found is not None
    assert "new@example.com" in get(owner, "/games/1/team")
    with TestClient(app_with_pages(console.services), raise_server_exceptions=False) as other:
        other.follow_redirects = False
        form = get(other, found[1])
        assert 'value="new@example.com" readonly' in form
        sent = {"form_token": token_of(form), "password": PASSWORD, "again": "another"}
        assert "not the same" in other.post(found[1], data=sent).text
        answer = other.post(found[1], data={**sent, "again": PASSWORD})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert other.get("/games/1/team").status_code == 403
        assert other.get(found[1]).status_code == 404
        assert other.get("/join/nonsense").status_code == 404
    users = {user.email: user.grants for user in console.control.list_users()}
    assert users["new@example.com"] == [NamedGrant(Role.ANALYST, "Mine")]
    assert done(send(owner, "/games/1/team", action="remove", email="new@example.com")) == "removed"


def test_a_user_who_is_there_gets_another_role(console: FakeConsole, owner: Browser) -> None:
    assert (
        done(send(owner, "/games/1/team", action="add", email="viewer@example.com", role="admin", scope="game"))
        == "role"
    )
    users = {user.email: user.grants for user in console.control.list_users()}
    assert users["viewer@example.com"] == [NamedGrant(Role.VIEWER), NamedGrant(Role.ADMIN, "Mine")]
    assert (
        done(send(owner, "/games/1/team", action="set_role", email="viewer@example.com", role="none", scope="all"))
        == "role"
    )
    refused = send(owner, "/games/1/team", action="set_role", email="owner@example.com", role="viewer", scope="all")
    assert (refused.status_code, "only owner" in refused.text) == (400, True)


def test_a_link_for_another_password_is_shown_once(console: FakeConsole, owner: Browser) -> None:
    page = send(owner, "/games/1/team", action="password_link", email="viewer@example.com").text
    found = re.search(r"/join/([\w-]+)", page)
    assert found is not None
    assert console.control.find_invitation(found[1]) is not None
    [invitation] = console.control.list_invitations()
    assert (
        done(send(owner, "/games/1/team", action="withdraw", invitation_id=str(invitation.invitation_id)))
        == "withdrawn"
    )
    assert console.control.find_invitation(found[1]) is None


def test_a_token_is_shown_once_and_revoked(console: FakeConsole, owner: Browser) -> None:
    page = send(
        owner, "/games/1/team", action="create_token", name="ci", role="viewer", scope="game", lifetime_s="604800"
    )
    found = re.search(r'value="(ql_[\w-]+)"', page.text)
    assert found is not None
    known = console.control.find_token(found[1])
    assert known is not None
    assert known.expires_at == console.clock.us + 604_800_000_000
    assert found[1] not in get(owner, "/games/1/team")
    assert done(send(owner, "/games/1/team", action="revoke_token", name="ci")) == "revoked"
    assert console.control.find_token(found[1]) is None


def test_the_audit_log_has_pages(console: FakeConsole, owner: Browser) -> None:
    for number in range(60):
        console.control.record("read", game_id=1, game="Mine", subject=f"player {number}")
    page = get(owner, "/games/1/team/audit")
    assert ("player 59" in page, "player 9<" in page) == (True, False)
    earlier = re.search(r'href="([^"]+before=\d+)"', page)
    assert earlier is not None
    assert "player 9<" in get(owner, html.unescape(earlier[1]))
    assert "No entries" in get(owner, "/games/1/team/audit?who=nobody")
    assert owner.get("/games/1/team/audit?before=x&of=all").status_code == 200


# Account


def test_a_password_is_changed_with_the_old_one(console: FakeConsole, owner: Browser) -> None:
    new = {"new_password": "another one", "again": "another one"}
    wrong = send(owner, "/account/password", password="wrong", **new)
    assert (wrong.status_code, "old password is wrong" in wrong.text) == (422, True)
    assert "not the same" in send(owner, "/account/password", password=PASSWORD, new_password="a", again="b").text
    assert done(send(owner, "/account/password", password=PASSWORD, **new)) == "password"
    assert owner.get("/account").status_code == 200
    assert console.control.check_password("owner@example.com", "another one") is not None


def test_other_log_ins_are_ended(console: FakeConsole, owner: Browser) -> None:
    with TestClient(app_with_pages(console.services), raise_server_exceptions=False) as other:
        other.follow_redirects = False
        log_in(other, email="owner@example.com", password=PASSWORD)
        [_, newest] = console.control.list_logins("owner@example.com")
        assert done(send(owner, "/account/log-ins", login_id=str(newest.login_id))) == "ended"
        assert other.get("/account").status_code == 303
        log_in(other, email="owner@example.com", password=PASSWORD)
        assert done(send(owner, "/account/log-ins")) == "others"
    assert len(console.control.list_logins("owner@example.com")) == 1
    assert send(owner, "/account/log-ins", login_id="99").status_code == 404


# Game, data, server


def test_a_game_is_renamed_and_moved_to_another_zone(console: FakeConsole, owner: Browser) -> None:
    assert done(send(owner, "/games/1/game", action="game", name="Sky", time_zone="Europe/Berlin")) == "game"
    game = console.control.find_game("1")
    assert (game.name, game.time_zone) == ("Sky", "Europe/Berlin")
    wrong = send(owner, "/games/1/game", action="game", name="Theirs", time_zone="Nowhere/Else")
    assert (wrong.status_code, 'value="Nowhere/Else"' in wrong.text) == (400, True)


def test_what_a_game_accepts_is_changed(console: FakeConsole, owner: Browser) -> None:
    fields = {"is_strict": "1", "event_names": "jump\r\n run \r\n\r\n"}
    assert done(send(owner, "/games/1/game", action="accepts", **fields)) == "accepts"
    game = console.control.find_game("1")
    assert (game.is_enabled, game.is_strict, game.event_names) == (False, True, frozenset({"jump", "run"}))


def test_fewer_days_are_confirmed_with_the_name_of_the_game(console: FakeConsole, owner: Browser) -> None:
    asked = send(owner, "/games/1/game", action="kept", keep="days", days="30")
    assert (asked.status_code, "Type the name of the game" in asked.text) == (409, True)
    assert console.control.find_game("1").keep_days is None
    assert done(send(owner, "/games/1/game", action="kept", keep="days", days="30", confirm="Mine")) == "kept"
    assert console.control.find_game("1").keep_days == 30
    assert done(send(owner, "/games/1/game", action="kept", keep="for_ever")) == "kept"
    assert send(owner, "/games/1/game", action="kept", keep="days", days="0").status_code == 400


def test_receipts_are_checked_with_what_is_set(console: FakeConsole, owner: Browser) -> None:
    assert done(send(owner, "/games/1/game", action="receipts", apple_bundle_id="com.example")) == "receipts"
    assert console.control.find_receipt_settings("1").apple_bundle_id == "com.example"
    assert send(owner, "/games/1/game", action="receipts", google_licence_key="nonsense").status_code == 400
    assert send(owner, "/games/1/game", action="nonsense").status_code == 400


def test_a_rebuild_and_a_reprice_are_started_and_cancelled(console: FakeConsole, owner: Browser) -> None:
    assert done(send(owner, "/games/1/data", action="rebuild")) == "rebuild"
    assert done(send(owner, "/games/1/data", action="try")) == "try"
    assert send(owner, "/games/1/data", action="reprice").status_code == 409
    assert done(send(owner, "/games/1/data", action="cancel_reprice")) == "cancel"
    assert done(send(owner, "/games/1/data", action="cancel_rebuild")) == "cancel"
    actions = [entry.action for entry in console.control.list_audit(AuditFilter(limit=4))]
    assert actions == ["rebuild.cancel", "reprice.cancel", "reprice.start", "rebuild.start"]


def test_a_game_is_deleted_with_its_name(console: FakeConsole, owner: Browser) -> None:
    assert send(owner, "/games/1/data/delete", confirm="mine").status_code == 409
    answer = send(owner, "/games/1/data/delete", confirm="Mine")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/games")
    assert [game.name for game in console.control.list_games()] == ["Theirs"]


def test_the_server_page_says_what_the_checks_find(console: FakeConsole, owner: Browser) -> None:
    console.progress.found = [Finding(Level.OK, "disk", "80 GB free")]
    assert "All checks are fine" in get(owner, "/games/1/server")
    console.progress.found.append(Finding(Level.FAIL, "clock", "set the clock"))
    page = get(owner, "/games/1/server")
    assert ("Something is wrong" in page, "set the clock" in page, "1.2.3" in page) == (True, True, True)


def test_names_of_people_and_keys_are_text(console: FakeConsole, owner: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    console.control.create_api_key("1", hostile)
    console.control.create_token(hostile)
    console.control.record("read", game_id=1, game="Mine", subject=hostile)
    for page in ("keys", "team", "team/audit"):
        text = get(owner, f"/games/1/{page}")
        assert hostile not in text
        assert html.escape(hostile) in text
