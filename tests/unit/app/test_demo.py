"""The demo game: made with a history that is on disk, once, and removed again."""

import time
from pathlib import Path
from typing import NoReturn

import pytest

from questlog.app.demo import DEMO_NAME, DemoFailed, make_demo, remove_demo
from questlog.app.demo_process import DemoProcess
from questlog.config import Settings
from questlog.console.demo import DEMO_GAME_KEY, DemoState, DemoStatus
from questlog.control.audit_log import AuditFilter
from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotFound
from questlog.demo.studio import DAY_S
from questlog.demo.world import DAYS
from questlog.journal.contract import JournalUnavailable
from questlog.journal.reader import FileJournalReader
from questlog.journal.writer import FileJournalWriter
from questlog.model.clock import SystemClock
from questlog.model.record import Envelope, Kind, decode_record

PLAYERS = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def journalled(settings: Settings) -> list[Envelope]:
    entries = FileJournalReader(settings.journal_dir).read({}, 1 << 30)
    return [decode_record(entry.record)[0] for entry in entries if entry.record is not None]


def opened(settings: Settings) -> ControlDatabase:
    return ControlDatabase(settings.control_database, SystemClock())


def followed(maker: DemoProcess) -> set[int]:
    """How many days it said were sent, until it has ended."""
    seen = set()
    while (status := maker.status).state is DemoState.RUNNING:
        seen.add(status.days_sent)
        time.sleep(0.01)
    return seen


def test_its_history_is_in_the_journal_with_the_times_at_which_it_would_have_arrived(settings: Settings) -> None:
    shown: list[int] = []
    made = make_demo(settings, shown.append, players=PLAYERS)
    envelopes = journalled(settings)
    assert shown == list(range(1, DAYS + 1))
    assert len(envelopes) > 300
    assert {envelope.game_id for envelope in envelopes} == {made.game_id}
    assert {envelope.kind for envelope in envelopes} >= {
        Kind.GAMEANALYTICS_EVENTS,
        Kind.SATORI_CLIENT_EVENTS,
        Kind.SATORI_SERVER_EVENTS,
        Kind.SATORI_SYSTEM_EVENTS,
        Kind.PLAYER_PROPERTIES,
        Kind.REJECTED_REQUEST,
    }
    received = [envelope.received_at for envelope in envelopes if envelope.kind == Kind.GAMEANALYTICS_EVENTS]
    assert SystemClock().now_us() - min(received) > 80 * DAY_S * 1_000_000
    assert {envelope.country for envelope in envelopes if envelope.kind == Kind.GAMEANALYTICS_EVENTS} > {"US", "DE"}


def test_there_is_one_demo_game_and_it_can_be_removed(settings: Settings) -> None:
    make_demo(settings, lambda _: None, players=PLAYERS)
    with pytest.raises(AlreadyExists, match="--remove"):
        make_demo(settings, lambda _: None, players=PLAYERS)
    with opened(settings) as control:
        assert remove_demo(control).name == DEMO_NAME
        assert control.list_games() == []
        with pytest.raises(NotFound, match="no demo game"):
            remove_demo(control)


def test_a_game_of_the_same_name_is_left_alone(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    with opened(settings) as control:
        own = control.create_game(DEMO_NAME)
        made = make_demo(settings, lambda _: None, players=PLAYERS)
        assert made.name != DEMO_NAME
        remove_demo(control)
        assert [game.game_key for game in control.list_games()] == [own.game_key]


def test_one_that_was_interrupted_leaves_no_half_game(settings: Settings) -> None:
    def interrupt(days: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(settings, interrupt, players=PLAYERS)
    with opened(settings) as control, pytest.raises(NotFound):
        control.find_game(DEMO_GAME_KEY)


def test_a_journal_that_fails_ends_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise JournalUnavailable("no space left on device")

    monkeypatch.setattr(FileJournalWriter, "append", refuse)
    with pytest.raises(DemoFailed, match="journal"):
        make_demo(settings, lambda _: None, players=PLAYERS)


def test_a_process_of_its_own_makes_it_and_says_how_far_it_is(settings: Settings) -> None:
    maker = DemoProcess(settings, PLAYERS)
    assert maker.status == DemoStatus()
    assert maker.start("ann@example.com")
    assert not maker.start("ann@example.com")
    seen = followed(maker)
    assert maker.status == DemoStatus(DemoState.DONE, DAYS)
    assert len(seen) > 2
    with opened(settings) as control:
        assert control.find_game(DEMO_GAME_KEY).name == DEMO_NAME
        assert {entry.who for entry in control.list_audit(AuditFilter(limit=5))} == {"ann@example.com"}
    maker.start("ann@example.com")
    followed(maker)
    assert maker.status.state is DemoState.FAILED
    assert "demo game already" in maker.status.message
