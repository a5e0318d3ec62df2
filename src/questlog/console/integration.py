"""How well a game's events arrive: what was rejected and what to do about it, books by sender, and findings."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Period
from questlog.analytics.selection.cardinality import Cardinality
from questlog.console.live import EventPlace, Wanted
from questlog.console.remedies import Remedy, remedy, sdk_name
from questlog.console.services import ConsoleServices
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.replay import GameRules, ReplayQuestion, ReplayStatus
from questlog.model.game import Game
from questlog.model.reasons import RequestRejected
from questlog.model.record import Envelope, Position
from questlog.store.contract import Cancellation, RejectedFilter
from questlog.store.integration_reads import (
    event_at,
    event_row,
    ingest_books,
    rejected_kept,
    rejected_rows,
    rejection_groups,
    sender_clocks,
    session_ends,
    unknown_currencies,
)
from questlog.store.named_reads import REJECTED, STORED, Ask, EventFilter, list_events

_DAY_US = 86_400_000_000
_MOST_READ = 5_000
_MOST_GROUPS = 200
_MOST_BOOKS = 500
_MOST_FINDINGS = 50
_VALUE_CHARACTERS = 500
_MANY_WITHOUT_END = 0.25
_LEAST_SESSIONS = 20
_MANY_DUPLICATES = 0.01
_MANY_LATE = 0.05
_MOST_NUMBER = 2**63
_FILTERED_DAYS = 14

_SOURCES = {source.source.value: source for source in EVENT_SOURCES.values()}
_errors = msgspec.json.Decoder(list[dict[str, str]])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


# ------------------------------------------------------------------------------------------------------- rejections


class TakenIf(enum.StrEnum):
    """What it takes for a group's newest event to be stored: nothing more, or a lenient game."""

    NOW = "now"
    LENIENT = "lenient"


class RejectionGroup(msgspec.Struct, frozen=True):
    """Rejected events (or whole requests) of one sender with the same fault; an event with two faults is in two.

    `field` and `error_type` are of GameAnalytics; for other rejections `detail` says what is wrong. `value` is what the
    newest one sent in the field, as JSON; `raw` all of it, as sent. `replayable` of the `events` are kept whole.
    `taken_if` says whether the newest would be stored if it was replayed. Times are UTC microseconds.
    """

    source: str
    sdk_version: str | None
    build: str | None
    sdk: str
    is_whole_request: bool
    reason: str
    error_type: str | None
    field: str | None
    detail: str | None
    events: int
    players: int
    replayable: int
    first_at: int
    last_at: int
    rejected_no: int
    category: str | None
    event_id: str | None
    value: str | None
    raw: str
    taken_if: TakenIf | None
    remedy: Remedy


class _Fault(NamedTuple):
    """By what rejected events are put together."""

    source: str
    sdk_version: str | None
    build: str | None
    is_whole_request: bool
    reason: str
    error_type: str | None
    field: str | None
    detail: str | None


def rejections(ask: Ask, game: Game, since: int, until: int) -> Sequence[RejectionGroup]:
    """The most frequent faults of a time, the most frequent first."""
    sums: dict[_Fault, dict[str, int]] = {}
    for row in rejection_groups(ask, game.game_id, since, until, _MOST_READ).to_pylist():
        for fault in _faults(row):
            _add(sums.setdefault(fault, {}), row)
    most = sorted(sums.items(), key=lambda item: (-item[1]["events"], -item[1]["rejected_no"]))[:_MOST_GROUPS]
    numbers = {count["rejected_no"] for _, count in most}
    examples = {row["rejected_no"]: row for row in rejected_rows(ask, game.game_id, numbers).to_pylist()}
    known = ((fault, count, examples.get(count["rejected_no"])) for fault, count in most)
    return [_group(game, fault, count, example) for fault, count, example in known if example is not None]


