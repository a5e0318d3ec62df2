"""What the store makes of a history is what metrics.md §§1, 2 and 4 say: the ground that every number stands on."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import find, given, settings

from questlog.store.duckdb.store import DuckDBStore
from questlog.store.schema import TABLES
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, Event, History, histories, load
from tests.support.oracle import money
from tests.support.oracle.asked import Value
from tests.support.oracle.dimensions import DIMENSIONS, at_install, first_telling, own_value
from tests.support.oracle.game import Game, Stored, game
from tests.support.oracle.sessions import Session
from tests.support.oracle.zones import moment
from tests.support.staged import SECOND

_OF_FIRST_EVENT = ("source", *DIMENSIONS)
_ZONES = tuple(FRAMES.values())


@FEW
@given(history=histories(frames=_ZONES))
def test_the_store_agrees_with_the_definitions(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(history=histories(frames=_ZONES))
def test_the_store_agrees_with_the_definitions_at_length(history: History) -> None:
    _compare(history)


@pytest.mark.parametrize("is_first_first", [True, False])
@pytest.mark.parametrize("is_moved", [True, False])
def test_a_day_that_comes_again_after_the_next_one_has_begun(is_first_first: bool, is_moved: bool) -> None:
    """In Newfoundland the clock was put back to 23:01 at one minute past midnight."""
    frame = FRAMES["yesterday again"]
    change = frame.zone.changes(frame.start, frame.now)[0]
    events = [
        Event("business", at, at, player_id="ann", event_id="a:b", amount=99, currency="USD")
        for at in (change - SECOND, change)
    ]
    assert [frame.zone.day(event.received_at) for event in events] == [frame.day(5), frame.day(4)]
    ordered = tuple(events if is_first_first else events[::-1])
    _compare(History(ordered, loads=(1,), frame=frame, is_moved=is_moved))


def test_histories_have_players_whose_first_event_names_no_platform() -> None:
    found = find(histories(), lambda history: bool(_countries_without_platform(history)), settings=settings(FEW))
    assert set(_countries_without_platform(found)) <= {"DE", "FR", "US"}


def _countries_without_platform(history: History) -> list[Value]:
    """The countries of players who first were told of by a server that knows none, and who never name a platform."""
    known = game(history)
    countries: list[Value] = []
    for player in known.players:
        values = at_install(known, player)
        first = known.of(player)[0]
        if first.sent.source == "satori_server" and values("platform") is None and values("country") is not None:
            countries.append(values("country"))
    return countries


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        _same_everywhere(BothEngines(store))
        known = game(history)
        assert _stored_events(store) == _events(known)
        assert _stored_sessions(store) == _sessions(known)
        assert _stored_players(store) == _players(known)
        assert _stored_days(store) == _days(known)
        assert _stored_day_values(store) == _day_values(known)
        assert _stored_purchases(store) == _purchases(known)


def _same_everywhere(engines: BothEngines) -> None:
    for table in TABLES:
        statement = f"SELECT {', '.join(column.name for column in table.columns)} FROM {table.name}"  # noqa: S608
        duckdb, clickhouse = (engine.ask(statement) for engine in engines)
        assert clickhouse.schema == duckdb.schema
        assert Counter(map(repr, clickhouse.to_pylist())) == Counter(map(repr, duckdb.to_pylist()))


def _rows(store: DuckDBStore, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in store.query(statement, {}).to_pylist()]


def _stored_events(store: DuckDBStore) -> list[tuple[Any, ...]]:
    columns = "event_time, player_id, session_id, session_is_matched, category, event_id, amount_usd"
    return _rows(store, f"SELECT {columns} FROM events ORDER BY row_no")  # noqa: S608


def _events(known: Game) -> list[tuple[Any, ...]]:
    return [
        (
            moment(event.time),
            event.player,
            event.session_id,
            event.is_matched,
            event.sent.category,
            event.sent.event_id,
            event.sent.amount_usd,
        )
        for event in known.events
    ]


def _stored_sessions(store: DuckDBStore) -> Counter[tuple[Any, ...]]:
    columns = ", ".join(("session_id", "player_id", "start_time", "end_time", "day", "is_of_token", *_OF_FIRST_EVENT))
    rows = _rows(store, f"SELECT family_no, length_s, {columns} FROM sessions")  # noqa: S608
    families = Counter(family for family, *_ in rows)
    return Counter((Fraction(length), *rest, families[family]) for family, length, *rest in rows)


def _sessions(known: Game) -> Counter[tuple[Any, ...]]:
    return Counter(_session(known, each) for each in known.sessions)


def _session(known: Game, session: Session) -> tuple[Any, ...]:
    first = first_telling(known.in_session(session))
    return (
        session.length_s,
        session.session_id,
        session.player,
        moment(session.start),
        moment(session.end),
        session.day,
        session.is_of_token,
        *(own_value(first, name) for name in _OF_FIRST_EVENT),
        sum(each.family == session.family for each in known.sessions),
    )


def _stored_players(store: DuckDBStore) -> Counter[tuple[Any, ...]]:
    columns = (
        "player_id, first_seen, last_seen, first_day, last_day, events, first_purchase, first_purchase_day, "
        "transactions, refunds, revenue_usd, sessions"
    )
    return Counter(_rows(store, f"SELECT {columns}, {', '.join(_OF_FIRST_EVENT)} FROM players"))  # noqa: S608


def _players(known: Game) -> Counter[tuple[Any, ...]]:
    return Counter(_player(known, player) for player in known.players)


def _player(known: Game, player: str) -> tuple[Any, ...]:
    events = known.of(player)
    purchase = known.first_purchase(player)
    return (
        player,
        moment(events[0].time),
        moment(events[-1].time),
        known.first_day(player),
        max(known.active_days(player)),
        len(events),
        None if purchase is None else moment(purchase.time),
        known.first_purchase_day(player),
        sum(event.is_purchase for event in events),
        sum(event.is_refund for event in events),
        money.net_usd(events),
        sum(session.player == player for session in known.sessions),
        *(at_install(known, player)(name) for name in _OF_FIRST_EVENT),
    )


def _stored_days(store: DuckDBStore) -> dict[tuple[str, dt.date], tuple[Any, ...]]:
    columns = ", ".join(f"d.{name}" for name in ("is_new", "events", "sessions", "ad_revenue_usd"))
    joined = "player_days AS d JOIN players AS p ON p.player_no = d.player_no"
    rows = _rows(store, f"SELECT p.player_id, d.day, d.playtime_s, {columns} FROM {joined}")  # noqa: S608
    return {(player, day): (Fraction(playtime), *rest) for player, day, playtime, *rest in rows}


def _days(known: Game) -> dict[tuple[str, dt.date], tuple[Any, ...]]:
    found = {(event.player, event.day) for event in known.events if event.player is not None}
    found |= {(session.player, session.day) for session in known.sessions}
    return {(player, day): _day(known, player, day) for player, day in found}


def _day(known: Game, player: str, day: dt.date) -> tuple[Any, ...]:
    events = [event for event in known.of(player) if event.day == day]
    sessions = [each for each in known.sessions if each.player == player and each.day == day]
    return (
        sum((each.length_s for each in sessions), Fraction()),
        day == known.first_day(player),
        len(events),
        len(sessions),
        sum((event.sent.ad_revenue_usd or Decimal() for event in events), Decimal()),
    )


_ValuesOfDay = tuple[str | None, dt.date]


def _stored_day_values(store: DuckDBStore) -> dict[_ValuesOfDay, Counter[tuple[Any, ...]]]:
    columns = ", ".join(f"d.{name}" for name in ("events", "ad_revenue_usd", "first_of", "is_only", *DIMENSIONS))
    joined = "player_day_values AS d LEFT JOIN players AS p ON p.player_no = d.player_no"
    found: dict[_ValuesOfDay, Counter[tuple[Any, ...]]] = {}
    for player, day, *rest in _rows(store, f"SELECT p.player_id, d.day, {columns} FROM {joined}"):  # noqa: S608
        found.setdefault((player, day), Counter())[tuple(rest)] += 1
    return found


def _day_values(known: Game) -> dict[_ValuesOfDay, Counter[tuple[Any, ...]]]:
    """What an event of a day was, each combination once, in the order of their arrival."""
    days: dict[_ValuesOfDay, dict[tuple[Value, ...], list[Stored]]] = {}
    for event in known.events:
        values = tuple(own_value(event, name) for name in DIMENSIONS)
        days.setdefault((event.player, event.day), {}).setdefault(values, []).append(event)
    return {of: Counter(_combinations(found)) for of, found in days.items()}


def _combinations(found: dict[tuple[Value, ...], list[Stored]]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    met = [set[Value]() for _ in DIMENSIONS]
    for values, events in found.items():
        bits = 0 if rows else 1 << len(DIMENSIONS)
        for place, value in enumerate(values):
            bits |= 0 if value in met[place] else 1 << place
            met[place].add(value)
        earned = sum((event.sent.ad_revenue_usd or Decimal() for event in events), Decimal())
        rows.append((len(events), earned, bits, len(found) == 1, *values))
    return rows


def _stored_purchases(store: DuckDBStore) -> list[tuple[Any, ...]]:
    columns = ", ".join(
        ("event_time", "day", "amount", "currency", "amount_usd", "receipt_state", "is_refund", "source", *DIMENSIONS)
    )
    return _rows(store, f"SELECT {columns} FROM purchases ORDER BY row_no")  # noqa: S608


def _purchases(known: Game) -> list[tuple[Any, ...]]:
    return [
        (
            moment(event.time),
            event.day,
            event.sent.amount,
            event.sent.currency,
            event.sent.amount_usd,
            event.sent.receipt_state,
            event.is_refund,
            *(own_value(event, name) for name in ("source", *DIMENSIONS)),
        )
        for event in known.events
        if event.is_money
    ]
