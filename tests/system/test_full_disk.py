"""Full and broken disks: events are refused so that senders keep them, none that was acknowledged is lost."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from questlog.model.exchange import Reply
from tests.support.audit import check_everything, journalled, wait_until_loaded
from tests.support.disks import disk_at, kinds_of_disks
from tests.support.failing_files import FailingFiles
from tests.support.installation import Installation, Response, installation
from tests.support.journaled import JournaledCollector, journaled_collector
from tests.support.senders import GAMEANALYTICS_PATH, SATORI_PATH, Ledger, Outgoing, Script, Senders

AT_ONCE = 30
WAIT_S = 90
BOTH_PATHS = {GAMEANALYTICS_PATH, SATORI_PATH}

log = logging.getLogger(__name__)
on_a_real_disk = pytest.mark.parametrize(
    "kind", kinds_of_disks() or [pytest.param("none", marks=pytest.mark.skip("this system has no bound on files"))]
)


# In one process, with a journal whose disk does what the test says


def fill(files: FailingFiles) -> None:
    files.space_bytes = random.randrange(20_000)


def break_sync(files: FailingFiles) -> None:
    files.is_sync_broken = True


def break_head(files: FailingFiles) -> None:
    files.is_head_broken = True


def repair(files: FailingFiles) -> None:
    files.space_bytes, files.is_sync_broken, files.is_head_broken = None, False, False


async def send_all(collector: JournaledCollector, ledger: Ledger, script: Script) -> Counter[tuple[str, int]]:
    """Send requests all at once, note what became of them, and check how the refused ones are answered."""
    requests = [script.next_request() for _ in range(AT_ONCE)]
    for request in requests:
        ledger.note_send(request)
    replies = await asyncio.gather(*(collector.send(request) for request in requests))
    for request, reply in zip(requests, replies, strict=True):
        if not ledger.note_answer(request, reply.status, reply.body):
            check_refusal(request, reply)
    return Counter((request.path, reply.status) for request, reply in zip(requests, replies, strict=True))


def check_refusal(request: Outgoing, reply: Reply) -> None:
    """An answer upon which clients of either protocol keep what they sent."""
    assert reply.status == 503
    if request.path == GAMEANALYTICS_PATH:
        assert reply.body == b""
    else:
        assert dict(reply.headers)["retry-after"] == "1"


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("spoil", [fill, break_sync, break_head])
def test_a_failing_journal_refuses_loses_nothing_and_recovers(
    tmp_path: Path, spoil: Callable[[FailingFiles], None], attempt: int
) -> None:
    files, ledger = FailingFiles(), Ledger()

    async def scenario() -> None:
        script = Script(ledger, random.Random(attempt))
        async with journaled_collector(tmp_path, files) as collector:
            assert {status for _, status in await send_all(collector, ledger, script)} <= {200, 400}
            spoil(files)
            while await collector.is_ready():
                await send_all(collector, ledger, script)
            refused = await send_all(collector, ledger, script)
            assert set(refused) == {(path, 503) for path in BOTH_PATHS}
            repair(files)
            await collector.wait_until_ready()
            assert {status for _, status in await send_all(collector, ledger, script)} <= {200, 400}

    run(scenario)
    found = journalled(tmp_path / "journal").marks
    del found[None]
    assert found == Counter(
        {mark: sent.acknowledgements for mark, sent in ledger.events.items() if sent.acknowledgements}
    )
    assert ledger.answers[503]
    assert ledger.surprises == []
    assert files.synced_after_failure == []


# With real processes, on a disk that is really full


def readiness(made: Installation) -> tuple[int, int]:
    """What the collector's and the console's `/readycheck` answer."""
    return made.request("GET", "/readycheck").status, made.console("GET", "/readycheck").status


def check_answer(answer: Response) -> None:
    """Kept by the sender: no body at all."""
    assert (answer.status, answer.body) == (503, b"")


def has_more(ledger: Ledger, least: int) -> Callable[[], bool]:
    wanted = ledger.acknowledged + least
    return lambda: ledger.acknowledged >= wanted


@pytest.mark.system
@on_a_real_disk
def test_a_full_disk_refuses_loses_nothing_and_recovers(tmp_path: Path, kind: str) -> None:
    ledger = Ledger()
    settings = {"store.checkpoint_mb": 1, "journal.segment_bytes": 300_000, "console.sql_max_rows": 1_000_000}
    with installation(tmp_path / "data", settings) as made, disk_at(made.data_dir, kind, made, None) as disk:
        made.start_run()
        assert readiness(made) == (200, 200)
        with Senders(made, ledger, seed=1):
            made.wait_until(has_more(ledger, 300), "events", WAIT_S)
            disk.fill()
            made.wait_until(lambda: ledger.answers[503] > 100, "refusals", WAIT_S)
            made.wait_until(lambda: readiness(made) == (503, 503), "readychecks that say so", WAIT_S)
            check_answer(made.send_events([{"category": "user"}]))
            disk.free()
            made.wait_until(lambda: readiness(made) == (200, 200), "readiness", WAIT_S)
            made.wait_until(has_more(ledger, 300), "events", WAIT_S)
        wait_until_loaded(made, WAIT_S)
        check_everything(made, ledger)
        log.info("events acknowledged %d, sent %d, answers %s", ledger.acknowledged, ledger.sends, dict(ledger.answers))


@pytest.mark.system
@on_a_real_disk
def test_a_full_disk_of_the_store_alone_stops_no_collector_and_is_made_up_for(tmp_path: Path, kind: str) -> None:
    ledger = Ledger()
    settings = {"store.checkpoint_mb": 1, "console.sql_max_rows": 1_000_000}
    with (
        installation(tmp_path / "data", settings) as made,
        disk_at(made.data_dir / "store", kind, made, "serve") as disk,
    ):
        made.start_run()
        with Senders(made, ledger, seed=2):
            made.wait_until(has_more(ledger, 300), "events", WAIT_S)
            disk.fill()
            made.wait_until(lambda: readiness(made) == (200, 503), "the console to say so", WAIT_S)
            assert b"the loader cannot store events" in made.console("GET", "/readycheck").body
            made.wait_until(has_more(ledger, 1000), "events all the same", WAIT_S)
            assert readiness(made) == (200, 503)
            disk.free()
            made.wait_until(lambda: readiness(made) == (200, 200), "readiness", WAIT_S)
        wait_until_loaded(made, WAIT_S)
        check_everything(made, ledger)
        assert not ledger.answers[503]
        log.info("events acknowledged %d, sent %d, answers %s", ledger.acknowledged, ledger.sends, dict(ledger.answers))
