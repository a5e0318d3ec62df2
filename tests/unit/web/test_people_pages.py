"""Pages of players, segments, errors, health and ads, over a store with a few players: the numbers are the API's."""

import datetime as dt
import html
import re
import urllib.parse
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.member_cells import Cell, FunnelCell
from questlog.analytics.question.definitions import AllRules, Did, InSegment, NotRule, Rule, SegmentDefinition, Who
from questlog.analytics.question.query import Condition, EventMatch, Operator, Period
from questlog.analytics.runner import Analytics
from questlog.console.definitions_cache import SavedDefinitions
from questlog.control.grants import Role
from questlog.web.rule_edits import encoded
from tests.support.console import FakeConsole
from tests.support.engines import embedded_store
from tests.support.pages import app_with_pages, log_in
from tests.support.staged import DAY, MINUTE, NOON, batch, new_id

Browser = TestClient[Litestar]

ADA = "ada <b>\u202e/ä&😀"
IN_JANUARY = "period=2026-01-01..2026-01-31"


def event(at: int, player: str, **fields: Any) -> dict[str, Any]:
    told = {"category": "design", "event_id": "walk", "platform": "ios", "build": "1.0", "device": "Pixel 8"}
    return {"client_event_id": new_id(), "player_id": player, "event_time": NOON + at, **told, **fields}


def error(at: int, player: str, message: str, build: str) -> dict[str, Any]:
    told = {"category": "error", "event_id": None, "severity": "error", "message": message, "build": build}
    return event(at, player, **told)


ROWS = [
    event(0, ADA, session_id="s1", attributes='{"to": "<Müller>"}', value=2.5),
    event(MINUTE, ADA, session_id="s1", event_id="talk"),
    event(DAY, ADA, session_id="s2", category="business", event_id="gems:pack", amount=499, currency="USD",
          amount_usd=Decimal("4.99"), receipt_state="unchecked"),
    event(DAY, ADA, source="satori_server", category="custom", event_id="serverSaid"),
    event(0, "bob"),
    event(2 * DAY, "bob", event_id="talk", country="DE"),
    event(0, "cy", country="DE"),
    error(DAY, "bob", "no <i>12</i> at 0x1", "1.1"),
    error(DAY + MINUTE, ADA, "no <i>13</i> at 0x2", "1.1"),
    error(0, "cy", "oops", "1.0"),
    event(DAY, "cy", category="ads", event_id=None, ad_action="show", ad_type="rewarded_video", ad_placement="end"),
]  # fmt: skip


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeConsole]:
    with embedded_store() as store:
        store.load(batch(ROWS), NOON)
        fake = FakeConsole(tmp_path_factory.mktemp("console"))
        fake.clock.us = NOON + 3 * DAY
        analytics = Analytics(store, fake.clock, SavedDefinitions(fake.control))
        fake.services = msgspec.structs.replace(fake.services, tables=store, analytics=analytics)
        fake.control.create_game("Sky Raiders")
        yield fake
        fake.close()


@pytest.fixture(scope="module")
def app(console: FakeConsole) -> Litestar:
    return app_with_pages(console.services)


@pytest.fixture(scope="module")
def browser(console: FakeConsole, app: Litestar) -> Iterator[Browser]:
    with TestClient(app, raise_server_exceptions=False) as found:
        log_in(found, token=console.token)
        yield found


@pytest.fixture(scope="module")
def viewer(console: FakeConsole, app: Litestar, browser: Browser) -> Browser:
    """Somebody else at another browser."""
    found = TestClient(app, raise_server_exceptions=False)
    found.blocking_portal = browser.blocking_portal
    log_in(found, token=console.token_of(Role.VIEWER))
    return found


@pytest.fixture(autouse=True)
def _no_segments(console: FakeConsole) -> Iterator[None]:
    yield
    for each in reversed(console.control.list_definitions("1", "segment")):
        console.control.delete_definition("1", "segment", each.name)


def page(browser: Browser, path: str) -> str:
    answer = browser.get(f"/games/1/{path}")
    assert answer.status_code == 200, answer.text
    assert_safe(answer)
    return answer.text


def assert_safe(answer: httpx.Response) -> None:
    """What players sent stands in no page as HTML, and no style is inline."""
    assert not re.search(r"<b>\u202e|<i>1|<Müller>", answer.text)
    assert " style=" not in answer.text