def _faults(row: Mapping[str, Any]) -> Sequence[_Fault]:
    head = (row["source"], row["sdk_version"], row["build"], row["is_whole_request"], row["reason"])
    if row["errors"] is None:
        return [_Fault(*head, None, None, row["detail"])]
    errors = {(error["error_type"], error["path"].removeprefix("/")) for error in _errors.decode(row["errors"])}
    return [_Fault(*head, error_type, path, None) for error_type, path in sorted(errors)]


def _add(count: dict[str, int], row: Mapping[str, Any]) -> None:
    """Players of several rows may be the same: the most of one row is what is sure."""
    for name in ("events", "replayable"):
        count[name] = count.get(name, 0) + row[name]
    count["players"] = max(count.get("players", 0), row["players"])
    count["first_at"] = min(count.get("first_at", row["first_at"]), row["first_at"])
    count["last_at"] = max(count.get("last_at", 0), row["last_at"])
    count["rejected_no"] = max(count.get("rejected_no", 0), row["example_no"])


def _group(game: Game, fault: _Fault, count: dict[str, int], example: Mapping[str, Any]) -> RejectionGroup:
    known = remedy(fault.source, fault.sdk_version, fault.reason, fault.error_type, fault.field, example["category"])
    return RejectionGroup(
        source=fault.source,
        sdk_version=fault.sdk_version,
        build=fault.build,
        is_whole_request=fault.is_whole_request,
        reason=fault.reason,
        error_type=fault.error_type,
        field=fault.field,
        detail=fault.detail,
        events=count["events"],
        players=count["players"],
        replayable=count["replayable"],
        first_at=count["first_at"],
        last_at=count["last_at"],
        rejected_no=count["rejected_no"],
        sdk=sdk_name(fault.source, fault.sdk_version),
        category=example["category"],
        event_id=example["event_id"],
        value=_value(example["raw"], fault.field),
        raw=example["raw"],
        taken_if=_taken_if(game, example),
        remedy=known,
    )


def _value(raw: str, field: str | None) -> str | None:
    """What an event sent in a field."""
    if not field:
        return None
    try:
        value = _object.decode(raw).get(field)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return None if value is None else bytes(value).decode()[:_VALUE_CHARACTERS]


def _taken_if(game: Game, example: Mapping[str, Any]) -> TakenIf | None:
    if example["is_whole_request"] or not example["is_complete"]:
        return None
    rules = rules_of(game)
    if _is_taken(example, rules):
        return TakenIf.NOW
    return TakenIf.LENIENT if _is_taken(example, msgspec.structs.replace(rules, is_lenient=True)) else None


def _is_taken(example: Mapping[str, Any], rules: GameRules) -> bool:
    source = _SOURCES.get(example["source"])
    if source is None:
        return False
    envelope = Envelope(0, example["game_id"], 0, is_lenient=rules.is_lenient)
    try:
        decoded = source.decode_events(source.wrap([example["raw"].encode()]), envelope)
    except (RequestRejected, ValueError):
        return False
    names = rules.event_names
    return bool(decoded.events) and (names is None or not source.undeclared(decoded, names))


# ----------------------------------------------------------------------------------------------------------- replays


def rules_of(game: Game) -> GameRules:
    """By which rules the game's events are judged now."""
    return GameRules(game.is_lenient, game.event_names if game.is_strict else None)


def replay_question(game: Game, which: RejectedFilter, *, is_dry_run: bool) -> ReplayQuestion:
    """A replay of rejected events by the rules that the game has now."""
    return ReplayQuestion(which=which, rules=rules_of(game), is_dry_run=is_dry_run)


def error_json(error_type: str, field: str) -> str:
    """One error as rejected events keep it."""
    return msgspec.json.encode({"error_type": error_type, "path": f"/{field}" if field else ""}).decode()


# ------------------------------------------------------------------------------------------------------------- books


