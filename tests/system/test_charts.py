"""Charts in a real browser, under the policy of the pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser import find_browser, running_browser
from tests.support.frontend import Answer, chart, page, served

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine"),
]

DAYS = [f"2026-11-{day:02}" for day in range(1, 29)]


def time_series(**changes: Any) -> dict[str, Any]:
    values = [100 + 7 * (day % 7) + day for day in range(28)]
    return {
        "kind": "line",
        "unit": "players",
        "zone": "Europe/Berlin",
        "granularity": "day",
        "x": DAYS,
        "series": [
            {
                "key": "dau",
                "name": "DAU",
                "values": values,
                "low": [value - 8 for value in values],
                "high": [value + 8 for value in values],
                "n": values,
                "link": {"who": [f"/who?day={day}" for day in DAYS], "filter": None},
            },
            {"key": "dau", "name": "DAU", "values": [value - 15 for value in values], "compared": True},
            {"key": "new", "name": "New <b>players</b>", "values": [value // 4 for value in values]},
        ],
        "unfinished_from": 27,
        "final_at": [None] * 27 + ["2026-11-29T00:00:00Z"],
        "marks": [{"x": "2026-11-14", "kind": "release", "text": "1.4.2", "url": "/releases/1.4.2"}],
        "compared_x": [f"2026-10-{day:02}" for day in range(1, 29)],
        "zoom": "/zoomed?from={start}&to={end}",
    } | changes


FORMS: dict[str, dict[str, Any]] = {
    "sankey": {
        "unit": "players",
        "nodes": [{"name": "a", "label": "Start", "depth": 0}, {"name": "b", "label": "Level 1", "depth": 1}],
        "links": [{"source": "a", "target": "b", "value": 7}],
    },
    "histogram": {
        "unit": "s",
        "count_unit": "players",
        "edges": [0, 60, 120, 180],
        "counts": [3, 9, 2],
        "marks": [{"value": 70, "text": "median"}],
    },
    "treemap": {"unit": "events", "nodes": [{"name": "a", "value": 3}, {"name": "b", "value": 5, "link": "/b"}]},
    "scatter": {
        "x_name": "Level",
        "y_name": "Tries",
        "x_unit": "",
        "y_unit": "",
        "points": [{"x": 1, "y": 2, "name": "one"}, {"x": 2, "y": 5, "name": "two", "size": 9}],
    },
    "flow": {
        "unit": "gems",
        "name": "Gems",
        "sources": [{"name": "chest", "value": 8}],
        "sinks": [{"name": "shop", "value": 5}, {"name": "revive", "value": 3}],
    },
}

MANY = [f"2026-11-{day:02}T{hour:02}:{minute:02}:00Z" for day in (1, 2) for hour in range(24) for minute in range(60)]


def answer(path: str, _: bytes) -> Answer:
    if path.startswith(("/zoomed", "/who")):
        return Answer(page(f"<h1>{path.partition('?')[0]}</h1>"))
    if path == "/forms":
        return Answer(page("".join(chart("forms", {"kind": kind, **spec}, kind) for kind, spec in FORMS.items())))
    kinds = ("line", "area", "bar", "stacked_bar", "stacked")
    charts = [chart("time-series", time_series(kind=kind), kind) for kind in kinds]
    series = [{"key": "a", "name": "A", "values": [index % 60 for index in range(len(MANY))]}]
    many = time_series(granularity="minute", x=MANY, series=series, unfinished_from=None, final_at=None, marks=[])
    return Answer(page("".join([*charts, chart("time-series", many, "many"), chart("time-series", {}, "broken")])))


class Watched:
    """A page, and what its console and its policy complained about."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str, count: int) -> None:
        """Opens a page and scrolls until `count` charts are drawn."""
        self.page.goto(self.address + path)
        for figure in self.page.locator("figure.chart").all():
            figure.scroll_into_view_if_needed()
        self.page.wait_for_function(f"document.querySelectorAll('figure[data-drawn]').length === {count}")