def text_of(markup: str) -> str:
    """What a reader sees."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup)))


def token_of(markup: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', markup)
    assert found is not None
    return found[1]


def send(browser: Browser, path: str, markup: str, **fields: str) -> httpx.Response:
    data = {"form_token": token_of(markup), **fields}
    return browser.post(f"/games/1/{path}", data=data, follow_redirects=False)


def address(**parameters: str) -> str:
    return urllib.parse.urlencode(parameters)


# ------------------------------------------------------------------------------------------------------------- players


def test_players_are_listed_searched_and_sorted(browser: Browser) -> None:
    found = page(browser, "players?cards=inline")
    assert "3 players" in text_of(found)
    assert found.index("cy") < len(found)
    assert "1 player" in text_of(page(browser, "players?cards=inline&q=BO"))
    assert "2 players" in text_of(page(browser, "players?cards=inline&f=platform%3Dios&q=&f=revenue_usd%3D0"))
    assert "No player is like this" in text_of(page(browser, "players?cards=inline&q=zz"))
    assert "left out here" in text_of(page(browser, "players?cards=inline&f=event_id%3Dwalk"))
    assert "No player is like this" in text_of(page(browser, "players?cards=inline&order=luck&f=properties.x%3D1"))


def test_a_player_with_everything_that_was_sent(browser: Browser) -> None:
    found = page(browser, f"player?cards=inline&{address(id=ADA)}")
    seen = text_of(found)
    for text in (ADA, "gems:pack", "serverSaid", "satori_server", "$4.99", "Pixel 8", "2.50", '"to": "<Müller>"'):
        assert text in seen
    assert seen.index("serverSaid") < seen.index("talk") < seen.index("walk")
    assert "session from 12:00, 1 min 0 s, 2 events" in seen
    assert "without a session" in seen


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("event=walk", 1),
        ("event=gems:*", 1),
        ("category=custom", 1),
        ("search=MÜLLER", 1),
        ("f=session_id%3Ds1", 2),
        ("", 5),
    ],
)
def test_a_timeline_is_filtered(browser: Browser, query: str, events: int) -> None:
    found = page(browser, f"player?cards=inline&{address(id=ADA)}&{query}")
    assert found.count('class="event"') == events


def test_a_player_that_is_not_there(browser: Browser) -> None:
    assert "the game has no player" in text_of(page(browser, "player?cards=inline&id=nobody"))
    assert browser.get("/games/1/player", follow_redirects=False).headers["location"] == "/games/1/players"


def test_a_player_is_exported_with_all_events(browser: Browser) -> None:
    answer = browser.get(f"/games/1/player/export?{address(id=ADA)}")
    assert (answer.status_code, len(answer.json()["events"])) == (200, 5)
    assert "attachment" in answer.headers["content-disposition"]


def test_a_player_is_erased_with_the_id_typed_again_and_kept_by_undo(browser: Browser, console: FakeConsole) -> None:
    console.clock.us += 3_600_000_000
    path = f"player?{address(id='bob')}"
    shown = page(browser, path)
    asked = send(browser, "player/erase", shown, player_id="bob", confirm="bob")
    assert ("Your token" in text_of(asked.text), console.control.list_erasures("1")) == (True, [])
    wrong = send(browser, "player/erase", shown, player_id="bob", confirm="rob", proof=console.token)
    assert console.control.list_erasures("1") == []
    assert "problem=other" in wrong.headers["location"]
    assert "Nothing is erased" in text_of(page(browser, f"{path}&problem=other"))
    assert send(browser, "player/erase", shown, player_id="bob", confirm="bob").status_code == 303
    assert [each.player_id for each in console.control.list_erasures("1")] == ["bob"]
    waiting = page(browser, path)
    assert "This player will be erased" in text_of(waiting)
    assert send(browser, "player/keep", waiting, player_id="bob").status_code == 303
    assert console.control.list_erasures("1") == []
    assert send(browser, "player/keep", waiting, player_id="bob").status_code == 303


def test_viewers_see_no_players(viewer: Browser) -> None:
    for path in (
        "players",
        f"player?{address(id='bob')}",
        "who",
        "player/export?id=bob",
        "cards/error.samples?group=x",
    ):
        answer = viewer.get(f"/games/1/{path}")
        assert answer.status_code == 403 or "personal_data" in answer.text
        assert "bob" not in answer.text.replace("id=bob", "")


# ----------------------------------------------------------------------------------------------------------------- who


JANUARY = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 31))
DROPPED = FunnelCell(Funnel((EventMatch("design", "walk"), EventMatch("design", "talk")), JANUARY), 1, dropped=True)


def who(cell: Cell) -> str:
    return f"who?{address(of=msgspec.json.encode(cell).decode())}"


def test_who_is_behind_a_number_and_it_becomes_a_segment(browser: Browser, console: FakeConsole) -> None:
    shown = page(browser, who(DROPPED))
    seen = text_of(shown)
    assert "Players who dropped out after step 1" in seen
    assert "1 player" in seen
    assert "/games/1/player?id=cy" in shown
    assert browser.get(f"/games/1/{who(DROPPED).replace('who?', 'who/csv?')}").text.splitlines()[1].startswith('"cy"')
    found = re.search(r'name="rule" value="([^"]*)"', shown)
    assert found is not None
    saved = send(browser, "segment/save", shown, name="drop outs", rule=html.unescape(found[1]), is_new="1")
    assert saved.headers["location"] == "/games/1/segment?name=drop+outs"
    assert "1" in text_of(browser.get("/games/1/segment/size?short=1&name=drop+outs").text).split()
    assert "dropped out" in text_of(page(browser, "segment?name=drop+outs"))
    again = send(browser, "segment/save", shown, name="drop outs", rule=html.unescape(found[1]), is_new="1")
    assert (again.status_code, "already" in text_of(again.text)) == (409, True)
    assert [each.name for each in console.control.list_definitions("1", "segment")] == ["drop outs"]


@pytest.mark.parametrize(
    "of", ["", "{", '{"type": "pie"}', "[" * 9_000, '{"type":"metric","question":{},"metric":"dau"}']
)
def test_who_is_behind_no_number(browser: Browser, of: str) -> None:
    answer = browser.get(f"/games/1/who?{address(of=of)}")
    assert (answer.status_code, "no number" in answer.text) == (400, True)


# ------------------------------------------------------------------------------------------------------------ segments


IS_IOS = Who(Condition("platform", Operator.IS, ("ios",)))
BOUGHT = Did(EventMatch("business"))


def same(one: str, rule: Rule) -> bool:
    """Whether an address's rule is this one, however its numbers are written."""
    found: Rule = msgspec.json.decode(one, type=Rule)
    return found == rule


