"""Rejected events decoded again after a fix, in the loader's thread: it is the only one that writes to the store."""

import enum
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from questlog.loader.batch import DATA_FAULTS, ValuesRefused, told
from questlog.loader.columns import EventGroup, events_table
from questlog.loader.decoding import Decoding
from questlog.loader.maintenance.task import Turn
from questlog.loader.rejected import rejected_table
from questlog.loader.sources import EventSource
from questlog.model.event import Source
from questlog.model.reasons import DroppedEvent, RequestRejected
from questlog.model.record import Envelope, Kind, Position
from questlog.store.contract import Batch, BatchRefused, ChangeCancelled, RejectedFilter

_CHUNK = 2_000
"""Rejected events decoded and stored in one transaction."""

_KIND_OF_SOURCE: Mapping[str, Kind] = {
    Source.GAMEANALYTICS: Kind.GAMEANALYTICS_EVENTS,
    Source.SATORI_CLIENT: Kind.SATORI_CLIENT_EVENTS,
    Source.SATORI_SERVER: Kind.SATORI_SERVER_EVENTS,
    Source.SATORI_SYSTEM: Kind.SATORI_SYSTEM_EVENTS,
}


class ReplayState(enum.StrEnum):
    """How far it is."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class GameRules(msgspec.Struct, frozen=True):
    """By which rules events are judged. `event_names` are those that a strict game declares; None: it is not strict."""

    is_lenient: bool = False
    event_names: frozenset[str] | None = None


class ReplayQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which rejected events, by which rules. With `is_dry_run`, they are decoded and nothing is stored."""

    which: RejectedFilter
    rules: GameRules = GameRules()
    is_dry_run: bool = False


class ReplayStatus(msgspec.Struct, frozen=True):
    """The last one asked for: tried = stored + duplicates + rejected + unstorable.

    In a dry run, `stored` also has what would be a duplicate. `rejected` events are as they were, `reasons` says
    why, by reason. `unstorable` have values that the store does not take. `message` says why it failed.
    """

    state: ReplayState = ReplayState.NONE
    game_id: int = 0
    is_dry_run: bool = False
    tried: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    unstorable: int = 0
    reasons: Mapping[str, int] = {}
    message: str = ""


class _Good(NamedTuple):
    """The events of one request that are taken now, in the shape of a codec's answer."""

    events: Sequence[Any]
    indexes: Sequence[int]
    dropped: Sequence[DroppedEvent] = ()
    lenient: int = 0


class _Request(NamedTuple):
    """Events of one request that are taken now: where their rows are in the table of rejected events."""

    source: EventSource
    envelope: Envelope
    start: Position
    digest: str
    good: _Good
    places: Sequence[int]


