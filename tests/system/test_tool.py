"""Every page of the tool in a real browser, over the demo game: no error, nothing outside the policy, accessible."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import find_browser, running_browser
from tests.support.installation import Installation

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine"),
]

ROOT = Path(__file__).parents[2]
AXE = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WATCH_POLICY = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""


class Tool(NamedTuple):
    """A running server with the demo game, and a browser that is logged in. `pages` are those of the navigation."""

    server: Installation
    token: str
    contexts: dict[str, BrowserContext]
    pages: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.console_port}"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    server = Installation(tmp_path_factory.mktemp("tool") / "data")
    try:
        server.start_run()
        server.command("demo", "--players", "300")
        token = json.loads(server.command("token", "create", "tool", "--role", "owner").stdout)["token"]
        with running_browser() as browser:
            contexts = {}
            for theme in ("light", "dark"):
                context = browser.new_context(color_scheme=theme, reduced_motion="reduce")
                context.add_init_script(WATCH_POLICY)
                contexts[theme] = context
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{server.console_port}/login#token={token}")
                page.wait_for_url("**/overview")
                page.close()
            page = contexts["light"].new_page()
            page.goto(f"http://127.0.0.1:{server.console_port}/games/2/overview")
            links = [link.get_attribute("href") or "" for link in page.locator("nav.side .side-list a").all()]
            page.close()
            yield Tool(server, token, contexts, [link.partition("?")[0] for link in links])
    finally:
        server.kill_everything()


def settled(page: Page) -> None:
    """Wait until every card has come, also those below, and every chart is drawn."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if page.locator("[data-card][aria-busy=true], [data-card] .skeleton").count() == 0:
            return
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(50)
    raise AssertionError(f"cards of {page.url} do not come: {page.locator('[data-card] .skeleton').count()}")


def axe_violations(page: Page) -> list[str]:
    """What axe finds, one line for each element."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", RULES)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


def test_all_pages_are_in_the_navigation(tool: Tool) -> None:
    names = {link.rsplit("/", 1)[-1] for link in tool.pages}
    expected = {"overview", "realtime", "live", "engagement", "retention", "monetization", "progression", "economy"}
    expected |= {
        "segments",
        "players",
        "errors",
        "health",
        "ads",
        "integration",
        "game",
        "keys",
        "data",
        "team",
        "server",
    }
    assert expected <= names


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.timeout(300)
def test_every_page_is_whole_quiet_and_accessible(tool: Tool, theme: str) -> None:
    problems: list[str] = []
    page = tool.contexts[theme].new_page()
    here = ""
    page.on("console", lambda said: problems.append(f"{here}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(f"{here}: {error}"))
    for link in [*tool.pages, "/components"]:
        here = link
        page.set_viewport_size({"width": 1440, "height": 900})
        answer = page.goto(tool.address + link)
        assert answer is not None
        assert answer.status == 200, link
        settled(page)
        problems += [f"{link}: {each}" for each in axe_violations(page)]
        problems += [f"{link}: {each}" for each in page.evaluate("window.violations")]
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(50)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            problems.append(f"{link}: {wide} pixels wider than a phone")
    page.close()
    assert not problems, "\n".join(problems)


def test_the_numbers_of_a_page_are_those_of_the_api(tool: Tool) -> None:
    page = tool.contexts["light"].new_page()
    page.goto(f"{tool.address}/games/2/overview?period=14d&f=platform=ios")
    settled(page)
    shown = {
        figure.get_attribute("data-metric"): figure.get_attribute("data-value")
        for figure in page.locator("#card-overview-figures .figure-value").all()
    }
    page.goto(f"{tool.address}/games/2/cards/overview.figures/about?period=14d&f=platform=ios")
    question = page.locator("pre code").first.inner_text()
    page.close()
    headers = {"Authorization": f"Bearer {tool.token}", "Content-Type": "application/json"}
    answer = tool.server.console("POST", "/api/v1/games/2/query", question.encode(), headers).json()
    [totals] = answer["totals"]
    assert len(shown) == 8
    for metric, value in shown.items():
        assert metric is not None
        assert float(value or 0) == pytest.approx(float(totals[metric] or 0)), metric


def test_back_undoes_a_filter_and_a_link_reproduces_the_page(tool: Tool) -> None:
    page = tool.contexts["light"].new_page()
    page.goto(f"{tool.address}/games/2/overview")
    settled(page)
    before = page.locator("#card-overview-figures .figure-value").first.get_attribute("data-value")
    page.locator("#card-overview-country tbody a").first.click()
    page.wait_for_url("**/overview?f=country*")
    settled(page)
    expect(page.locator(".filters .chip-close")).to_have_count(1)
    expect(page.locator("#card-overview-figures .figure-value").first).not_to_have_attribute("data-value", before or "")
    filtered = page.locator("#card-overview-figures .figure-value").first.get_attribute("data-value")
    assert filtered != before
    again = tool.contexts["light"].new_page()
    again.goto(page.url)
    settled(again)
    assert again.locator("#card-overview-figures .figure-value").first.get_attribute("data-value") == filtered
    again.close()
    page.go_back()
    page.wait_for_url("**/overview")
    expect(page.locator(".filters .chip-close")).to_have_count(0)
    expect(page.locator("#card-overview-figures .figure-value").first).to_have_attribute("data-value", before or "")
    page.close()


def test_a_page_shows_its_numbers_without_a_script(tool: Tool) -> None:
    plain = tool.contexts["light"].browser
    assert plain is not None
    context = plain.new_context(java_script_enabled=False)
    context.add_cookies(tool.contexts["light"].cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{tool.address}/games/2/overview")
    page.locator("noscript a").first.click()
    assert page.locator(".figure-value").count() == 8
    assert page.locator(".under-chart table").count() >= 4
    page.locator(".filter-picker summary").click()
    page.fill("input[name=fd]", "platform")
    page.fill("input[name=fv]", "ios")
    page.locator(".filter-form button").click()
    assert page.locator(".filters .chip-close").count() == 1
    context.close()
