"""Boards, metrics, SQL and annotations."""

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.analyses.metric_preview import MetricPreview
from questlog.analytics.analyses.releases import Releases
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.console.boards import Board, CardItem, TextItem
from questlog.control.grants import Role
from questlog.web.pages.sql import parameter_names
from tests.support.console import FakeConsole
from tests.support.pages import app_with_pages
from tests.unit.web.test_pages import form_token, log_in

Browser = TestClient[Litestar]
BOARDS, SQL, METRICS, NOTES = (f"/games/1/{name}" for name in ("boards", "sql", "metrics", "annotations"))


@pytest.fixture(scope="module", name="console")
def _console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeConsole]:
    """One for all tests: making the application takes longer than most of them."""
    fake = FakeConsole(tmp_path_factory.mktemp("console"))
    fake.control.create_game("Sky Raiders")
    fake.analytics.answer = Answer(
        pa.table({"build": pa.array([], pa.string()), "day": pa.array([], pa.date32())}),
        [AnswerColumn("build", "", ""), AnswerColumn("day", "", "")],
    )
    yield fake
    fake.close()


@pytest.fixture(scope="module", name="browser")
def _browser(console: FakeConsole) -> Iterator[Browser]:
    with TestClient(app_with_pages(console.services), raise_server_exceptions=False) as client:
        client.follow_redirects = False
        log_in(client, token=console.token)
        yield client


@pytest.fixture(autouse=True)
def _nothing_saved(console: FakeConsole) -> Iterator[None]:
    console.tables.asked.clear()
    console.analytics.asked.clear()
    yield
    for each in console.control.list_definitions("1"):
        console.control.delete_definition("1", each.kind, each.name)
    console.control.clear_statements("token tests")
    console.control.set_preference("token tests", "starred boards 1", None)