@pytest.fixture(scope="module")
def browser_page() -> Iterator[tuple[Page, str]]:
    with served(answer) as address, running_browser() as browser:
        yield browser.new_page(viewport={"width": 1000, "height": 800}), address


@pytest.fixture
def watched(browser_page: tuple[Page, str]) -> Iterator[Watched]:
    watched = Watched(*browser_page)
    yield watched
    assert [each for each in watched.complaints if not each.startswith("a chart could not be drawn")] == []


def test_time_series_of_every_kind_are_drawn_under_the_policy(watched: Watched) -> None:
    watched.open("/", count=6)
    assert watched.page.locator("#chart-line svg path").count() > 3
    assert watched.page.locator("#chart-many canvas").count() == 1


def test_a_chart_that_cannot_be_drawn_opens_its_table(watched: Watched) -> None:
    watched.open("/", count=6)
    watched.page.wait_for_selector("#chart-broken[data-failed]", state="attached")
    assert watched.page.locator("#card-broken details[open]").count() == 1


def test_other_forms_are_drawn_under_the_policy(watched: Watched) -> None:
    watched.open("/forms", count=len(FORMS))
    assert all(watched.page.locator(f"#chart-{kind} svg path").count() > 0 for kind in FORMS)


def test_the_arrow_keys_say_each_point(watched: Watched) -> None:
    watched.open("/", count=6)
    canvas = watched.page.locator("#chart-line .chart-canvas")
    canvas.focus()
    canvas.press("Home")
    said = watched.page.locator("#announcer")
    assert said.inner_text() == (
        "Sun, Nov 1, 2026; DAU: 100 (92 to 108, of 100); DAU (Thu, Oct 1, 2026): 85; New <b>players</b>: 25"
    )
    canvas.press("End")
    assert "not final yet: final" in said.inner_text()
    canvas.press("Escape")
    assert not watched.page.locator("#chart-line .chart-tooltip").is_visible()


def test_the_mouse_shows_what_a_point_is(watched: Watched) -> None:
    watched.open("/", count=6)
    mark = watched.page.locator("#chart-line svg text", has_text="1.4.2")
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    watched.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    tooltip = watched.page.locator("#chart-line .chart-tooltip")
    assert "Release 1.4.2" in tooltip.inner_text()
    assert "New <b>players</b>" in tooltip.inner_text()


def test_a_point_has_a_menu_that_returns_the_focus(watched: Watched) -> None:
    watched.open("/", count=6)
    canvas = watched.page.locator("#chart-line .chart-canvas")
    canvas.scroll_into_view_if_needed()
    canvas.press("Home")
    canvas.press("Enter")
    items = watched.page.locator(".chart-menu a")
    items.first.wait_for()
    assert items.all_inner_texts() == ["Zoom to this", "Show players: DAU"]
    watched.page.keyboard.press("Escape")
    items.first.wait_for(state="detached")
    watched.page.wait_for_function("document.activeElement.className === 'chart-canvas'")


def test_dragging_zooms(watched: Watched) -> None:
    watched.open("/", count=6)
    canvas = watched.page.locator("#chart-line .chart-canvas")
    canvas.hover()
    box = canvas.bounding_box()
    assert box is not None
    mouse = watched.page.mouse
    mouse.move(box["x"] + 300, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 600, box["y"] + 100, steps=4)
    mouse.up()
    watched.page.wait_for_url("**/zoomed?from=2026-11-*")


def test_a_series_that_is_switched_off_is_not_drawn(watched: Watched) -> None:
    watched.open("/", count=6)
    drawn = watched.page.locator("#chart-line svg path").count()
    watched.page.locator("#chart-line .chart-legend input").nth(1).uncheck()
    assert watched.page.locator("#chart-line svg path").count() < drawn


def test_a_chart_becomes_a_picture(watched: Watched) -> None:
    watched.open("/", count=6)
    with watched.page.expect_download() as download:
        watched.page.locator("#card-line [data-png]").click()
    assert download.value.suggested_filename == "line.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
