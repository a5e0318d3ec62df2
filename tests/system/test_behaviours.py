"""What scripts of the pages do: navigation, cards, forms, keys, lists, tables, suggestions, SQL editor, live rows."""

import threading
import urllib.parse
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.support.browser import find_browser, running_browser
from tests.support.frontend import Answer, page, served

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine"),
]

CONTROLS = """
<a id="weeks" data-key="w" href="/report?range=weeks">Weeks</a>
<a id="elsewhere" href="/other">Other</a>
<form action="/report" data-autosubmit><select id="range" name="range"><option value="">all</option>
<option value="days">days</option></select><input type="hidden" name="empty" value=""></form>
<button type="button" data-key="?" data-dialog="keys">Keys</button>
<dialog id="keys" data-light><div data-keys-list></div><button data-close>Close</button></dialog>
<details data-keep="more"><summary>More</summary>text</details>
"""

CARD = """<section class="card" id="card-dau" data-card hx-get="/card?{query}" hx-trigger="load" hx-swap="innerHTML">
<p class="skeleton">…</p></section>"""

TOOLS = """
<form method="post" action="/save"><input type="hidden" name="form_token" value="old"><input id="name" name="name">
<button>Save</button></form>
<form id="list-form" action="/report"><ol id="steps" data-list="step"></ol>
<template data-list-template="steps"><li data-row><span data-place></span><input name="step.0.event">
<button type="button" data-list-up>Up</button><button type="button" data-list-remove>Remove</button></li></template>
<button type="button" id="add" data-list-add="steps">Add</button><button>Go</button></form>
<table data-sortable id="table"><thead><tr><th>Name</th><th class="number">Count</th></tr></thead><tbody>
<tr><td>b</td><td data-value="10">10</td></tr><tr><td>a</td><td data-value="9">9</td></tr></tbody></table>
<form id="filter" action="/report"><label>Country
<input id="country" data-suggest="/suggest" data-suggest-name="country"></label><ul data-chosen="country"></ul></form>
<form action="/report"><div data-sql-editor data-focus><script type="application/json" class="sql-schema">
{"events": ["event_id"]}</script><textarea name="sql" aria-label="SQL">SELECT 1</textarea></div></form>
<div data-live="/stream"><span data-live-said></span><button type="button" data-live-pause>Pause</button>
<ul data-live-rows></ul><p hidden>and <span data-live-more></span> more</p></div>
"""

STREAM = """event: rows
data: <li>first</li>

event: rows
data: <li>second</li>

event: more
data: 3120

"""