def page(browser: Browser, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, answer.text
    return answer.text


def send(browser: Browser, page_url: str, url: str, **fields: str) -> httpx.Response:
    """Send a form of a page."""
    return browser.post(url, data={"form_token": form_token(browser.get(page_url)), **fields})


def saved(console: FakeConsole, kind: str, name: str) -> Any:
    return console.control.find_definition("1", kind, name).definition


def board(console: FakeConsole, name: str, made: Board) -> None:
    console.control.put_definition("1", "board", name, msgspec.to_builtins(made), "ada")


def address(name: str, **more: str) -> str:
    return f"{BOARDS}?{urllib.parse.urlencode({'board': name, **more})}"


# Boards


def test_a_board_is_made_and_shown(console: FakeConsole, browser: Browser) -> None:
    assert "No board yet" in page(browser, BOARDS)
    answer = send(browser, BOARDS, BOARDS, name="KPIs 🚀", description="For Mondays")
    assert answer.headers["Location"] == address("KPIs 🚀", edit="1")
    assert saved(console, "board", "KPIs 🚀")["description"] == "For Mondays"
    assert "KPIs 🚀" in page(browser, BOARDS)
    again = send(browser, BOARDS, BOARDS, name="KPIs 🚀")
    assert (again.status_code, "already" in again.text) == (400, True)


def test_a_card_of_a_page_is_added(console: FakeConsole, browser: Browser) -> None:
    card = "/games/1/cards/overview.players?period=7d&f=platform%3Dios"
    form = f"{BOARDS}/add?{urllib.parse.urlencode({'card': card})}"
    assert "Daily active players" in page(browser, form)
    answer = send(browser, form, f"{BOARDS}/add", card=card, new_board="KPIs", title="On iOS")
    assert answer.headers["Location"] == address("KPIs")
    item = {"type": "card", "card": "overview.players", "parameters": "period=7d&f=platform%3Dios", "title": "On iOS"}
    assert saved(console, "board", "KPIs")["rows"] == [[item]]
    text = page(browser, address("KPIs"))
    found = re.search(r'hx-get="(/games/1/cards/overview\.players\?[^"]*)"', text)
    assert found is not None
    shown = urllib.parse.parse_qs(found[1].partition("?")[2].replace("&amp;", "&"))
    assert shown == {"period": ["7d"], "f": ["platform=ios"], "card_title": ["On iOS"]}
    send(browser, form, f"{BOARDS}/add", card=card, board="KPIs")
    assert len(saved(console, "board", "KPIs")["rows"][0]) == 2


@pytest.mark.parametrize("card", ["", "/games/1/cards/overview.nothing", "https://evil.example/x", "/games/1/cards/"])
def test_what_is_no_card_is_not_added(browser: Browser, card: str) -> None:
    assert browser.get(f"{BOARDS}/add?{urllib.parse.urlencode({'card': card})}").status_code == 404


def test_the_period_and_the_filters_of_the_page_are_those_of_its_cards(console: FakeConsole, browser: Browser) -> None:
    items = (CardItem("overview.players", "period=90d&f=platform%3Dios"), TextItem("# Heading\n- an item\nA text"))
    board(console, "KPIs", Board((items,), parameters="f=country%3DDE"))
    own = page(browser, address("KPIs"))
    assert "cards/overview.players?period=90d&amp;f=platform%3Dios&amp;f=country%3DDE" in own
    assert "not saved" not in own
    assert "<h2><bdi>Heading</bdi></h2>" in own
    other = page(browser, address("KPIs", period="7d", v="1"))
    assert 'cards/overview.players?period=7d&amp;f=platform%3Dios"' in other
    assert "not saved" in other
    answer = send(browser, address("KPIs"), f"{BOARDS}/change", board="KPIs", do="view", parameters="period=7d")
    assert answer.headers["Location"] == address("KPIs", period="7d", v="1")
    assert saved(console, "board", "KPIs")["parameters"] == "period=7d"


def test_items_are_moved_renamed_and_removed(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board(((CardItem("overview.players"), CardItem("overview.revenue")), (TextItem("A"),))))
    edit = address("KPIs", edit="1")
    assert "Move to the left" in page(browser, edit)

    def change(**fields: str) -> Any:
        answer = send(browser, edit, f"{BOARDS}/change", board="KPIs", **fields)
        assert answer.headers["Location"] == address("KPIs", edit="1")
        return saved(console, "board", "KPIs")["rows"]

    assert [each["card"] for each in change(do="right", row="0", place="0")[0]] == [
        "overview.revenue",
        "overview.players",
    ]
    assert change(do="title", row="0", place="1", title="Us")[0][1]["title"] == "Us"
    assert change(do="title", row="1", place="0", text="B")[1] == [{"type": "text", "text": "B"}]
    assert [row[0]["type"] for row in change(do="order", **{"row.0.from": "1", "row.1.from": "0"})] == ["text", "card"]
    assert len(change(do="remove", row="0", place="0")) == 1
    assert change(do="text", text="C")[-1] == [{"type": "text", "text": "C"}]
    assert change(do="nonsense", row="9", place="9") == change(do="left", row="9", place="x")


def test_a_board_goes_out_and_in_as_json(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board(((CardItem("overview.players"),),)))
    text = browser.get(f"{BOARDS}/json?board=KPIs").text
    assert send(browser, BOARDS, BOARDS, name="Copy", json=text).headers["Location"] == address("Copy")
    assert saved(console, "board", "Copy") == saved(console, "board", "KPIs")
    wrong = send(browser, BOARDS, BOARDS, name="Wrong", json='{"rows": [[{"type": "nothing"}]]}')
    assert (wrong.status_code, "This is no board" in wrong.text) == (400, True)


def test_a_board_is_starred_by_one_user_and_deleted_for_all(console: FakeConsole, browser: Browser) -> None:
    for name in ("A", "B"):
        board(console, name, Board())
    send(browser, BOARDS, f"{BOARDS}/star", board="B", star="1")
    listed = page(browser, BOARDS)
    assert listed.index(">B<") < listed.index(">A<")
    send(browser, BOARDS, f"{BOARDS}/star", board="B")
    assert console.control.preference("token tests", "starred boards 1") is None
    send(browser, BOARDS, f"{BOARDS}/delete", board="B")
    assert ">B<" not in page(browser, BOARDS)
    assert browser.get(address("B")).status_code == 404


def test_a_card_of_another_version_is_named(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board(((CardItem("nothing.here"),),)))
    assert "This version has no card nothing.here" in page(browser, address("KPIs"))


def test_without_a_script_a_board_has_its_numbers(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board(((CardItem("metrics.metric", "metric=dau"),),)))
    assert "hx-get" not in page(browser, address("KPIs", cards="inline")).partition('id="board-cards"')[2]


def test_a_viewer_sees_boards_and_changes_nothing(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board(((TextItem("<script>alert(1)</script>"),),)))
    log_in(browser, token=console.token_of(Role.VIEWER))
    text = page(browser, address("KPIs", edit="1"))
    assert "<script>alert" not in text
    assert "Move to the left" not in text
    assert send(browser, BOARDS, f"{BOARDS}/delete", board="KPIs").status_code == 403
    assert send(browser, BOARDS, f"{BOARDS}/star", board="KPIs", star="1").status_code == 303
    assert browser.get(SQL).status_code == 403
    log_in(browser, token=console.token)


def test_a_form_of_another_site_changes_nothing(console: FakeConsole, browser: Browser) -> None:
    board(console, "KPIs", Board())
    assert browser.post(f"{BOARDS}/delete", data={"board": "KPIs"}).status_code == 403
    assert saved(console, "board", "KPIs")


# SQL


def test_a_statement_is_run_with_its_parameters_and_remembered(console: FakeConsole, browser: Browser) -> None:
    answer = send(browser, SQL, SQL, sql="SELECT $game AS game, $who AS who", **{"p.who": "<b>ada"})
    assert answer.status_code == 200, answer.text
    assert "&lt;b&gt;ada" in answer.text
    assert 'data-value="1"' in answer.text
    [ran] = console.control.list_statements("token tests")
    assert (ran.statement, ran.parameters, ran.rows) == (
        "SELECT $game AS game, $who AS who",
        {"game": 1, "who": "<b>ada"},
        1,
    )
    assert "SELECT $game AS game" in page(browser, f"{SQL}?entry={ran.entry_id}")
    send(browser, SQL, f"{SQL}/history/clear")
    assert console.control.list_statements("token tests") == []


def test_what_is_selected_is_run_alone(console: FakeConsole, browser: Browser) -> None:
    send(browser, SQL, SQL, sql="SELECT 1; SELECT 2", selection="SELECT 2")
    assert console.control.list_statements("token tests")[0].statement == "SELECT 2"


def test_a_statement_that_fails_keeps_what_was_typed(console: FakeConsole, browser: Browser) -> None:
    answer = send(browser, SQL, SQL, sql="SELECT nothing")
    assert answer.status_code == 400
    assert "SELECT nothing</textarea>" in answer.text
    assert 'role="alert"' in answer.text
    assert console.control.list_statements("token tests")[0].error


def test_a_link_fills_the_editor_and_runs_nothing(console: FakeConsole, browser: Browser) -> None:
    text = page(browser, f"{SQL}?{urllib.parse.urlencode({'sql': 'SELECT $since', 'p.since': '2026-01-01'})}")
    assert "SELECT $since</textarea>" in text
    assert 'name="p.since" value="2026-01-01"' in text
    assert console.tables.asked == []


def test_days_and_numbers_are_a_chart(browser: Browser) -> None:
    sql = "SELECT DATE '2026-01-01' AS day, 3 AS players, 'x' AS text"
    drawn = send(browser, SQL, SQL, sql=sql, shown="line").text
    spec = re.search(r'class="chart-spec">(.*?)</script>', drawn, re.DOTALL)
    assert spec is not None
    chart = msgspec.json.decode(spec[1])
    assert (chart["kind"], chart["x"], [each["name"] for each in chart["series"]]) == (
        "line",
        ["2026-01-01"],
        ["players"],
    )
    assert "currency" not in chart
    assert ">players</th>" in drawn
    assert "no chart of this answer" in send(browser, SQL, SQL, sql="SELECT 'x' AS text", shown="bar").text


def test_an_answer_is_a_file(browser: Browser) -> None:
    answer = send(browser, SQL, f"{SQL}/file", sql="SELECT $game AS a", format="csv")
    assert answer.text == '"a"\n1\n'
    assert "attachment" in answer.headers["Content-Disposition"]
    assert send(browser, SQL, f"{SQL}/file", sql="SELECT 1 AS a", format="parquet").content[:4] == b"PAR1"
    assert send(browser, SQL, f"{SQL}/file", sql="SELEC", format="csv").status_code == 400


def test_a_statement_is_saved_under_a_name(console: FakeConsole, browser: Browser) -> None:
    answer = send(browser, SQL, f"{SQL}/save", sql="SELECT $a", name="Mine", shown="bar", **{"p.a": "1"})
    assert answer.headers["Location"] == f"{SQL}?saved=Mine"
    assert saved(console, "sql", "Mine") == {
        "sql": "SELECT $a",
        "parameters": {"a": "1"},
        "shown": "bar",
        "description": "",
    }
    assert 'name="p.a" value="1"' in page(browser, f"{SQL}?saved=Mine")
    send(browser, SQL, f"{SQL}/delete", name="Mine")
    assert browser.get(f"{SQL}?saved=Mine").status_code == 404


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT $a, $b, $a", ["a", "b"]),
        ("SELECT '$a', \"$b\", $c -- $d\n/* $e */", ["c"]),
        ("SELECT 'it''s $a' || $b", ["b"]),
        ("SELECT 1", []),
    ],
)
def test_parameters_of_a_statement(sql: str, names: list[str]) -> None:
    assert parameter_names(sql) == names


