"""The real Satori client for JavaScript, in a real browser and in Node.js, talks to a real server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from tests.support.browser import find_browser, running_browser
from tests.support.installation import Installation, installation
from tests.support.sdk_page import PACKAGES, satori_page

pytestmark = pytest.mark.system

API_KEY = "5b0f7a52-9d0e-4b8e-8d4f-3a1c86f2f0aa"
# The machine's Node.js, or the one that `make` puts into the venv.
NODE = shutil.which("node", path=os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent))))
# Every call of the client that a game makes; `satori` is the package, the answers are what the test looks at.
PLAY = """
async ([satori, host, port, key, player]) => {
    const client = new satori.Client(key, host, port, false);
    let session = await client.authenticate(player);
    const timestamp = new Date().toISOString();
    await client.event(session, {name: "levelCompleted", timestamp, value: "3", metadata: {level: "world01"}});
    await client.events(session, [
        {name: "shopOpened", timestamp, id: player + "-shop"},
        {name: "shopOpened", timestamp, id: player + "-shop"},
        {name: "purchaseCompleted", timestamp, metadata: {amount: "20", currency: "GBP"}},
    ]);
    await client.updateProperties(session, {}, {guild: "red"});
    const before = await client.listProperties(session);
    const flags = await client.getFlags(session, []);
    const experiments = await client.getExperiments(session, []);
    const liveEvents = await client.getLiveEvents(session, []);
    session = await client.sessionRefresh(session);
    await client.event(session, {name: "afterRefresh", timestamp});
    session = await client.identify(session, player + "-named", {}, {});
    await client.event(session, {name: "afterIdentify", timestamp});
    const after = await client.listProperties(session);
    await client.logout(session);
    let refused = 0;
    await client.event(session, {name: "afterLogout", timestamp}).catch(answer => { refused = answer.status; });
    return {before, after, flags, experiments, liveEvents, refused};
}
"""
# Node.js has no XMLHttpRequest, of which the client reads the prototype. The guide says so.
IN_NODE = """
globalThis.XMLHttpRequest = class { set withCredentials(value) {} };
const satori = require("@heroiclabs/satori-js");
const play = PLAY;
const [host, port, key, player] = process.argv.slice(1);
play([satori, host, port, key, player]).then(answers => console.log(JSON.stringify(answers)));
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("satori") / "data") as made:
        made.data_dir.mkdir()
        with ControlDatabase(made.data_dir / "control.sqlite3", SystemClock()) as control:
            control.create_game("game")
            control.create_api_key("game", "javascript", API_KEY)
        made.start_run(is_sandbox=False)
        yield made


def check(running: Installation, answers: dict[str, Any], player: str) -> None:
    """The answers of PLAY, and the rows that came of it."""
    assert answers["before"]["custom"] == {"guild": "red"}
    assert answers["after"]["custom"] == {"guild": "red"}
    assert answers["flags"] == {"flags": []}
    assert answers["experiments"] == {"experiments": []}
    assert answers["liveEvents"] == {"live_events": [], "explicit_join_live_events": []}
    assert answers["refused"] == 401
    question = (
        "SELECT player_id, event_id, value, amount, currency FROM events "  # noqa: S608
        f"WHERE source = 'satori_client' AND player_id LIKE '{player}%' ORDER BY event_id"
    )
    running.wait_until(lambda: len(running.sql(question)) >= 5, "the events to be loaded")
    assert [tuple(row.values()) for row in running.sql(question)] == [
        (f"{player}-named", "afterIdentify", None, None, None),
        (player, "afterRefresh", None, None, None),
        (player, "levelCompleted", 3, None, None),
        (player, "purchaseCompleted", None, 2000, "GBP"),
        (player, "shopOpened", None, None, None),
    ]
    assert running.sql("SELECT count(*) AS n FROM rejected_events WHERE NOT is_whole_request") == [{"n": 0}]


@pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")
def test_a_game_in_a_browser(running: Installation) -> None:
    with running_browser() as browser, satori_page() as url:
        page = browser.new_page()
        page.goto(url)
        place = ["127.0.0.1", str(running.collector_port), API_KEY, "browser-player"]
        answers = page.evaluate(f"given => ({PLAY})([satorijs, ...given])", place)
    check(running, answers, "browser-player")


@pytest.mark.skipif(NODE is None, reason="no Node.js on this machine")
def test_a_game_server_in_node(running: Installation) -> None:
    program = IN_NODE.replace("PLAY", PLAY)
    done = subprocess.run(
        [str(NODE), "--eval", program, "127.0.0.1", str(running.collector_port), API_KEY, "node-player"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=PACKAGES.parent,
    )
    assert done.returncode == 0, done.stderr
    check(running, json.loads(done.stdout), "node-player")