def changed(browser: Browser, rule: str, **fields: str) -> str:
    """The rule in the address that a button of the builder leads to."""
    answer = browser.get("/games/1/segment/change", params={"rule": rule, "name": "", **fields}, follow_redirects=False)
    assert answer.status_code == 303, text_of(answer.text)
    where = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["location"]).query, keep_blank_values=True)
    return where["rule"][0]


def test_a_segment_is_built_button_by_button_and_the_address_says_it_all(browser: Browser) -> None:
    rule = changed(browser, "", do="add", path="", kind="who", dimension="platform", operator="is", values="ios")
    assert same(rule, IS_IOS)
    rule = changed(browser, rule, do="add", path="", kind="did", category="business", compare="less", value="1")
    rule = changed(browser, rule, do="negate", path="1")
    never = Did(EventMatch("business"), operator=Operator.LESS)
    assert same(rule, AllRules((IS_IOS, NotRule(never))))
    shown = page(browser, f"segment?{address(rule=rule)}")
    assert "platform is ios and not (business: less than 1 times)" in text_of(shown)
    rule = changed(browser, rule, do="negate", path="1.0")
    rule = changed(browser, rule, do="replace", path="1", kind="did", category="business")
    assert same(rule, AllRules((IS_IOS, BOUGHT)))
    size = text_of(browser.get(f"/games/1/segment/size?{address(rule=rule)}").text)
    assert "Players now 1 33.3 % of 3" in size
    assert ADA in size
    assert same(changed(browser, rule, do="remove", path="0"), BOUGHT)
    assert changed(browser, encoded(BOUGHT), do="remove", path="") == ""
    assert "At least one of these" in text_of(
        page(browser, f"segment?{address(rule=changed(browser, rule, do='switch', path=''))}")
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"do": "add", "kind": "who"}, "choose a dimension"),
        ({"do": "add", "kind": "did", "value": "many"}, "is not a number"),
        ({"do": "remove", "path": "7"}, "no such condition"),
        ({"do": "dance"}, "no such change"),
        ({"rule": "{", "do": "remove"}, "cannot be read"),
    ],
)
def test_a_change_that_cannot_be_made_is_told_and_nothing_is_lost(
    browser: Browser, fields: dict[str, str], problem: str
) -> None:
    answer = browser.get("/games/1/segment/change", params={"rule": encoded(AllRules((IS_IOS, BOUGHT))), **fields})
    assert (answer.status_code, problem in text_of(answer.text)) == (400, True)


def test_segments_are_listed_with_where_they_are_used_and_deleted_when_nowhere(
    browser: Browser, console: FakeConsole
) -> None:
    assert "Make the first one" in text_of(page(browser, "segments"))
    shown = page(browser, f"segment?{address(rule=encoded(BOUGHT))}")
    assert send(browser, "segment/save", shown, name="payers", rule=encoded(BOUGHT), is_new="1").status_code == 303
    inner = encoded(InSegment("payers"))
    assert send(browser, "segment/save", shown, name="same", rule=inner, is_new="1").status_code == 303
    assert "in the segment payers" in text_of(page(browser, "segments"))
    used = page(browser, "segment?name=payers")
    assert "segment same" in text_of(used)
    assert "Delete" not in text_of(used)
    refused = send(browser, "segment/delete", used, name="payers")
    assert (refused.status_code, "is used by" in text_of(refused.text)) == (409, True)
    circle = send(browser, "segment/save", used, name="payers", rule=encoded(InSegment("same")))
    assert (circle.status_code, "in a circle" in text_of(circle.text)) == (400, True)
    assert send(browser, "segment/save", used, name="payers", rule=encoded(IS_IOS)).status_code == 303
    saved = console.control.find_definition("1", "segment", "payers").definition
    assert msgspec.convert(saved, SegmentDefinition).rule == IS_IOS
    for name in ("same", "same", "payers"):
        assert send(browser, "segment/delete", used, name=name).headers["location"] == "/games/1/segments"
    assert console.control.list_definitions("1", "segment") == []
    assert browser.get("/games/1/segment?name=payers").status_code == 404


