import datetime as dt
import re

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.control.grants import Role
from questlog.rates.rates import RateSource
from questlog.rates.status import RatesStatus
from tests.support.console import FakeConsole
from tests.support.pages import app_with_pages

Browser = TestClient[Litestar]


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


def log_in(browser: Browser, **fields: str) -> httpx.Response:
    fields = {"form_token": form_token(browser.get("/login")), **fields}
    return browser.post("/login", data=fields)


def test_who_is_not_logged_in_is_sent_to_the_form(browser: Browser) -> None:
    answer = browser.get("/status")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fstatus")


def test_a_token_logs_in(console: FakeConsole, browser: Browser) -> None:
    answer = log_in(browser, token=f" {console.token} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = browser.get("/status")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Status" in page.text
    assert "token tests" in page.text


def test_a_password_logs_in(console: FakeConsole, browser: Browser) -> None:
    console.control.create_user("me@example.com", "password1")
    assert log_in(browser, email="me@example.com", password="password1").headers["Location"] == "/"
    assert "me@example.com" in browser.get("/status").text


def test_cookies_are_for_this_site_and_not_for_scripts(console: FakeConsole, browser: Browser) -> None:
    cookie = log_in(browser, token=console.token).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_behind_https_cookies_are_for_https_only(browser: Browser) -> None:
    answer = browser.get("/login", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize(
    "fields",
    [{"token": "ql_wrong"}, {"email": "me@example.com", "password": "wrong"}, {"email": "you@example.com"}, {}],
)
def test_who_is_wrong_stays_outside(console: FakeConsole, browser: Browser, fields: dict[str, str]) -> None:
    console.control.create_user("me@example.com", "password1")
    answer = log_in(browser, **fields)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert browser.get("/status").status_code == 303


def test_a_form_of_another_site_logs_nobody_in(console: FakeConsole, browser: Browser) -> None:
    browser.get("/login")
    assert browser.post("/login", data={"token": console.token}).status_code == 403
    assert browser.post("/login", data={"token": console.token, "form_token": "0" * 64}).status_code == 403
    assert browser.get("/status").status_code == 303


def test_after_ten_wrong_passwords_a_user_waits_where_they_came_from(console: FakeConsole, browser: Browser) -> None:
    console.control.create_user("me@example.com", "password1")
    for _ in range(10):
        assert log_in(browser, email="me@example.com", password="wrong").status_code == 401
    answer = log_in(browser, email="me@example.com", password="password1")
    assert answer.status_code == 429
    assert "Please wait 60 s." in answer.text
    console.clock.us += 60_000_000
    assert log_in(browser, email="me@example.com", password="password1").status_code == 303


def test_a_valid_token_logs_in_whatever_has_failed_before(console: FakeConsole, browser: Browser) -> None:
    for _ in range(20):
        assert log_in(browser, token="ql_wrong").status_code == 401
    assert log_in(browser, token="ql_wrong").status_code == 429
    assert log_in(browser, token=console.token).status_code == 303


def test_behind_https_the_cookies_are_for_this_host_only(console: FakeConsole, browser: Browser) -> None:
    https = {"X-Forwarded-Proto": "https"}
    browser.base_url = httpx.URL("https://testserver.local")
    page = browser.get("/login", headers=https)
    assert page.headers["Set-Cookie"].startswith("__Host-questlog_form=")
    fields = {"form_token": form_token(page), "token": console.token}
    cookie = browser.post("/login", data=fields, headers=https).headers["Set-Cookie"]
    assert cookie.startswith("__Host-questlog_login=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert browser.get("/status", headers=https).status_code == 200
    browser.cookies.set("questlog_login", browser.cookies["__Host-questlog_login"])
    browser.cookies.delete("__Host-questlog_login")
    assert browser.get("/status", headers=https).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
    ],
)
def test_a_change_that_another_site_asks_for_is_refused(
    console: FakeConsole, browser: Browser, headers: dict[str, str]
) -> None:
    fields = {"form_token": form_token(browser.get("/login")), "token": console.token}
    assert browser.post("/login", data=fields, headers=headers).status_code == 403
    log_in(browser, token=console.token)
    browser.post("/logout", data={"form_token": form_token(browser.get("/status"))}, headers=headers)
    assert browser.get("/status").status_code == 200


def test_a_change_of_our_own_page_is_taken(console: FakeConsole, browser: Browser) -> None:
    fields = {"form_token": form_token(browser.get("/login")), "token": console.token}
    headers = {"Origin": "http://testserver.local", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/login", data=fields, headers=headers).status_code == 303


def test_a_log_in_has_a_new_id_and_ends_the_one_before(console: FakeConsole, browser: Browser) -> None:
    log_in(browser, token=console.token)
    first = browser.cookies["questlog_login"]
    log_in(browser, token=console.token)
    assert browser.cookies["questlog_login"] != first
    browser.cookies.set("questlog_login", first)
    assert browser.get("/status").status_code == 303


def test_a_log_in_holds_over_a_restart(console: FakeConsole, browser: Browser) -> None:
    log_in(browser, token=console.token)
    again = app_with_pages(console.services)
    with TestClient(again, cookies=dict(browser.cookies)) as client:
        page = client.get("/status")
        assert "token tests" in page.text
        assert form_token(page) == form_token(browser.get("/status"))


def test_who_may_see_one_game_sees_only_that(console: FakeConsole, browser: Browser) -> None:
    console.control.create_game("Sky Raiders")
    console.control.create_game("Secret Project")
    log_in(browser, token=console.token_of(Role.VIEWER, "Sky Raiders"))
    page = browser.get("/status").text
    assert "Sky Raiders" in page
    assert "Secret Project" not in page


def test_a_viewer_is_told_that_reasons_are_hidden_and_not_that_there_are_none(
    console: FakeConsole, browser: Browser
) -> None:
    console.control.create_game("Sky Raiders")
    log_in(browser, token=console.token_of(Role.VIEWER, "Sky Raiders"))
    page = browser.get("/status").text
    assert "No event was rejected" not in page
    assert "<code>personal_data</code>" in page
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "No event was rejected" in page
    assert "<code>personal_data</code>" not in page


def test_who_may_see_no_game_is_not_told_to_make_one(console: FakeConsole, browser: Browser) -> None:
    console.control.create_game("Sky Raiders")
    console.control.create_user("ann@example.com", "correct horse", Role.VIEWER)
    console.control.set_role("ann@example.com", None)
    log_in(browser, email="ann@example.com", password="correct horse")
    page = browser.get("/status").text
    assert "questlog game create" not in page
    assert "questlog user set-role" in page


def test_log_out_ends_it_everywhere(console: FakeConsole, browser: Browser) -> None:
    log_in(browser, token=console.token)
    cookie = browser.cookies["questlog_login"]
    assert browser.post("/logout", data={"form_token": "0" * 64}).status_code == 303
    assert browser.get("/status").status_code == 200
    browser.post("/logout", data={"form_token": form_token(browser.get("/status"))})
    browser.cookies.set("questlog_login", cookie)
    assert browser.get("/status").status_code == 303


def test_without_a_game_the_page_says_how_to_make_one(console: FakeConsole, browser: Browser) -> None:
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "questlog game create" in page
    assert "No events yet" not in page


def test_without_an_event_the_page_says_how_to_send_one(console: FakeConsole, browser: Browser) -> None:
    game = console.control.create_game("Sky Raiders")
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "No events yet" in page
    assert f":7450/v2/{game.game_key}/events" in page
    assert game.secret_key not in page


def test_what_players_and_games_are_called_cannot_become_html(console: FakeConsole, browser: Browser) -> None:
    console.control.create_game("<img src=x>")
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


def test_problems_come_first(console: FakeConsole, browser: Browser) -> None:
    console.progress.reasons = ["collector 2 cannot write: no space left"]
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "Not ready" in page
    assert "collector 2 cannot write: no space left" in page


def rates(error: str | None) -> RatesStatus:
    return RatesStatus(
        source=RateSource.ECB,
        is_approximate=False,
        is_fetched_daily=True,
        newest_day=dt.date(2025, 12, 29),
        age_days=3,
        fetched_at=None,
        error=error,
    )


def test_the_age_of_exchange_rates_is_shown(console: FakeConsole, browser: Browser) -> None:
    console.progress.rates = [rates(None)]
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "3 d old" in page
    assert "fetching new ones" not in page


def test_exchange_rates_that_cannot_be_fetched_are_warned_of(console: FakeConsole, browser: Browser) -> None:
    console.progress.rates = [rates("no way out")]
    log_in(browser, token=console.token)
    page = browser.get("/status").text
    assert "up to 2025-12-29, 3 days old; fetching new ones fails: no way out" in page
    assert "Not ready" not in page


def test_pages_have_no_inline_script_or_style(console: FakeConsole, browser: Browser) -> None:
    log_in(browser, token=console.token)
    for path in ("/status", "/login"):
        page = browser.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
        for source in re.findall(r'(?:src|href)="([^"#]+)"', page):
            assert source.startswith("/")


@pytest.mark.parametrize("name", ["../pages.py", "%2e%2e/pages.py", "nothing.css", "%00", "x" * 5000, ""])
def test_nothing_else_is_served(browser: Browser, name: str) -> None:
    assert browser.get(f"/assets/{name}").status_code == 404