class Book(msgspec.Struct, frozen=True):
    """What one sender sent: received = stored + rejected + duplicates. `rejected_requests` are not events."""

    source: str | None
    sdk_version: str | None
    build: str | None
    sdk: str
    received: int
    stored: int
    rejected: int
    duplicates: int
    rejected_requests: int

    @property
    def adds_up(self) -> bool:
        """Whether every event is accounted for."""
        return self.received == self.stored + self.rejected + self.duplicates


class FindingKind(enum.StrEnum):
    """What may be wrong with what a sender sends."""

    UNKNOWN_CURRENCY = "unknown_currency"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_WRONG = "clock_wrong"
    NO_TIME = "no_time"
    LATE = "late"
    NO_SESSION_END = "no_session_end"
    DUPLICATES = "duplicates"
    WARNED = "warned"
    LIMIT_REACHED = "limit_reached"
    REJECTED_CUT = "rejected_cut"


_ADVICE: Mapping[FindingKind, str] = {
    FindingKind.UNKNOWN_CURRENCY: "These purchases count as transactions and not as revenue. Send a code of ISO 4217, "
    "or give the currency a rate of your own, then value the purchases again with `questlog reprice`.",
    FindingKind.CLOCK_AHEAD: "The devices' clocks are more than ten minutes ahead. The events are moved back to the "
    "time of receipt, in their order. Send the time of the server, or correct the clock once at the start.",
    FindingKind.CLOCK_WRONG: "The times lie before any game's: the clock was never set. The time of receipt counts.",
    FindingKind.NO_TIME: "Events without a time count at the time of receipt: what was sent late is at the wrong hour.",
    FindingKind.LATE: "The events came a day or more after they happened: players were offline, or the SDK sends its "
    "queue at the next start only. Days change until then.",
    FindingKind.NO_SESSION_END: "Without `session_end` a session lasts from its first to its last event. "
    "End the session when the game goes to the background, and start the SDK early, so that it sends the end that is "
    "missing from the time before.",
    FindingKind.DUPLICATES: "The events were dropped, for they were stored before. A client that does not wait for the "
    "answer, or a proxy that answers in time no more, sends them again.",
    FindingKind.WARNED: "The game is lenient: the events are stored, with annotations that break their rule in "
    "`attributes.invalid`. Over HTTP, the status `warned` lists them.",
    FindingKind.LIMIT_REACHED: "Further values of the day are shown as `(other)`. Put fewer different values into the "
    "field, or raise its limit in the settings `cardinality`.",
    FindingKind.REJECTED_CUT: "So many rejected events are kept at most (`rejected.max_rows_per_game`); older ones are "
    "gone. The counts above have all of them.",
}


class Finding(msgspec.Struct, frozen=True):
    """Something to look into: `count` of `of`, of a sender or of a `subject`, like a currency or a field."""

    kind: FindingKind
    count: int
    of: int | None = None
    source: str | None = None
    sdk_version: str | None = None
    build: str | None = None
    subject: str | None = None
    players: int | None = None
    day: dt.date | None = None
    advice: str = ""


class IntegrationReport(msgspec.Struct, frozen=True):
    """Books by sender, their sum, and findings, all of a time (UTC microseconds).

    Clocks, lateness and annotations are looked at in the last 24 hours of it.
    """

    since: int
    until: int
    books: Sequence[Book]
    total: Book
    adds_up: bool
    findings: Sequence[Finding]