# Metrics


def test_the_catalogue_says_what_every_number_means(browser: Browser) -> None:
    text = page(browser, METRICS)
    assert "retention_dN" in text
    assert f"{METRICS}?metric=dau" in text
    chosen = page(browser, f"{METRICS}?metric=retention_d7")
    assert "cards/metrics.metric?metric=retention_d7" in chosen
    wrong = browser.get(f"{METRICS}?metric=dua")
    assert (wrong.status_code, "&#39;dua&#39;" in wrong.text) == (400, True)


def test_a_metric_is_built_seen_and_saved(console: FakeConsole, browser: Browser) -> None:
    build = f"{METRICS}/build"
    assert "Choose an event" in page(browser, build)
    fields = {
        "kind": "sum",
        "category": "design",
        "event_id": "Boss",
        "is_prefix": "1",
        "where": "platform=ios\nvalue>=3",
    }
    asked = f"{build}?{urllib.parse.urlencode(fields)}"
    assert "cards/metrics.preview?category=design&amp;event_id=Boss&amp;is_prefix=1&amp;kind=sum&amp;where=" in page(
        browser, asked
    )
    browser.get(asked.replace("metrics/build", "cards/metrics.preview"))
    [(_, question)] = [each for each in console.analytics.asked if isinstance(each[1], MetricPreview)]
    assert isinstance(question, MetricPreview)
    assert question.metric.event.is_prefix
    answer = send(browser, asked, build, name="Boss points", **fields)
    assert answer.headers["Location"] == f"{METRICS}?metric=Boss+points"
    definition = saved(console, "custom-metric", "Boss points")
    assert [each["dimension"] for each in definition["event"]["filter"]["filters"]] == ["platform", "value"]
    again = page(browser, f"{build}?name=Boss+points")
    assert "platform=ios\nvalue&gt;=3</textarea>" in again
    assert send(browser, asked, build, name="Boss points", **fields).status_code == 400
    changed = send(browser, asked, build, name="Boss points", is_change="1", **{**fields, "kind": "count"})
    assert changed.status_code == 303
    assert saved(console, "custom-metric", "Boss points")["kind"] == "count"