def test_a_segment_without_a_condition_or_a_name_is_not_saved(browser: Browser, console: FakeConsole) -> None:
    shown = page(browser, f"segment?{address(rule=encoded(BOUGHT))}")
    assert send(browser, "segment/save", shown, name="x", rule="").status_code == 400
    assert send(browser, "segment/save", shown, name=" ", rule=encoded(BOUGHT)).status_code == 400
    assert browser.post("/games/1/segment/save", data={"name": "x", "rule": encoded(BOUGHT)}).status_code == 403
    assert console.control.list_definitions("1", "segment") == []


def test_viewers_see_sizes_of_segments_and_no_members(console: FakeConsole, viewer: Browser) -> None:
    made = msgspec.to_builtins(SegmentDefinition(BOUGHT))
    console.control.create_definition("1", "segment", "payers", made, "me")
    shown = page(viewer, "segment?name=payers")
    assert "Save" not in text_of(shown)
    size = viewer.get("/games/1/segment/size?name=payers").text
    assert "Players now 1" in text_of(size)
    assert "ada" not in size
    assert send(viewer, "segment/save", shown, name="x", rule=encoded(BOUGHT)).status_code == 403


# --------------------------------------------------------------------------------------------- errors, health and ads


def test_errors_are_groups_with_their_builds_and_players(browser: Browser) -> None:
    found = page(browser, f"errors?cards=inline&{IN_JANUARY}")
    seen = text_of(found)
    assert "2 groups, 2 of them new" in seen
    assert "no <i>13</i> at 0x2" in seen
    known = page(browser, f"errors?cards=inline&which=old&{IN_JANUARY}")
    assert "No group of errors is like this" in text_of(known)
    assert "oops" not in text_of(page(browser, f"errors?cards=inline&since=1.1&{IN_JANUARY}"))
    link = re.search(r'href="(/games/1/who\?of=[^"]*error_group[^"]*)"', found)
    assert link is not None
    assert "2 players" in text_of(browser.get(html.unescape(link[1])).text)


def test_one_error_with_its_samples(browser: Browser) -> None:
    found = page(browser, f"error?cards=inline&{address(group='no <i>#</i> at #')}&{IN_JANUARY}")
    seen = text_of(found)
    assert found.count('class="event"') == 2
    assert "new in this period" in seen
    assert "/games/1/player?" in found
    assert "No such error" in text_of(page(browser, f"error?cards=inline&{IN_JANUARY}"))


@pytest.mark.parametrize(("name", "text"), [("health", "No health events"), ("ads", "rewarded_video")])
def test_health_and_ads_show_what_there_is_or_what_would_be(browser: Browser, name: str, text: str) -> None:
    assert text in text_of(page(browser, f"{name}?cards=inline&{IN_JANUARY}"))


@pytest.mark.parametrize("name", ["players", "player", "errors", "error", "health", "ads", "segments", "segment"])
@pytest.mark.parametrize(
    "query",
    [
        "period=soon&by=moon&f=:&filter={&order=x&after=nobody&skip=-1&before=1-x&rule=&id=cy&group=",
        "id=%00&group=%00&rule=%5B&q=%00",
    ],
)
def test_nonsense_in_an_address_is_no_error_of_the_server(browser: Browser, name: str, query: str) -> None:
    answer = browser.get(f"/games/1/{name}?cards=inline&{query}")
    assert answer.status_code in (200, 400, 404)
    assert_safe(answer)


def test_each_point_of_a_chart_leads_to_the_players_that_it_counts(browser: Browser, viewer: Browser) -> None:
    path = f"/games/1/cards/overview.new_and_returning?{IN_JANUARY}"
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', browser.get(path).text, re.DOTALL)
    assert found is not None
    for series in msgspec.json.decode(found[1])["series"]:
        assert [url is not None for url in series["link"]["who"]] == [bool(value) for value in series["values"]]
        for value, url in zip(series["values"], series["link"]["who"], strict=True):
            if url:
                assert f"{value} player" in text_of(browser.get(url).text)
    assert "/who?" not in viewer.get(path).text
