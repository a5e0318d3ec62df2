"""From requests to answers in one process: the collector, the loader and the store, and what analytics says of it."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Granularity, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader
from questlog.loader.money import Converter
from questlog.rates.rates import Rates
from questlog.store.duckdb.store import DuckDBStore
from tests.support.collectors import TestCollector, bearer
from tests.support.loading import FakeJournal

RECEIVED = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
"""When requests come, unless it is said."""
ALL = Period(dt.date(2020, 1, 1), dt.date(2027, 1, 1))


class FieldGame:
    """A game whose clients send what they send, and who asks about it."""

    def __init__(self, folder: Path) -> None:
        self.collector = TestCollector(folder)
        self.at(RECEIVED)
        self.store = DuckDBStore(folder / "store")
        self._journal = FakeJournal()
        decoding = Decoding(EVENT_SOURCES, Converter(Rates()))
        self._loader = Loader(self._journal, self.store, decoding, self.collector.clock, BatchLimits())
        self._analytics = Analytics(self.store, self.collector.clock, lambda _: Definitions())
        self._read = 0

    def close(self) -> None:
        self.store.close()
        self.collector.close()

    def at(self, time: dt.datetime) -> None:
        """From now on it is that time."""
        self.collector.clock.now = round(time.timestamp()) * 1_000_000

    def send(self, events: bytes | Sequence[object]) -> int:
        """A request of a GameAnalytics client; the status of the answer."""
        return self.collector.send_events(events).status

    def send_server_events(self, body: bytes | Mapping[str, object]) -> int:
        """A request of a game server to Satori; the status of the answer."""
        return self.collector.ask("POST", "/v1/server-event", body, self.collector.basic()).status

    def send_client_events(self, token: str, *events: Mapping[str, object]) -> int:
        """A request of a Satori client; the status of the answer."""
        return self.collector.ask("POST", "/v1/event", {"events": events}, bearer(token)).status

    def ask(self, question: msgspec.Struct) -> Answer:
        """The answer, when all that was sent is loaded."""
        records = self.collector.journal.records
        for record in records[self._read :]:
            self._journal.append_bytes(record)
        self._read = len(records)
        while self._loader.step():
            pass
        assert self._loader.counters.error is None
        return self._analytics.ask(self.collector.sandbox.game.game_id, question)

    def metrics(
        self, *names: str, period: Period = ALL, granularity: str = "all", group_by: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """The rows of a query; money and seconds as floats."""
        answer = self.ask(Query(names, period, Granularity(granularity), group_by))
        return [{name: _plain(value) for name, value in row.items()} for row in answer.table.to_pylist()]

    def warnings(self, *names: str) -> list[str]:
        """What a query warns of."""
        return [warned.detail for warned in self.ask(Query(names, ALL, Granularity.ALL)).warnings]

    def metric(self, name: str, period: Period = ALL) -> Any:
        """One number."""
        [row] = self.metrics(name, period=period)
        return row[name]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@contextmanager
def field_game(folder: Path) -> Iterator[FieldGame]:
    """A new game."""
    game = FieldGame(folder)
    try:
        yield game
    finally:
        game.close()


def data(name: str) -> bytes:
    """A request's body from `tests/field/data`."""
    return (Path(__file__).parents[1] / "field" / "data" / name).read_bytes()


def events(name: str) -> list[dict[str, Any]]:
    """The events of a GameAnalytics body, or of a Satori one."""
    found = json.loads(data(name))
    return list(found["events"] if isinstance(found, dict) else found)