def integration_report(
    ask: Ask, game: Game, since: int, until: int, over_limit: Answer | None, most_rejected: int = 100_000
) -> IntegrationReport:
    """How well the events of a time arrived. `over_limit` is the answer to `Cardinality`."""
    books = [
        Book(sdk=sdk_name(row["source"] or "", row["sdk_version"]), **row)
        for row in ingest_books(ask, game.game_id, since, until, _MOST_BOOKS).to_pylist()
    ]
    names = ("received", "stored", "rejected", "duplicates", "rejected_requests")
    total = Book(None, None, None, "", *(sum(getattr(book, name) for book in books) for name in names))
    findings = [
        *_of_currencies(unknown_currencies(ask, game.game_id, since, until, _MOST_FINDINGS)),
        *_of_clocks(sender_clocks(ask, game.game_id, max(since, until - _DAY_US), until, _MOST_BOOKS)),
        *_of_sessions(session_ends(ask, game.game_id, since, until, _MOST_BOOKS)),
        *_of_books(books),
        *_of_limits(over_limit),
    ]
    kept = rejected_kept(ask, game.game_id)
    if kept >= most_rejected:
        findings.append(_found(FindingKind.REJECTED_CUT, kept))
    return IntegrationReport(since, until, books, total, all(book.adds_up for book in books), findings)


def _found(kind: FindingKind, count: int, of: int | None = None, **values: Any) -> Finding:
    return Finding(kind, count, of, advice=_ADVICE[kind], **values)


def _sender(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("source", "sdk_version", "build")}


def _of_currencies(rows: pa.Table) -> Sequence[Finding]:
    return [
        _found(
            FindingKind.UNKNOWN_CURRENCY,
            row["purchases"],
            subject=row["currency"],
            build=row["build"],
            day=row["last_day"],
        )
        for row in rows.to_pylist()
    ]


def _of_clocks(rows: pa.Table) -> Sequence[Finding]:
    found: list[Finding] = []
    for row in rows.to_pylist():
        events, sender = row["events"], _sender(row)
        for kind, count in (
            (FindingKind.CLOCK_AHEAD, row["ahead"]),
            (FindingKind.CLOCK_WRONG, row["too_early"]),
            (FindingKind.NO_TIME, row["without_time"]),
            (FindingKind.WARNED, row["warned"]),
        ):
            if count:
                of_clocks = kind in (FindingKind.CLOCK_AHEAD, FindingKind.CLOCK_WRONG)
                players = row["players_with_wrong_clock"] if of_clocks else None
                found.append(_found(kind, count, events, players=players, **sender))
        if row["late"] > _MANY_LATE * events:
            found.append(_found(FindingKind.LATE, row["late"], events, **sender))
    return _most(found)


def _of_sessions(rows: pa.Table) -> Sequence[Finding]:
    return _most(
        [
            _found(FindingKind.NO_SESSION_END, row["without_end"], row["sessions"], **_sender(row))
            for row in rows.to_pylist()
            if row["sessions"] >= _LEAST_SESSIONS and row["without_end"] > _MANY_WITHOUT_END * row["sessions"]
        ]
    )


def _of_books(books: Sequence[Book]) -> Sequence[Finding]:
    return _most(
        [
            _found(
                FindingKind.DUPLICATES,
                book.duplicates,
                book.received,
                source=book.source,
                sdk_version=book.sdk_version,
                build=book.build,
            )
            for book in books
            if book.duplicates > _MANY_DUPLICATES * book.received
        ]
    )


def _of_limits(over_limit: Answer | None) -> Sequence[Finding]:
    rows = [] if over_limit is None else over_limit.table.to_pylist()
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        newest.setdefault(row["field"], row)  # the latest day comes first
    return [
        _found(FindingKind.LIMIT_REACHED, row["values"], row["limit"], subject=field, day=row["day"])
        for field, row in newest.items()
    ][:_MOST_FINDINGS]


def _most(found: Sequence[Finding]) -> Sequence[Finding]:
    return sorted(found, key=lambda one: -one.count)[:_MOST_FINDINGS]


# ---------------------------------------------------------------------------------------------------- for API and pages


class Newest(NamedTuple):
    """A row of stored or of rejected events."""

    is_rejected: bool
    row: Mapping[str, Any]


class OneEvent(NamedTuple):
    """The event's row, and its JSON as it was sent where the journal still has it."""

    row: pa.Table
    raw: str | None


