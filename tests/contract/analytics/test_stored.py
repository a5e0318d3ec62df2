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
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle.asked import Value
from tests.support.oracle.dimensions import OF_LAST_EVENT, at_install, first_telling, of_player_day, own_value
from tests.support.oracle.game import Game, Session, day_of, game, moment

_OF_FIRST_EVENT = ("source", *OF_LAST_EVENT)


@FEW
@given(history=histories())
def test_the_store_agrees_with_the_definitions(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(history=histories())
def test_the_store_agrees_with_the_definitions_at_length(history: History) -> None:
    _compare(history)


def test_histories_have_days_that_end_with_a_game_server_that_knows_no_country() -> None:
    found = find(histories(), lambda history: bool(_days_of_a_clients_country(history)), settings=settings(FEW))
    assert set(_days_of_a_clients_country(found)) <= {"DE", "FR", "US"}


def _days_of_a_clients_country(history: History) -> list[Value]:
    """The countries of player days that a server's event without a country ends, where nothing names a platform."""
    known = game(history, NOW)
    countries: list[Value] = []
    for player in known.players:
        for day in known.active_days(player):
            last = [event for event in known.of(player) if event.day == day][-1]
            values = of_player_day(known, player, day)
            if last.sent.source == "satori_server" and values("platform") is None and values("country") is not None:
                countries.append(values("country"))
    return countries


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        _same_everywhere(BothEngines(store))
        known = game(history, NOW)
        assert _stored_events(store) == _events(known)
        assert _stored_sessions(store) == _sessions(known)
        assert _stored_players(store) == _players(known)
        assert _stored_days(store) == _days(known)


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
    columns = ", ".join(("session_id", "player_id", "start_time", "end_time", *_OF_FIRST_EVENT))
    rows = _rows(store, f"SELECT length_s, {columns} FROM sessions")  # noqa: S608
    return Counter((Fraction(length), *rest) for length, *rest in rows)


def _sessions(known: Game) -> Counter[tuple[Any, ...]]:
    return Counter(_session(known, each) for each in known.sessions)


def _session(known: Game, session: Session) -> tuple[Any, ...]:
    events = [each for each in known.events if each.session_id == session.session_id and not each.is_matched]
    first = first_telling(events)
    return (
        session.length_s,
        session.session_id,
        session.player,
        moment(session.start),
        moment(session.end),
        *(own_value(first, name) for name in _OF_FIRST_EVENT),
    )


def _stored_players(store: DuckDBStore) -> Counter[tuple[Any, ...]]:
    columns = "player_id, first_seen, last_seen, events, first_purchase, revenue_usd, sessions"
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
        len(events),
        None if purchase is None else moment(purchase),
        sum((event.sent.amount_usd or 0 for event in events if event.is_purchase), Decimal()),
        sum(session.player == player for session in known.sessions),
        *(at_install(known, player)(name) for name in _OF_FIRST_EVENT),
    )


def _stored_days(store: DuckDBStore) -> dict[tuple[str, dt.date], tuple[Any, ...]]:
    columns = ", ".join(f"d.{name}" for name in ("is_new", "events", "sessions", "revenue_usd", *OF_LAST_EVENT))
    joined = "player_days AS d JOIN players AS p ON p.player_no = d.player_no"
    rows = _rows(store, f"SELECT p.player_id, d.day, d.playtime_s, {columns} FROM {joined}")  # noqa: S608
    return {(player, day): (Fraction(playtime), *rest) for player, day, playtime, *rest in rows}


def _days(known: Game) -> dict[tuple[str, dt.date], tuple[Any, ...]]:
    found = {(event.player, event.day) for event in known.events if event.player is not None}
    found |= {(session.player, session.day) for session in known.sessions if session.player is not None}
    return {(player, day): _day(known, player, day) for player, day in found}


def _day(known: Game, player: str, day: dt.date) -> tuple[Any, ...]:
    events = [event for event in known.of(player) if event.day == day]
    sessions = [each for each in known.sessions if each.player == player and day_of(each.start) == day]
    values = of_player_day(known, player, day)
    return (
        sum((each.length_s for each in sessions), Fraction()),
        day == known.first_day(player),
        len(events),
        len(sessions),
        sum((event.sent.amount_usd or 0 for event in events if event.is_purchase), Decimal()),
        *(values(name) for name in OF_LAST_EVENT),
    )
