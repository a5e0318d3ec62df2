"""Which sessions there are, and whose and which events are theirs (metrics.md §2). A function of the set of events.

Left open there and decided here:

* An event without a player is of no session, and makes none.
* A session id that a Satori client or Satori itself names with an event of a player is a token's. Events of game
  servers that name the id are of the same session, whoever's they are; those of GameAnalytics are not.
* A session of a token is of the player of its latest event.
* A session that is one again after a long time begins with its first event: its creation counts where it lies after
  the last event before that.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from tests.support.generated_histories import Event
from tests.support.oracle.zones import UTC, Zone
from tests.support.staged import DAY, HOUR, SECOND

REUSE_GAP = 12 * HOUR
"""`session.reuse_gap_s`: with longer than this between two events of an id there are two sessions."""
MOST = 31 * DAY
_GRACE = HOUR
_TOLERANCE = SECOND
_OF_TOKENS = ("satori_client", "satori_system")


_Family: TypeAlias = tuple[str | int | None, ...]


@dataclass(frozen=True)
class Timed:
    """An event with its time and its place in the order of loading."""

    row: int
    time: int
    sent: Event
    issued_at: int | None = None

    @property
    def order(self) -> tuple[int, int]:
        """By time; of equal times, by order of loading."""
        return self.time, self.row


@dataclass(frozen=True)
class Session:
    """A session: `start` and `end` in UTC microseconds, `length_s` exact seconds, `rows` those of its events.

    All sessions of an id (and player, and number) are of one `family`.
    """

    number: int
    family: _Family
    session_id: str
    player: str
    start: int
    end: int
    length_s: Fraction
    rows: tuple[int, ...]
    zone: Zone = UTC

    @property
    def is_of_token(self) -> bool:
        return self.family[0] == "token"

    @property
    def day(self) -> dt.date:
        """The local day on which it began, to which it belongs."""
        return self.zone.day(self.start)


def sessions_of(events: Iterable[Timed], zone: Zone) -> tuple[Session, ...]:
    """All sessions of the events, in the order of their first events."""
    named = [event for event in events if event.sent.player_id is not None and event.sent.session_id is not None]
    tokens = {event.sent.session_id for event in named if event.sent.source in _OF_TOKENS}
    families: defaultdict[_Family, list[Timed]] = defaultdict(list)
    for event in sorted(named, key=lambda event: event.order):
        families[_family(event.sent, tokens)].append(event)
    found = [(family, run, before) for family, them in families.items() for run, before in _runs(them)]
    found.sort(key=lambda each: each[1][0].order)
    return tuple(_session(number, family, run, before, zone) for number, (family, run, before) in enumerate(found))


def _family(event: Event, tokens: set[str | None]) -> _Family:
    if event.source != "gameanalytics" and event.session_id in tokens:
        return "token", event.session_id
    return "player", event.player_id, event.session_id, event.session_num


def _runs(events: Sequence[Timed]) -> list[tuple[list[Timed], int | None]]:
    """The events where no gap is too long, each with the time of the last event before them."""
    runs: list[tuple[list[Timed], int | None]] = []
    for event in events:
        last = runs[-1][0][-1].time if runs else None
        if last is None or event.time - last > REUSE_GAP:
            runs.append(([event], last))
        else:
            runs[-1][0].append(event)
    return runs


def _session(number: int, family: _Family, run: Sequence[Timed], before: int | None, zone: Zone) -> Session:
    created = [event.issued_at for event in run if event.issued_at is not None]
    start = min([run[0].time, *(time for time in created if before is None or time > before)])
    end = run[-1].time
    lengths = [
        Fraction(event.sent.length_s)
        for event in run
        if event.sent.category == "session_end" and event.sent.length_s is not None
    ]
    length = max(lengths) if lengths else Fraction(end - start, SECOND)
    last = run[-1].sent
    assert last.session_id is not None
    assert last.player_id is not None
    return Session(
        number,
        family,
        last.session_id,
        last.player_id,
        start,
        end,
        min(length, Fraction(MOST, SECOND)),
        tuple(event.row for event in run),
        zone,
    )


def of_events(events: Iterable[Timed], sessions: Sequence[Session]) -> Mapping[int, Session]:
    """The session of each event that has one, by the event's row: of those that name one, and of those matched."""
    found = {row: session for session in sessions for row in session.rows}
    for event in events:
        session = _matched(event, sessions)
        if session is not None:
            found[event.row] = session
    return found


def _matched(event: Timed, sessions: Sequence[Session]) -> Session | None:
    """A Satori event of a player without a session is of the most recently created one that had begun by then.

    Of sessions that began at the same time it is the one with the greatest id.
    """
    sent = event.sent
    if sent.source == "gameanalytics" or sent.player_id is None or sent.session_id is not None:
        return None
    begun = [each for each in sessions if each.player == sent.player_id and each.start <= event.time + _TOLERANCE]
    if not begun:
        return None
    latest = max(begun, key=lambda each: (each.start, each.session_id, each.number))
    return latest if event.time <= latest.end + _GRACE else None
