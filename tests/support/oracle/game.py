"""What is stored of a history: duplicates dropped, times decided, sessions found (metrics.md §§1, 2)."""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.support.generated_histories import Event, History
from tests.support.staged import DAY, MINUTE, SECOND

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - engines answer with naive UTC
_DEDUPE_WINDOW = 7 * DAY
_MOST_AHEAD = 10 * MINUTE
_GRACE = 3600 * SECOND
_TOLERANCE = SECOND


@dataclass(frozen=True)
class Stored:
    """A stored event: `row` is its place in the order of loading, `time` UTC microseconds."""

    row: int
    time: int
    sent: Event
    session_id: str | None
    is_matched: bool = False

    @property
    def day(self) -> dt.date:
        return day_of(self.time)

    @property
    def player(self) -> str | None:
        return self.sent.player_id

    @property
    def order(self) -> tuple[int, int]:
        """By time; of equal times, by order of loading."""
        return self.time, self.row

    @property
    def is_purchase(self) -> bool:
        """A `business` event or Satori's `purchaseCompleted`, with an amount: a test purchase has none."""
        names_one = self.sent.category == "business" or (
            self.sent.category == "custom" and self.sent.event_id == "purchaseCompleted"
        )
        return names_one and self.sent.amount is not None

    @property
    def parts(self) -> tuple[str, ...]:
        """The event's id, split; nothing for an event without one."""
        return tuple(self.sent.event_id.split(":")) if self.sent.event_id is not None else ()


@dataclass(frozen=True)
class Session:
    """A session: `start` and `end` in UTC microseconds, `length_s` exact seconds."""

    session_id: str
    player: str | None
    start: int
    end: int
    length_s: Fraction

    @property
    def day(self) -> dt.date:
        return day_of(self.start)


@dataclass(frozen=True)
class Game:
    """All that is known of a game at a time (UTC microseconds)."""

    events: tuple[Stored, ...]
    sessions: tuple[Session, ...]
    now: int

    @property
    def today(self) -> dt.date:
        return day_of(self.now)

    @functools.cached_property
    def players(self) -> tuple[str, ...]:
        """Everyone who has an event, in the order of their first stored one."""
        return tuple(dict.fromkeys(event.player for event in self.events if event.player is not None))

    @functools.cached_property
    def events_by_player(self) -> dict[str, list[Stored]]:
        return {
            player: sorted((event for event in self.events if event.player == player), key=lambda event: event.order)
            for player in self.players
        }

    def of(self, player: str) -> list[Stored]:
        """A player's events in their order; nothing for a player of whom only properties are known."""
        return self.events_by_player.get(player, [])

    def first_day(self, player: str) -> dt.date:
        """The UTC day of the player's first event."""
        return self.of(player)[0].day

    def active_days(self, player: str) -> set[dt.date]:
        """The UTC days on which the player has an event."""
        return {event.day for event in self.of(player)}

    def first_purchase(self, player: str) -> int | None:
        """The time of the player's first purchase; None without one."""
        return min((event.time for event in self.of(player) if event.is_purchase), default=None)


def day_of(time: int) -> dt.date:
    """The UTC day of a time in microseconds."""
    return moment(time).date()


def moment(time: int) -> dt.datetime:
    """A time in microseconds as a naive UTC datetime."""
    return EPOCH + dt.timedelta(microseconds=time)


def game(history: History, now: int) -> Game:
    """What is stored of `history`."""
    events = [
        Stored(row, event_time(event), event, event.session_id) for row, event in enumerate(_once(history.all_events))
    ]
    sessions = _sessions(events)
    matched = tuple(_matched(event, sessions) for event in events)
    return Game(matched, tuple(sessions), now)


def event_time(event: Event) -> int:
    """§1: the client's time unless it is more than ten minutes ahead of the time of receipt."""
    if event.client_time is not None and event.client_time <= event.received_at + _MOST_AHEAD:
        return event.client_time
    return event.received_at


def _once(events: Iterable[Event]) -> list[Event]:
    """The first of each id that arrives, and again what arrives more than seven days from all that were kept."""
    kept: list[Event] = []
    for event in events:
        repeats = [
            other
            for other in kept
            if event.client_event_id is not None
            and other.client_event_id == event.client_event_id
            # Receipt is remembered in whole seconds.
            and abs(other.received_at // SECOND - event.received_at // SECOND) <= _DEDUPE_WINDOW // SECOND
        ]
        if not repeats:
            kept.append(event)
    return kept


def _sessions(events: Sequence[Stored]) -> list[Session]:
    ids = dict.fromkeys(event.session_id for event in events if event.session_id is not None)
    return [_session(session_id, [event for event in events if event.session_id == session_id]) for session_id in ids]


def _session(session_id: str, events: Sequence[Stored]) -> Session:
    """§2, from the events that name the session. Its player is that of its latest event that has one."""
    starts = [event.time for event in events]
    starts += [event.sent.session_issued_at for event in events if event.sent.session_issued_at is not None]
    lengths = [
        Fraction(event.sent.length_s)
        for event in events
        if event.sent.category == "session_end" and event.sent.length_s is not None
    ]
    start, end = min(starts), max(event.time for event in events)
    owned = [event for event in events if event.player is not None]
    player = max(owned, key=lambda event: event.order).player if owned else None
    return Session(session_id, player, start, end, max(lengths) if lengths else Fraction(end - start, SECOND))


def _matched(event: Stored, sessions: Sequence[Session]) -> Stored:
    """§2: a Satori event of a player without a session is given the most recently created that had begun by then.

    Of sessions that began at the same time it is the one with the greatest id.
    """
    if event.sent.source == "gameanalytics" or event.player is None or event.session_id is not None:
        return event
    begun = [each for each in sessions if each.player == event.player and each.start <= event.time + _TOLERANCE]
    if not begun:
        return event
    latest = max(begun, key=lambda each: (each.start, each.session_id))
    if event.time > latest.end + _GRACE:
        return event
    return Stored(event.row, event.time, event.sent, latest.session_id, is_matched=True)
