import asyncio
import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from questlog.analytics.analyses.cohort_members import FIRST_DAY, LAST_DAY
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Period, Query
from questlog.analytics.runner import Analytics
from questlog.console.answer_cache import Rendering
from questlog.console.concurrency import ConcurrencyLimiter, TooBusy
from questlog.console.definitions_cache import SavedDefinitions
from questlog.console.queries import GameQuestion, QueryService, Reply
from questlog.control.errors import NotFound
from questlog.model.record import Position
from questlog.store.contract import QueryAborted
from tests.support.console import FakeConsole
from tests.support.engines import embedded_store
from tests.support.staged import NOON, batch

JANUARY = dt.date(2026, 1, 1)


class Asked(msgspec.Struct, frozen=True):
    """A question of this test."""

    of: frozenset[str]
    period: Period = Period(FIRST_DAY, LAST_DAY)


PLAIN = Rendering("plain", lambda answer: str(answer.table.num_rows).encode())
QUESTION = GameQuestion("1", Asked(frozenset(["dau", "arpdau", "sessions", "revenue"])))


async def for_ever() -> None:
    await asyncio.Event().wait()


def has_seen_nothing(_: str) -> bool:
    return False


@pytest.fixture(name="console")
def _console(console: FakeConsole) -> FakeConsole:
    console.control.create_game("Sky Raiders")
    return console


def reply(console: FakeConsole, **changed: object) -> Reply:
    services = msgspec.structs.replace(console.services, **changed)
    return asyncio.run(QueryService(services).reply(QUESTION, PLAIN, for_ever, has_seen_nothing))


def test_a_question_is_answered_and_written(console: FakeConsole) -> None:
    written = reply(console).written
    assert written is not None
    assert (written.answer, written.content) == (console.analytics.answer, b"1")


def test_pages_get_the_answer_itself_and_share_it_with_the_api(console: FakeConsole) -> None:
    async def ask() -> Answer:
        console.analytics.answer = msgspec.structs.replace(console.analytics.answer, data_version=1)
        queries = QueryService(console.services)
        await queries.reply(QUESTION, PLAIN, for_ever, has_seen_nothing)
        return await queries.ask(QUESTION, for_ever)

    assert asyncio.run(ask()) is console.analytics.answer
    assert len(console.analytics.asked) == 1


def test_a_restarted_server_gives_the_same_tag(console: FakeConsole) -> None:
    assert reply(console).tag == reply(console).tag


def test_another_version_of_the_program_gives_another_tag(console: FakeConsole) -> None:
    assert reply(console, program="1").tag != reply(console, program="2").tag