class Integration:
    """Answers about the integration of games, for API and pages. Methods block; they raise `QueryAborted`."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services

    def report(self, game: str, since: int, until: int, cancellation: Cancellation) -> IntegrationReport:
        """How well the events of a time arrived. Raises `ControlError`."""
        found = self._services.control.find_game(game)
        zone = self._services.analytics.state(found.game_id).zone
        period = Period(zone.day_of(since), zone.day_of(max(since, until - 1)))
        over_limit = self._services.analytics.ask(found.game_id, Cardinality(period), cancellation)
        with self._services.tables.reading(cancellation) as reading:
            return integration_report(reading.ask, found, since, until, over_limit)

    def rejections(self, game: str, since: int, until: int, cancellation: Cancellation) -> Sequence[RejectionGroup]:
        """The most frequent faults of a time. Raises `ControlError`."""
        found = self._services.control.find_game(game)
        with self._services.tables.reading(cancellation) as reading:
            return rejections(reading.ask, found, since, until)

    def start_replay(self, game: str, which: RejectedFilter, *, is_dry_run: bool) -> bool:
        """Have rejected events replayed; False while another replay waits or runs. Raises `ControlError`."""
        return self._services.replay.request(
            replay_question(self._services.control.find_game(game), which, is_dry_run=is_dry_run)
        )

    def replay_status(self, game_id: int) -> ReplayStatus:
        """How far the game's last replay is; nothing about a replay of another game."""
        status = self._services.replay.status
        return status if status.game_id == game_id else ReplayStatus()

    def cancel_replay(self, game_id: int) -> bool:
        """End the game's replay that waits or runs. What was stored stays."""
        return self._services.replay.status.game_id == game_id and self._services.replay.cancel()

    def event(self, game: str, row_no: int, cancellation: Cancellation) -> OneEvent | None:
        """One stored event, as it is stored and as it was sent; None for a number that the game does not have."""
        game_id = self._services.control.find_game(game).game_id
        if not 0 <= row_no < _MOST_NUMBER:
            return None
        with self._services.tables.reading(cancellation) as reading:
            return self._with_raw(event_row(reading.ask, game_id, row_no))

    def event_at(self, game: str, place: EventPlace, cancellation: Cancellation) -> OneEvent | None:
        """As `event`, by the event's place in the journal; None for a duplicate too, which is not stored."""
        game_id = self._services.control.find_game(game).game_id
        with self._services.tables.reading(cancellation) as reading:
            return self._with_raw(event_at(reading.ask, game_id, *place))

    def newest(self, game: str, wanted: Wanted, limit: int, cancellation: Cancellation) -> Sequence[Newest]:
        """The newest events and rejections of a game that a watcher wants, newest first.

        With a filter, of the last 14 days: what is rare would be looked for in all events.
        """
        game_id = self._services.control.find_game(game).game_id
        which = wanted.which
        if which != EventFilter():
            since = self._services.clock.now_us() - _FILTERED_DAYS * _DAY_US
            which = msgspec.structs.replace(which, since=since)
        listings = [STORED] if wanted.is_with_accepted and wanted.which.reason is None else []
        listings += [REJECTED] if wanted.is_with_rejected else []
        found: list[Newest] = []
        with self._services.tables.reading(cancellation) as reading:
            for listing in listings:
                rows = list_events(reading.ask, listing, game_id, which, None, limit).to_pylist()
                found += [Newest(listing is REJECTED, row) for row in rows]
        return sorted(found, key=lambda one: one.row["received_at"], reverse=True)[:limit]

    def _with_raw(self, rows: pa.Table) -> OneEvent | None:
        if not rows.num_rows:
            return None
        names = ("writer", "segment", "record_offset", "record_index")
        writer, segment, offset, index = (rows[name][0].as_py() for name in names)
        return OneEvent(rows, self._services.raw_event(Position(writer, segment, offset), index))