def test_a_metric_in_use_is_kept(console: FakeConsole, browser: Browser) -> None:
    send(browser, f"{METRICS}/build", f"{METRICS}/build", name="jumps", kind="count", event_id="jump")
    query = {"metrics": ["jumps"], "period": {"start": "2026-01-01", "end": "2026-01-02"}}
    console.control.put_definition("1", "query", "Mine", query, "ada")
    kept = send(browser, METRICS, f"{METRICS}/delete", name="jumps")
    assert (kept.status_code, "is used by" in kept.text) == (400, True)
    console.control.delete_definition("1", "query", "Mine")
    assert send(browser, METRICS, f"{METRICS}/delete", name="jumps").status_code == 303


@pytest.mark.parametrize(
    "fields", [{"kind": "sum", "is_prefix": "1"}, {"kind": "many"}, {"category": "desing"}, {"where": "="}]
)
def test_what_is_no_metric_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    answer = send(browser, f"{METRICS}/build", f"{METRICS}/build", name="mine", **fields)
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)


# Annotations


def test_an_annotation_is_written_changed_and_deleted(console: FakeConsole, browser: Browser) -> None:
    assert "Nobody has written one yet" in page(browser, NOTES)
    answer = send(browser, NOTES, NOTES, day="2026-01-15", text="Winter / sale <b>", build="1.4")
    assert answer.headers["Location"] == NOTES
    name = "2026-01-15 Winter sale <b>"
    assert saved(console, "annotation", name) == {"day": "2026-01-15", "text": "Winter / sale <b>", "build": "1.4"}
    assert "Winter / sale &lt;b&gt;" in page(browser, NOTES)
    assert "Change the annotation" in page(browser, f"{NOTES}?{urllib.parse.urlencode({'name': name})}")
    send(browser, NOTES, NOTES, day="2026-01-16", text="Sale", name=name)
    assert saved(console, "annotation", name)["day"] == "2026-01-16"
    send(browser, NOTES, f"{NOTES}/delete", name=name)
    assert "Nobody has written one yet" in page(browser, NOTES)


def test_an_annotation_without_a_day_is_refused_and_kept_in_the_form(browser: Browser) -> None:
    answer = send(browser, NOTES, NOTES, day="soon", text="Winter sale")
    assert answer.status_code == 400
    assert "Winter sale</textarea>" in answer.text


def test_releases_of_the_period_are_listed(console: FakeConsole, browser: Browser) -> None:
    page(browser, f"{NOTES}?period=7d")
    assert any(isinstance(question, Releases) for _, question in console.analytics.asked)
