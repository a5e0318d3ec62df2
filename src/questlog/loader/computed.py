"""Computed properties of Satori's identities: from the store's totals to the control database (satori.md §7)."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa
import structlog

from questlog.control.computed import ComputedProperty
from questlog.control.errors import ControlUnavailable
from questlog.loader.maintenance.task import MaintenanceStatus, TaskState
from questlog.model.clock import Clock
from questlog.model.event import Source
from questlog.store.contract import Batch, Reading, StoreFailed
from questlog.store.named_reads import changed_totals, newest_totals

MARKER = "computed_batch_no"
"""The marker of the last load transaction whose totals have all been handed over."""

_PUSH_EVERY_US = 500_000
_LEAST_SHARE_OF_REST = 10
_LONGEST_WAIT_US = 1_500_000
_MARK_EVERY_US = 60_000_000
_PAGE_ROWS = 10_000
_AFTER_ALL_OF_IT = 2**63 - 1

_log = structlog.get_logger(__name__)


class ComputedSink(Protocol):
    """Where collectors read computed properties; `ControlDatabase` is one. Methods raise `ControlUnavailable`."""

    def upsert_computed(self, rows: Sequence[ComputedProperty]) -> int:
        """Set these properties to these absolute figures."""
        ...

    def marker(self, name: str) -> int | None:
        """The number last set under this name."""
        ...

    def set_marker(self, name: str, value: int) -> None:
        """Remember a number."""
        ...


class _Place(NamedTuple):
    """How far the totals are handed over, in the order of their changes."""

    batch_no: int
    player_event_no: int = _AFTER_ALL_OF_IT


class ComputedPush:
    """Hands over the totals that changed, at most every half second.

    Figures are absolute, so that handing over some of them again, after a failure or a restart, changes nothing.
    """

    def __init__(self, store: Reading, sink: ComputedSink, clock: Clock) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._place: _Place | None = None
        self._has_changes = True
        self._push_at_us = self._mark_at_us = clock.now_us()
        self._pushed = 0
        self._error: str | None = None
        self._status = MaintenanceStatus("computed properties", "totals", period_s=_PUSH_EVERY_US / 1e6)

    @property
    def status(self) -> MaintenanceStatus:
        """How it goes; from any thread."""
        return self._status

    def note(self, batch: Batch) -> None:
        """A batch is committed."""
        self._has_changes = self._has_changes or _has_satori_events(batch.events)

    def catch_up(self) -> None:
        """Hand over what changed, if it is time. What fails is logged and tried again at a later call."""
        now_us = self._clock.now_us()
        # Further off than it ever is it can only be when the clock was set back.
        if not self._has_changes or 0 < self._push_at_us - now_us <= _LONGEST_WAIT_US:
            return
        self._push_at_us = now_us + _PUSH_EVERY_US
        self._pushed = 0
        try:
            place = self._push(self._place or self._first_place())
            if now_us >= self._mark_at_us:
                self._mark_at_us = now_us + _MARK_EVERY_US
                self._sink.set_marker(MARKER, place.batch_no)
        except (ControlUnavailable, StoreFailed) as error:
            self._tell(str(error))
            return
        self._has_changes = False
        self._tell(None)

    def _first_place(self) -> _Place:
        """After a restart: where the marker is, unless it is another store's."""
        newest = newest_totals(self._store.query)
        marked = self._sink.marker(MARKER) or 0
        return _Place(marked if marked <= newest else 0)

    def _push(self, place: _Place) -> _Place:
        rows = _PAGE_ROWS
        while rows == _PAGE_ROWS:
            page = changed_totals(self._store.query, place.batch_no, place.player_event_no, _PAGE_ROWS)
            rows = page.num_rows
            if rows:
                self._sink.upsert_computed(_properties(page))
                self._pushed += rows
                place = _Place(page["batch_no"][rows - 1].as_py(), page["player_event_no"][rows - 1].as_py())
            self._place = place
        return place

    def _tell(self, error: str | None) -> None:
        if error is not None and error != self._error:
            _log.error("computed properties wait", error=error)
        self._error = error
        now_us = self._clock.now_us()
        began_us = self._push_at_us - _PUSH_EVERY_US
        # Finding what changed reads a column of all totals: little of it where there are many.
        rest_us = min(_LEAST_SHARE_OF_REST * max(now_us - began_us, 0), _LONGEST_WAIT_US)
        self._push_at_us = began_us + max(_PUSH_EVERY_US, rest_us)
        self._status = msgspec.structs.replace(
            self._status,
            state=TaskState.IDLE if error is None else TaskState.FAILED,
            last_began_at=began_us,
            last_ended_at=now_us,
            took_ms=max(now_us - began_us, 0) / 1000,
            next_at=self._push_at_us,
            runs=self._status.runs + 1,
            done=self._pushed,
            failures=0 if error is None else self._status.failures + 1,
            error=error,
        )


def _has_satori_events(events: pa.Table) -> bool:
    return any(source != Source.GAMEANALYTICS for source in events["source"].unique().to_pylist())


def _properties(page: pa.Table) -> list[ComputedProperty]:
    figures = [
        page["game_id"],
        page["player_id"],
        page["event_id"],
        page["events"],
        page["first_seen"].cast(pa.int64()),
        page["last_seen"].cast(pa.int64()),
        page["value_sum"],
        page["value_max"],
        page["value_min"],
    ]
    return [ComputedProperty(*row) for row in zip(*(column.to_pylist() for column in figures), strict=True)]
