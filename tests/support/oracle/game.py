"""What is stored of a history: duplicates dropped, times decided, sessions found (metrics.md §§1, 2, 7)."""

import datetime as dt
import functools
from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.generated_histories import Event, History
from tests.support.oracle.sessions import Session, Timed, of_events, sessions_of
from tests.support.oracle.times import event_times, floored
from tests.support.oracle.zones import UTC, Zone
from tests.support.staged import DAY, SECOND

_DEDUPE_WINDOW = 7 * DAY
_RESEND_WINDOW = DAY
_NO_IDS = {"null", "undefined", "00000000-0000-0000-0000-000000000000"}


@dataclass(frozen=True)
class Stored:
    """A stored event: `row` is its place in the order of loading, `time` UTC microseconds."""

    row: int
    time: int
    sent: Event
    session: Session | None = None
    zone: Zone = UTC

    @property
    def day(self) -> dt.date:
        """The local day."""
        return self.zone.day(self.time)

    @property
    def player(self) -> str | None:
        return self.sent.player_id

    @property
    def session_id(self) -> str | None:
        """As sent; of a matched event, that of the session found for it."""
        return self.session.session_id if self.is_matched and self.session else self.sent.session_id

    @property
    def is_matched(self) -> bool:
        return self.session is not None and self.row not in self.session.rows

    @property
    def order(self) -> tuple[int, int]:
        """By time; of equal times, by order of loading."""
        return self.time, self.row

    @property
    def is_purchase(self) -> bool:
        """A `business` event or Satori's `purchaseCompleted`, with an amount above 0: a test purchase has none."""
        return self._names_purchase and self.sent.amount is not None and self.sent.amount > 0

    @property
    def is_refund(self) -> bool:
        """The same with an amount below 0."""
        return self._names_purchase and self.sent.amount is not None and self.sent.amount < 0

    @property
    def is_money(self) -> bool:
        """A purchase or a refund."""
        return self.is_purchase or self.is_refund

    @property
    def _names_purchase(self) -> bool:
        return self.sent.category == "business" or (
            self.sent.category == "custom" and self.sent.event_id == "purchaseCompleted"
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """The event's id, split; nothing for an event without one."""
        return tuple(self.sent.event_id.split(":")) if self.sent.event_id is not None else ()


@dataclass(frozen=True)
class Game:
    """All that is known of a game at a time (UTC microseconds). Days are those of `zone`."""

    events: tuple[Stored, ...]
    sessions: tuple[Session, ...]
    now: int
    zone: Zone = UTC

    @property
    def today(self) -> dt.date:
        return self.zone.day(self.now)

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

    def in_session(self, session: Session) -> list[Stored]:
        """The events that name the session, in their order; not those that were matched."""
        rows = set(session.rows)
        return sorted((event for event in self.events if event.row in rows), key=lambda event: event.order)

    def first_day(self, player: str) -> dt.date:
        """The first local day on which the player has an event.

        Where the clock was put back over midnight that can be another day than the first event's.
        """
        return min(self.active_days(player))

    def active_days(self, player: str) -> set[dt.date]:
        """The local days on which the player has an event."""
        return {event.day for event in self.of(player)}

    def first_purchase_day(self, player: str) -> dt.date | None:
        """The first local day on which the player has a purchase; None without one."""
        return min((event.day for event in self.of(player) if event.is_purchase), default=None)

    def first_purchase(self, player: str) -> Stored | None:
        """The player's first purchase; None without one."""
        return min((event for event in self.of(player) if event.is_purchase), key=_in_order, default=None)


def _in_order(event: Stored) -> tuple[int, int]:
    return event.order


def game(history: History, now: int | None = None, zone: Zone | None = None) -> Game:
    """What is stored of `history`, when all has arrived or at another time, by the days of its zone or of another."""
    zone = zone or history.frame.zone
    timed = list(zip(event_times(history.all_events), history.all_events, strict=True))
    kept = [Timed(row, time, event, floored(event.session_issued_at)) for row, (time, event) in enumerate(_once(timed))]
    sessions = sessions_of(kept, zone)
    of_event = of_events(kept, sessions)
    events = tuple(Stored(each.row, each.time, each.sent, of_event.get(each.row), zone) for each in kept)
    return Game(events, sessions, history.frame.now if now is None else now, zone)


def _once(events: Iterable[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """The first of each player's id that arrives, and again what arrives long after all that were kept.

    Of a request that was answered with an error, events without an id are known again for a day.
    """
    kept: list[tuple[int, Event]] = []
    for time, event in events:
        if not any(_is_repeat(event, other) for _, other in kept):
            kept.append((time, event))
    return kept


def _is_repeat(event: Event, other: Event) -> bool:
    # Receipt is remembered in whole seconds.
    apart = abs(other.received_at // SECOND - event.received_at // SECOND)
    if has_id(event):
        is_same = has_id(other) and other.client_event_id == event.client_event_id
        return is_same and other.player_id == event.player_id and apart <= _DEDUPE_WINDOW // SECOND
    return event.resend_key is not None and other.resend_key == event.resend_key and apart <= _RESEND_WINDOW // SECOND


def has_id(event: Event) -> bool:
    """Whether the client gave the event an id that is one."""
    return event.client_event_id is not None and event.client_event_id.lower() not in _NO_IDS