def test_another_control_database_gives_another_tag(console: FakeConsole, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = FakeConsole(tmp_path / "other")
    other.control.create_game("Sky Raiders")
    assert reply(console).tag != reply(other).tag
    other.close()


def test_many_who_ask_the_same_at_once_are_all_answered_from_one_computation(console: FakeConsole) -> None:
    console.analytics.answer = msgspec.structs.replace(console.analytics.answer, data_version=1)

    async def ask() -> list[Answer]:
        queries = QueryService(console.services, ConcurrencyLimiter(places=1, max_waiting=2, wait_s=0.5))
        return await asyncio.gather(*(queries.ask(QUESTION, for_ever) for _ in range(50)))

    assert asyncio.run(ask()) == [console.analytics.answer] * 50
    assert len(console.analytics.asked) == 1


def test_those_who_wait_for_the_same_answer_take_no_place_of_other_questions(console: FakeConsole) -> None:
    console.analytics.is_slow = True

    async def ask() -> int:
        queries = QueryService(console.services, ConcurrencyLimiter(places=2, wait_s=5.0))
        gone = asyncio.Event()
        asking = [asyncio.create_task(queries.ask(QUESTION, gone.wait)) for _ in range(5)]
        await asyncio.sleep(0.01)
        rows = await queries.sql("SELECT 1 AS one", pa.Table.to_pylist, for_ever)
        gone.set()
        assert all(isinstance(error, QueryAborted) for error in await asyncio.gather(*asking, return_exceptions=True))
        return len(rows)

    assert asyncio.run(ask()) == 1


def _tag_of_store(console: FakeConsole, folder: Path, **settings: int) -> str:
    """The tag that a server gives which has just opened the store."""
    with embedded_store(folder) as store:
        if not store.positions():
            store.load(batch([{"player_id": "ada"}], positions={1: Position(1, 1, 100)}), NOON)
        analytics = Analytics(store, console.clock, SavedDefinitions(console.control), settings)
        services = msgspec.structs.replace(console.services, analytics=analytics)
        asked = GameQuestion("1", Query(metrics=("dau",), period=Period(JANUARY, JANUARY)))
        return asyncio.run(QueryService(services).reply(asked, PLAIN, for_ever, has_seen_nothing)).tag


def test_a_store_that_was_deleted_and_loaded_again_gives_another_tag(console: FakeConsole, tmp_path: Path) -> None:
    tags = [_tag_of_store(console, tmp_path / "store") for _ in range(2)]
    assert tags[0] == tags[1]
    shutil.rmtree(tmp_path / "store")
    assert _tag_of_store(console, tmp_path / "store") != tags[0]


def test_other_caps_of_values_give_another_tag(console: FakeConsole, tmp_path: Path) -> None:
    assert len({_tag_of_store(console, tmp_path / "store", event_id=cap) for cap in (10, 20)}) == 2


_IN_A_PROCESS_OF_ITS_OWN = """
import sys, tempfile
from pathlib import Path
from questlog.control.database import ControlDatabase
from tests.support.console import FakeConsole
from tests.unit.console.test_queries import reply
with tempfile.TemporaryDirectory() as folder:
    console = FakeConsole(Path(folder))
    with ControlDatabase(Path(sys.argv[1]), console.clock) as control:
        print(reply(console, control=control).tag)
    console.close()
"""


def test_tags_are_the_same_in_every_process(console: FakeConsole, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    tags = {
        subprocess.run(
            [sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN, str(tmp_path / "control.sqlite3")],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root / 'src'}:{root}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert tags == {reply(console).tag}


def test_who_has_the_answer_gets_its_tag_alone(console: FakeConsole) -> None:
    async def ask() -> Reply:
        return await QueryService(console.services).reply(QUESTION, PLAIN, for_ever, lambda _: True)

    assert asyncio.run(ask()).written is None
    assert console.analytics.asked == []


def test_an_unknown_game_is_an_error_of_control(console: FakeConsole) -> None:
    async def ask() -> Reply:
        asked = QUESTION._replace(game="Chess")
        return await QueryService(console.services).reply(asked, PLAIN, for_ever, has_seen_nothing)

    with pytest.raises(NotFound):
        asyncio.run(ask())


async def _at_once() -> None:
    return


def test_a_question_of_an_asker_who_has_gone_is_stopped(console: FakeConsole) -> None:
    console.analytics.is_slow = True

    async def ask() -> Reply:
        return await QueryService(console.services).reply(QUESTION, PLAIN, _at_once, has_seen_nothing)

    with pytest.raises(QueryAborted, match="cancelled"):
        asyncio.run(ask())


def test_a_statement_of_an_asker_who_has_gone_is_stopped(console: FakeConsole) -> None:
    console.tables.is_slow = True
    with pytest.raises(QueryAborted, match="cancelled"):
        asyncio.run(QueryService(console.services).sql("SELECT 1", pa.Table.to_pylist, _at_once))


def test_a_statement_is_stopped_when_its_time_is_over(console: FakeConsole) -> None:
    console.tables.is_slow = True
    limits = msgspec.structs.replace(console.services.limits, sql_timeout_s=0.01)
    services = msgspec.structs.replace(console.services, limits=limits)
    with pytest.raises(QueryAborted, match=r"longer than 0\.01 s \(console\.sql_timeout_s\)"):
        asyncio.run(QueryService(services).sql("SELECT 1", pa.Table.to_pylist, for_ever))


def test_statements_and_questions_share_the_places(console: FakeConsole) -> None:
    console.analytics.is_slow = console.tables.is_slow = True

    async def ask() -> None:
        queries = QueryService(console.services, ConcurrencyLimiter(places=1, wait_s=0.05))
        gone = asyncio.Event()
        asking = asyncio.create_task(queries.ask(QUESTION, gone.wait))
        await asyncio.sleep(0.01)
        with pytest.raises(TooBusy):
            await queries.sql("SELECT 1", pa.Table.to_pylist, for_ever)
        gone.set()
        with pytest.raises(QueryAborted):
            await asking

    asyncio.run(ask())