class Site:
    """A site of three pages that remembers what was sent to it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_logged_in = True
        self.may_answer = threading.Event()
        self.may_answer.set()

    def answer(self, path: str, body: bytes) -> Answer:
        place, _, query = path.partition("?")
        if place == "/card":
            self.may_answer.wait(10)
            return Answer(f"<p>dau {query}</p>")
        if place == "/suggest":
            return Answer('<li role="option" data-value="DE">Germany <span>1,204</span></li><li role="option">FR</li>')
        if place == "/stream":
            return Answer(STREAM, "text/event-stream")
        if place == "/tools":
            token = "" if self.is_logged_in else "new"
            return Answer(page(TOOLS.replace("old", token or "old"), "Tools"))
        if place == "/login":
            return Answer("<html><title>Log in</title></html>")
        if place == "/save":
            return self._save(body.decode())
        if place == "/broken":
            return Answer("no page", "text/plain")
        heading = f"<h1>{place} {query}</h1>"
        return Answer(page(heading + CONTROLS + CARD.format(query=query), f"{place} {query}"))

    def _save(self, body: str) -> Answer:
        if not self.is_logged_in and "form_token=new" not in body:
            return Answer("", status=303, location="/login")
        self.sent.append(body)
        return Answer("", status=303, location="/report?range=saved")


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Page, str, list[Site]]]:
    sites: list[Site] = []

    def answer(path: str, body: bytes) -> Answer:
        return sites[-1].answer(path, body)

    with served(answer) as address, running_browser() as browser:
        yield browser.new_page(viewport={"width": 900, "height": 400}), address, sites


@pytest.fixture
def site(shared: tuple[Page, str, list[Site]]) -> Site:
    shared[2].append(Site())
    return shared[2][-1]


@pytest.fixture
def tab(shared: tuple[Page, str, list[Site]], site: Site) -> Iterator[Page]:
    tab, address, _ = shared
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(f"{address}/report?range=days")
    tab.wait_for_selector("#card-dau[data-loaded]")
    tab.evaluate("window.isSame = true")
    yield tab
    tab.unroute_all()
    expected = ("Failed to load resource", "htmx: htmx:error")
    assert [each for each in complaints if not each.startswith(expected)] == []


def is_swapped(tab: Page) -> bool:
    """Whether the page is still the document that was loaded first."""
    return bool(tab.evaluate("window.isSame === true"))


def test_a_link_exchanges_the_page_and_back_undoes_it(tab: Page) -> None:
    tab.locator("details summary").click()
    tab.locator("#weeks").click()
    tab.wait_for_url("**/report?range=weeks")
    assert tab.locator("h1").inner_text() == "/report range=weeks"
    assert tab.locator("details[open]").count() == 1
    assert tab.evaluate("document.activeElement.id") == "weeks"
    tab.locator("#card-dau >> text=dau range=weeks").wait_for()
    tab.go_back()
    tab.locator("#card-dau >> text=dau range=days").wait_for()
    assert tab.title() == "/report range=days"
    assert is_swapped(tab)


def test_a_card_keeps_what_it_showed_until_the_new_content_is_there(site: Site, tab: Page) -> None:
    site.may_answer.clear()
    tab.locator("#weeks").click()
    tab.wait_for_url("**/report?range=weeks")
    card = tab.locator("#card-dau")
    assert card.inner_text() == "dau range=days"
    assert card.get_attribute("data-stale") == ""
    site.may_answer.set()
    tab.locator("#card-dau:not([data-stale]) >> text=dau range=weeks").wait_for()


def test_a_card_that_does_not_answer_says_so_and_tries_again(tab: Page) -> None:
    tab.route("**/card?range=weeks", lambda route: route.abort())
    tab.locator("#weeks").click()
    failed = tab.locator("#card-dau .card-failed")
    failed.wait_for()
    assert "does not answer" in failed.inner_text()
    tab.unroute_all()
    failed.get_by_role("button").click()
    tab.locator("#card-dau >> text=dau range=weeks").wait_for()
    assert failed.count() == 0


def test_another_page_starts_at_its_top_with_the_focus(tab: Page) -> None:
    tab.locator("#elsewhere").click()
    tab.wait_for_url("**/other")
    tab.locator("h1 >> text=/other").wait_for()
    assert tab.evaluate("document.activeElement.id") == "page"
    assert is_swapped(tab)


def test_a_choice_sends_its_form_without_what_is_empty(tab: Page) -> None:
    tab.locator("#range").select_option("days")
    tab.wait_for_url("**/report?range=days")


def test_an_answer_without_a_page_is_plain_navigation(tab: Page) -> None:
    tab.evaluate("document.querySelector('#elsewhere').href = '/broken'")
    tab.locator("#elsewhere").click()
    tab.wait_for_url("**/broken")
    assert not is_swapped(tab)


def test_keys_are_links_and_are_listed(tab: Page) -> None:
    tab.keyboard.press("w")
    tab.wait_for_url("**/report?range=weeks")
    tab.keyboard.press("?")
    assert tab.locator("[data-keys-list] dt").all_inner_texts() == ["w", "?"]
    tab.locator("[data-close]").click()
    assert not tab.locator("#keys").is_visible()


def tools(tab: Page) -> Page:
    tab.goto(tab.url.rpartition("/")[0] + "/tools")
    return tab


def test_a_form_is_sent_and_its_answer_shown(site: Site, tab: Page) -> None:
    tools(tab).locator("#name").fill("a & b")
    tab.locator("form >> text=Save").click()
    tab.wait_for_url("**/report?range=saved")
    assert urllib.parse.parse_qs(site.sent[0]) == {"form_token": ["old"], "name": ["a & b"]}


def test_an_expired_log_in_loses_nothing_that_was_typed(site: Site, tab: Page) -> None:
    tools(tab).locator("#name").fill("typed")
    site.is_logged_in = False
    tab.locator("form >> text=Save").click()
    again = tab.get_by_role("button", name="Send again")
    again.wait_for()
    assert tab.locator("#name").input_value() == "typed"
    again.click()
    tab.wait_for_url("**/report?range=saved")
    assert urllib.parse.parse_qs(site.sent[0]) == {"form_token": ["new"], "name": ["typed"]}


def test_a_form_that_cannot_be_sent_says_so(site: Site, tab: Page) -> None:
    tools(tab).route("**/save", lambda route: route.abort())
    tab.locator("#name").fill("typed")
    tab.locator("form >> text=Save").click()
    assert "Nothing was saved" in tab.locator(".form-failed").inner_text()
    assert tab.locator("#name").input_value() == "typed"


def test_rows_are_added_moved_and_removed(tab: Page) -> None:
    add = tools(tab).locator("#add")
    for event in ("a", "b", "c"):
        add.click()
        tab.locator("#steps input").last.fill(event)
    tab.locator("[data-list-up]").last.click()
    tab.locator("[data-list-remove]").first.click()
    assert tab.locator("[data-place]").all_inner_texts() == ["1", "2"]
    tab.locator("form >> text=Go").click()
    tab.wait_for_url("**/report?step.0.event=c&step.1.event=b")


def test_a_table_sorts_by_its_values(tab: Page) -> None:
    names = tools(tab).locator("#table td:first-child")
    tab.locator("th >> text=Count").click()
    assert names.all_inner_texts() == ["b", "a"]
    tab.locator("th >> text=Count").click()
    assert names.all_inner_texts() == ["a", "b"]
    assert tab.locator("th[aria-sort=ascending]").inner_text().startswith("Count")


def test_suggestions_are_chosen_by_keys(tab: Page) -> None:
    country = tools(tab).locator("#country")
    country.fill("ger")
    tab.locator("[role=option][aria-selected=true] >> text=Germany").wait_for()
    country.press("Enter")
    assert tab.locator("[data-chosen] input").input_value() == "DE"
    assert tab.locator("[data-chosen] bdi").inner_text() == "DE"
    tab.locator("[data-unchoose]").click()
    assert tab.locator("[data-chosen] input").count() == 0


def test_the_sql_editor_completes_and_sends(tab: Page) -> None:
    content = tools(tab).locator(".cm-content")
    content.wait_for()
    content.click()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("SELECT count(*) FROM eve")
    tab.locator(".cm-tooltip-autocomplete >> text=events").wait_for()
    tab.keyboard.press("Escape")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_url("**/report?sql=SELECT*")


def test_live_rows_come_on_top_and_can_be_held_back(tab: Page) -> None:
    tools(tab).locator("[data-live-rows] >> text=second").wait_for()
    assert tab.locator("[data-live-rows] li").all_inner_texts()[:2] == ["second", "first"]
    assert tab.locator("[data-live-more]").is_visible()
    tab.locator("[data-live-pause]").click()
    assert tab.locator("[data-live-pause]").get_attribute("aria-pressed") == "true"