class Replay:
    """A replay that any thread asks for and the loader's thread carries out between two batches, piece by piece."""

    name = "replay"
    unit = "events"
    period_s = None
    budget_s = 1.0

    def __init__(self, decoding: Decoding, note: Callable[[Batch], None] = lambda _: None) -> None:
        """`note` gets each batch that was stored."""
        self._decoding = decoding
        self._note = note
        self._lock = threading.Lock()
        self._question: ReplayQuestion | None = None
        self._is_cancelled = False
        self._after_no = 0
        self._status = ReplayStatus()

    @property
    def status(self) -> ReplayStatus:
        """How far it is; from any thread."""
        return self._status

    def request(self, question: ReplayQuestion) -> bool:
        """Ask for one. False, and nothing is asked for, while another waits or runs."""
        with self._lock:
            if self._question is not None:
                return False
            self._question, self._after_no, self._is_cancelled = question, 0, False
            self._status = ReplayStatus(ReplayState.WAITING, question.which.game_id, question.is_dry_run)
            return True

    def cancel(self) -> bool:
        """End it after the events at work; what was stored stays. Returns whether one waited or ran."""
        with self._lock:
            self._is_cancelled = self._question is not None
            return self._is_cancelled

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whether one waits or is not at its end."""
        return self._question is not None

    def run(self, turn: Turn) -> None:
        """Carry out a part of it. A failure ends it and shows in `status`; what was stored before stays."""
        question = self._question
        if question is None:
            return
        self._change(state=ReplayState.RUNNING)
        try:
            while not self._is_cancelled and not turn.is_over:
                rows = turn.store.rejected_events(question.which, self._after_no, _CHUNK)
                if rows.num_rows:
                    self._replay(rows, question, turn)
                    self._after_no = rows["rejected_no"][-1].as_py()
                    turn.note(self._status.tried, 0)
                if rows.num_rows < _CHUNK:
                    self._end(ReplayState.DONE)
                    return
        except ChangeCancelled:
            self._end(ReplayState.CANCELLED)
            raise
        except Exception as error:
            self._end(ReplayState.FAILED, told(error))
            raise
        if self._is_cancelled or turn.cancellation.is_cancelled:
            self._end(ReplayState.CANCELLED)

    def _replay(self, rows: pa.Table, question: ReplayQuestion, turn: Turn) -> None:
        requests: list[_Request] = []
        reasons: Counter[str] = Counter(self._status.reasons)
        for request in _requests(rows):
            found, dropped = self._decode(rows, request, question.rules)
            requests.extend(found)
            reasons.update(dropped)
        taken = sum(len(request.places) for request in requests)
        status = self._status
        self._change(
            tried=status.tried + rows.num_rows,
            rejected=status.rejected + rows.num_rows - taken,
            reasons=dict(reasons),
            stored=status.stored + (taken if question.is_dry_run else 0),
        )
        if requests and not question.is_dry_run:
            self._store(rows, requests, turn)

    def _decode(
        self, rows: pa.Table, places: Sequence[int], rules: GameRules
    ) -> tuple[Sequence[_Request], Sequence[str]]:
        """The events of one request that are taken now, and the reasons why the others are not."""
        row = rows.slice(places[0], 1).to_pylist()[0]
        kind = _KIND_OF_SOURCE.get(row["source"])
        source = None if kind is None else self._decoding.sources.get(kind)
        if kind is None or source is None:
            return (), [row["reason"]] * len(places)
        envelope = _envelope(rows, places[0], kind, source, is_lenient=rules.is_lenient)
        body = source.wrap([rows["raw"][place].as_py().encode() for place in places])
        try:
            decoded = source.decode_events(body, envelope)
            if rules.event_names is not None:
                refused = source.undeclared(decoded, rules.event_names)
                decoded = source.decode_events(body, msgspec.structs.replace(envelope, refused=tuple(refused)))
        except RequestRejected as rejection:
            return (), [rejection.reason] * len(places)
        except DATA_FAULTS as error:
            return (), [type(error).__name__] * len(places)
        if not decoded.events:
            return (), [dropped.reason for dropped in decoded.dropped]
        taken = [places[index] for index in decoded.indexes]
        indexes = [rows["record_index"][place].as_py() for place in taken]
        start = Position(*(rows[name][places[0]].as_py() for name in ("writer", "segment", "record_offset")))
        digest = (row["resend_key"] or "").rpartition(":")[0]
        good = _Good(decoded.events, indexes)
        return [_Request(source, envelope, start, digest, good, taken)], [one.reason for one in decoded.dropped]

    def _store(self, rows: pa.Table, requests: Sequence[_Request], turn: Turn) -> None:
        """Store the events of these requests; if values of theirs are at fault, those of its halves."""
        turn.cancellation.check()
        places = [place for request in requests for place in request.places]
        try:
            batch = self._batch(rows.take(pa.array(places)), requests)
            result = turn.store.load(batch, turn.now_us)
        except (BatchRefused, ValuesRefused):
            if len(requests) == 1:
                self._change(unstorable=self._status.unstorable + len(places))
                return
            middle = len(requests) // 2
            self._store(rows, requests[:middle], turn)
            self._store(rows, requests[middle:], turn)
            return
        status = self._status
        self._change(
            stored=status.stored + result.stored,
            duplicates=status.duplicates + result.duplicates,
            rejected=status.rejected + result.rejected,
        )
        self._note(batch)

    def _batch(self, replayed: pa.Table, requests: Sequence[_Request]) -> Batch:
        """Raises `ValuesRefused`."""
        groups: dict[Source, EventGroup] = {}
        try:
            for ordinal, request in enumerate(requests):
                group = groups.get(request.source.source)
                if group is None:
                    group = groups[request.source.source] = EventGroup(request.source, self._decoding)
                group.add(ordinal, request.start, request.envelope, request.good, request.digest or None)
            events = events_table(list(groups.values()))
        except DATA_FAULTS as error:
            raise ValuesRefused(told(error)) from error
        return Batch(events, rejected_table([]), (), (), {}, replayed)

    def _change(self, **values: object) -> None:
        self._status = msgspec.structs.replace(self._status, **values)

    def _end(self, state: ReplayState, message: str = "") -> None:
        with self._lock:
            self._question = None
            self._change(state=state, message=message)


def _requests(rows: pa.Table) -> Iterable[Sequence[int]]:
    """The places of the rows of each request, in the order of the events."""
    names = ("source", "writer", "segment", "record_offset")
    places: dict[tuple[object, ...], list[int]] = {}
    for place, key in enumerate(zip(*(rows[name].to_pylist() for name in names), strict=True)):
        places.setdefault(key, []).append(place)
    return places.values()


def _envelope(rows: pa.Table, place: int, kind: Kind, source: EventSource, *, is_lenient: bool) -> Envelope:
    """The request's, as far as decoding asks for it, by the rules of now."""

    def micros(name: str) -> int | None:
        found: int | None = rows[name][place].cast(pa.int64()).as_py()
        return found

    row = rows.select(["game_id", "country", "api_key_name", "player_id", "session_id"]).slice(place, 1).to_pylist()[0]
    is_of_token = source.is_player_from_token
    return Envelope(
        kind=kind,
        game_id=row["game_id"],
        received_at=micros("received_at") or 0,
        country=row["country"],
        api_key_name=row["api_key_name"],
        player_id=row["player_id"] if is_of_token else None,
        session_id=row["session_id"] if is_of_token else None,
        session_issued_at=micros("session_issued_at"),
        session_expires_at=micros("session_expires_at"),
        is_lenient=is_lenient,
    )
