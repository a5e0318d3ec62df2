"""What every analytics store promises, whichever engine it is."""

import shutil
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from questlog.model.record import Position
from questlog.store.contract import BatchRefused, Expiry, PlayerErasure, PlayerProperties, RejectedFilter, StoreFailed
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import DAY, HOUR, MINUTE, NOON, SECOND, batch, erase_all, new_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path)
    yield opened
    opened.close()


def _rows(store: DuckDBStore, statement: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = store.query(statement, {}).to_pylist()
    return rows


def _of_satori(**values: Any) -> dict[str, Any]:
    return {"source": "satori_client", "category": "custom", "event_id": "jump", "player_id": "p", **values}


def test_positions_are_stored_with_the_rows(store: DuckDBStore) -> None:
    store.load(batch([{}], positions={1: Position(1, 2, 3), 7: Position(7, 1, 9)}), NOON)
    store.load(batch([{}], positions={1: Position(1, 2, 50)}), NOON)
    assert store.positions() == {1: Position(1, 2, 50), 7: Position(7, 1, 9)}


def test_a_repeated_id_is_stored_once_in_a_batch_and_across_batches(store: DuckDBStore) -> None:
    event_id = new_id()
    first = store.load(batch([{"client_event_id": event_id}, {"client_event_id": event_id}]), NOON)
    second = store.load(batch([{"client_event_id": event_id}]), NOON)
    assert (first.stored, first.duplicates, second.stored, second.duplicates) == (1, 1, 0, 1)


def test_the_same_id_in_two_games_is_two_events(store: DuckDBStore) -> None:
    event_id = new_id()
    result = store.load(batch([{"client_event_id": event_id, "game_id": game} for game in (1, 2)]), NOON)
    assert result.stored == 2


def test_the_same_id_of_two_players_is_two_events(store: DuckDBStore) -> None:
    for event_id in (new_id(), "some text"):
        rows = [{"client_event_id": event_id, "player_id": player} for player in ("p", "q", None)]
        assert store.load(batch(rows * 2), NOON).stored == 3
        assert store.load(batch(rows), NOON).duplicates == 3


@pytest.mark.parametrize(("seconds_later", "stored"), [(86_400, 0), (86_401, 1)])
@pytest.mark.parametrize("is_lost", [False, True])
def test_a_request_that_comes_again_within_a_day_is_stored_once(
    tmp_path: Path, seconds_later: int, stored: int, is_lost: bool
) -> None:
    rows = [{"player_id": "p", "resend_key": "abc:0"}, {"player_id": "p", "resend_key": "abc:1"}]
    store = DuckDBStore(tmp_path)
    assert store.load(batch([*rows, rows[0]]), NOON).stored == 2
    assert _rows(store, "SELECT DISTINCT has_client_id, client_event_id FROM events") == [
        {"has_client_id": False, "client_event_id": None}
    ]
    store.close()
    if is_lost:
        shutil.rmtree(tmp_path / "key-indexes")
    store = DuckDBStore(tmp_path)
    again = {"received_at": NOON + seconds_later * SECOND}
    assert store.load(batch([rows[0] | again, {"client_event_id": "abc:0"}]), NOON).stored == stored + 1
    store.expire_keys(Expiry(), NOON + 4 * DAY)
    assert _rows(store, "FROM resend_keys") == []
    store.close()


def test_an_id_that_is_no_uuid_is_compared_as_text(store: DuckDBStore) -> None:
    ids = ["a", "b", "a", "A"]
    assert store.load(batch([{"client_event_id": one} for one in ids]), NOON).stored == 3
    assert [row["client_event_id"] for row in _rows(store, "SELECT * FROM events ORDER BY row_no")] == ["a", "b", "A"]


def test_a_uuid_is_the_same_in_capitals(store: DuckDBStore) -> None:
    event_id = new_id()
    rows = [{"client_event_id": event_id.upper()}, {"client_event_id": event_id}]
    assert store.load(batch(rows), NOON).stored == 1
    assert _rows(store, "SELECT event_uuid::VARCHAR AS id FROM events") == [{"id": event_id}]


def test_events_without_an_id_are_never_duplicates_and_get_different_uuids(store: DuckDBStore) -> None:
    assert store.load(batch([{}, {}, {}]), NOON).stored == 3
    assert _rows(store, "SELECT count(DISTINCT event_uuid) AS n FROM events") == [{"n": 3}]


def test_a_uuid_of_ours_says_the_place_in_the_journal(store: DuckDBStore) -> None:
    places = [(writer, segment, offset, index) for writer in (0, 4095) for segment in (1, 2**48 - 1)
              for offset in (0, 2**32 - 1) for index in (0, 2**30 - 1)]  # fmt: skip
    rows = [dict(zip(("writer", "segment", "offset", "index"), place, strict=True)) for place in places]
    store.load(batch(rows), NOON)
    ids = [uuid.UUID(row["id"]) for row in _rows(store, "SELECT event_uuid::VARCHAR AS id FROM events ORDER BY row_no")]
    assert [
        (one.int >> 64 & 0xFFF, one.int >> 80, one.int >> 30 & 0xFFFFFFFF, one.int & 0x3FFFFFFF) for one in ids
    ] == places
    assert {(one.version, one.variant) for one in ids} == {(8, uuid.RFC_4122)}


@pytest.mark.parametrize("place", [{"writer": 4096}, {"segment": 2**48}, {"offset": 2**32}, {"index": 2**30}])
def test_a_place_that_no_uuid_can_say_is_refused(store: DuckDBStore, place: dict[str, int]) -> None:
    with pytest.raises(BatchRefused, match=f"{next(iter(place))} in the journal"):
        store.load(batch([place]), NOON)


@pytest.mark.parametrize(("seconds_later", "stored"), [(7 * 86_400, 0), (7 * 86_400 + 1, 1), (-7 * 86_400 - 1, 1)])
def test_the_window_of_duplicates_is_exact(store: DuckDBStore, seconds_later: int, stored: int) -> None:
    row = {"client_event_id": new_id()}
    store.load(batch([row]), NOON)
    later = {**row, "received_at": NOON + seconds_later * SECOND}
    assert store.load(batch([later]), NOON).stored == stored


def test_duplicates_are_known_after_reopening_without_the_index(tmp_path: Path) -> None:
    rows = [{"client_event_id": one} for one in (new_id(), "some text")]
    store = DuckDBStore(tmp_path)
    store.load(batch(rows), NOON)
    store.close()
    for path in (tmp_path / "key-indexes").rglob("*.run"):
        path.write_bytes(b"damaged")
    store = DuckDBStore(tmp_path)
    assert store.load(batch(rows), NOON).duplicates == 2
    store.close()


def test_hours_add_up(store: DuckDBStore) -> None:
    rows: list[dict[str, Any]] = [{"client_event_id": "a"}] * 2 + [{"received_at": NOON + HOUR}]
    rejects = [{}, {"is_whole_request": True, "reason": "not_json"}]
    store.load(batch(rows, rejects), NOON)
    counted = (
        "SELECT epoch_us(hour) AS hour, received, stored, rejected, duplicates, rejected_requests"
        " FROM ingest_hours ORDER BY hour"
    )
    assert _rows(store, counted) == [
        {"hour": NOON, "received": 3, "stored": 1, "rejected": 1, "duplicates": 1, "rejected_requests": 1},
        {"hour": NOON + HOUR, "received": 1, "stored": 1, "rejected": 0, "duplicates": 0, "rejected_requests": 0},
    ]


def test_hours_are_counted_by_source_sdk_and_build(store: DuckDBStore) -> None:
    unity: dict[str, Any] = {"sdk_version": "unity 7.10.6", "build": "1.0"}
    rejects = [{**unity, "build": "1.1"}, {"sdk_version": "unity 7.10.6"}]
    store.load(batch([unity, unity, _of_satori()], rejects), NOON)
    store.load(batch([{**unity, "received_at": NOON + HOUR - 1}], [{**unity, "build": "1.1"}]), NOON)
    counted = "SELECT source, sdk_version, build, stored, rejected FROM ingest_hours ORDER BY ALL"
    assert [tuple(row.values()) for row in _rows(store, counted)] == [
        ("gameanalytics", "unity 7.10.6", "1.0", 3, 0),
        ("gameanalytics", "unity 7.10.6", "1.1", 0, 2),
        ("gameanalytics", "unity 7.10.6", None, 0, 1),
        ("satori_client", None, None, 1, 0),
    ]


def test_replayed_events_are_stored_and_not_rejected_any_more(store: DuckDBStore) -> None:
    unity: dict[str, Any] = {"sdk_version": "unity 7.10.6", "build": "1.0"}
    sent = {**unity, "writer": 1, "segment": 1, "record_offset": 0, "is_complete": True}
    rejects = [{**sent, "record_index": index} for index in range(3)]
    store.load(batch([unity], [*rejects, {**sent, "is_complete": False}, {"is_whole_request": True}]), NOON)
    found = store.rejected_events(RejectedFilter(game_id=1), 0, 10)
    assert found["rejected_no"].to_pylist() == [1, 2, 3]
    assert store.rejected_events(RejectedFilter(game_id=1, build="2.0"), 0, 10).num_rows == 0
    again = msgspec.structs.replace(batch([unity, {**unity, "index": 1}]), replayed=found.slice(0, 2))
    assert store.load(again, NOON).stored == 2
    assert [row["rejected_no"] for row in _rows(store, "SELECT rejected_no FROM rejected_events ORDER BY ALL")] == [
        3,
        4,
        5,
    ]
    [hours] = _rows(store, "SELECT received, stored, rejected FROM ingest_hours WHERE build IS NOT NULL")
    assert hours == {"received": 5, "stored": 3, "rejected": 2}
    with pytest.raises(StoreFailed, match="have gone"):
        store.load(again, NOON)
    assert len(_rows(store, "SELECT 1 FROM events")) == 3


def test_results_are_split_by_game_and_source(store: DuckDBStore) -> None:
    result = store.load(batch([{}, {"game_id": 2}, _of_satori()], [{"game_id": 2}]), NOON)
    assert {key: (one.stored, one.rejected) for key, one in result.by_source.items()} == {
        (1, "gameanalytics"): (1, 0),
        (1, "satori_client"): (1, 0),
        (2, "gameanalytics"): (1, 1),
    }


def test_a_session_runs_from_its_earliest_to_its_latest_event(store: DuckDBStore) -> None:
    for minutes in (5, 9, 1):
        row = {"player_id": "p", "session_id": "s", "event_time": NOON + minutes * MINUTE, "session_num": 3}
        store.load(batch([row]), NOON)
    [session] = _rows(store, "SELECT epoch_us(start_time) AS start, length_s, events, session_num FROM sessions")
    assert session == {"start": NOON + MINUTE, "length_s": Decimal(480), "events": 3, "session_num": 3}


def test_the_length_of_session_end_wins(store: DuckDBStore) -> None:
    session = {"player_id": "p", "session_id": "s"}
    end = {**session, "category": "session_end", "length_s": 77.0, "event_time": NOON + HOUR}
    store.load(batch([end]), NOON)
    store.load(batch([{**session, "event_time": NOON + 2 * HOUR}]), NOON)
    assert _rows(store, "SELECT length_s FROM sessions") == [{"length_s": Decimal(77)}]
    assert _rows(store, "SELECT playtime_s FROM players") == [{"playtime_s": Decimal(77)}]


def test_a_late_event_moves_a_session_and_the_first_day(store: DuckDBStore) -> None:
    session = {"player_id": "p", "session_id": "s"}
    store.load(batch([{**session, "event_time": NOON - 6 * HOUR}]), NOON)
    store.load(batch([{**session, "event_time": NOON - 13 * HOUR}]), NOON)
    days = _rows(store, "SELECT day::VARCHAR AS day, sessions, is_new FROM player_days ORDER BY day")
    assert days == [
        {"day": "2025-12-31", "sessions": 1, "is_new": True},
        {"day": "2026-01-01", "sessions": 0, "is_new": False},
    ]


def _links(store: DuckDBStore) -> list[tuple[int, int | None, int | None, bool]]:
    """Of the player's days, counted from noon's: the day, the one before, the first one, whether it is that."""
    days = _rows(
        store,
        "SELECT day - DATE '2026-01-01' AS day, prev_day - DATE '2026-01-01' AS prev, is_new,"
        " first_day - DATE '2026-01-01' AS first FROM player_days ORDER BY day",
    )
    return [(row["day"], row["prev"], row["first"], row["is_new"]) for row in days]


@pytest.mark.parametrize("order", [[0, 2, 5], [5, 2, 0], [2, 0, 5], [2, 5, 0], [0, 5, 2], [5, 0, 2]])
@pytest.mark.parametrize("is_one_batch", [False, True])
def test_a_players_days_are_linked_whatever_their_order(
    store: DuckDBStore, order: list[int], is_one_batch: bool
) -> None:
    rows = [{"player_id": "p", "event_time": NOON + day * DAY} for day in order]
    for part in [rows] if is_one_batch else [[row] for row in rows]:
        store.load(batch(part), NOON)
    assert _links(store) == [(0, None, 0, True), (2, 0, 0, False), (5, 2, 0, False)]


def test_a_day_with_only_the_start_of_a_session_is_no_previous_day(store: DuckDBStore) -> None:
    started = {"session_id": "s", "session_issued_at": NOON + 2 * DAY}
    store.load(batch([_of_satori(**started, event_time=NOON + 3 * DAY)]), NOON)
    assert _links(store) == [(2, None, 3, False), (3, None, 3, True)]
    store.load(batch([_of_satori(session_id="t", event_time=NOON)]), NOON)
    assert _links(store) == [(0, None, 0, True), (2, 0, 0, False), (3, 0, 0, False)]
    store.load(batch([_of_satori(session_id="u", event_time=NOON + 2 * DAY)]), NOON)
    assert _links(store) == [(0, None, 0, True), (2, 0, 0, False), (3, 2, 0, False)]


def _countries(store: DuckDBStore) -> dict[str, str | None]:
    """What the one player and its session are of."""
    tables = ("players", "sessions")
    return {table: _rows(store, f"SELECT country FROM {table}")[0]["country"] for table in tables}  # noqa: S608 - ours


_SERVERS: dict[str, Any] = {"source": "satori_server", "session_id": "s"}
_OF_GERMANY, _OF_FRANCE = ({"country": country, "session_id": "s"} for country in ("DE", "FR"))


@pytest.mark.parametrize(
    ("events", "first"),
    [
        ([_SERVERS, _OF_GERMANY, _OF_FRANCE, _SERVERS], "DE"),
        ([_SERVERS, _SERVERS, _OF_GERMANY], "DE"),
        ([_SERVERS, _SERVERS], None),
        ([_OF_GERMANY, _SERVERS | {"platform": "ios"}, _OF_FRANCE], None),
        ([_OF_FRANCE, _OF_GERMANY | {"platform": "ios"}, _SERVERS], "DE"),
    ],
)
@pytest.mark.parametrize("loads", ["in order", "backwards", "at once"])
def test_events_with_a_country_say_what_a_player_is_before_those_without(
    store: DuckDBStore, events: list[dict[str, Any]], first: str | None, loads: str
) -> None:
    rows = [_of_satori(event_time=NOON + place * MINUTE, **event) for place, event in enumerate(events)]
    parts = [rows] if loads == "at once" else [[row] for row in rows]
    for part in reversed(parts) if loads == "backwards" else parts:
        store.load(batch(part), NOON)
    expected = {"players": first, "sessions": first}
    assert _countries(store) == expected
    kept = [store.query(f"FROM {table}", {}) for table in expected]
    store.rebuild(lambda _table, _share: None)
    assert _countries(store) == expected
    assert [store.query(f"FROM {table}", {}) for table in expected] == kept


def test_events_without_a_player_have_a_row_of_the_game(store: DuckDBStore) -> None:
    bought = _of_satori(player_id=None, platform="ios", event_id="purchaseCompleted", amount=125)
    rows = [bought, _of_satori(source="satori_server", player_id=None, session_id="s")]
    for _ in range(2):
        store.load(batch([*rows, _of_satori(player_id="p")]), NOON)
    found = _rows(
        store,
        "SELECT player_no, events, sessions, is_new, first_day IS NULL AS has_no_first"
        " FROM player_days ORDER BY player_no NULLS FIRST",
    )
    assert found[0] == {"player_no": None, "events": 4, "sessions": 0, "is_new": False, "has_no_first": True}
    assert [row["player_no"] for row in found] == [None, 1]
    assert _rows(store, "SELECT player_no FROM players") == [{"player_no": 1}]
    assert (
        _rows(store, "SELECT player_no, session_no, amount FROM purchases")
        == [{"player_no": None, "session_no": None, "amount": 125}] * 2
    )


def test_days_of_event_ids_have_every_sum(store: DuckDBStore) -> None:
    level: dict[str, Any] = {"category": "progression", "event_id": "Complete:w", "attempt_num": 2**62, "score": 1.5}
    sink: dict[str, Any] = {"category": "resource", "event_id": "Sink:gem:a:b"}
    for _ in range(2):
        store.load(batch([level, {**level, "attempt_num": None}, {**sink, "value": -2.0}, {**sink, "value": 3}]), NOON)
    sums = ("attempt_count", "attempt_sum", "score_count", "score_sum", "value_sum", "value_abs_sum")
    complete, sunk = _rows(store, "FROM event_days ORDER BY category")
    assert [complete[name] for name in sums] == [2, 2.0**63, 4, 6.0, 0, 0]
    assert [sunk[name] for name in sums] == [0, 0, 0, 0, 2.0, 10.0]


def test_a_session_is_as_old_as_its_token(store: DuckDBStore) -> None:
    store.load(batch([_of_satori(session_id="s", session_issued_at=NOON - MINUTE)]), NOON)
    assert _rows(store, "SELECT length_s FROM sessions") == [{"length_s": Decimal(60)}]


@pytest.mark.parametrize(
    ("offset", "is_matched"),
    [(-2 * SECOND, False), (-SECOND, True), (HOUR + MINUTE, True), (HOUR + MINUTE + SECOND, False)],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_event_without_a_session_finds_it(store: DuckDBStore, offset: int, is_matched: bool, is_first: bool) -> None:
    orphan = batch([_of_satori(event_time=NOON + offset, source="satori_server")])
    session = [_of_satori(session_id="s", event_time=NOON + minute * MINUTE) for minute in (0, 1)]
    if is_first:
        store.load(orphan, NOON)
    for row in session:
        store.load(batch([row]), NOON)
    if not is_first:
        store.load(orphan, NOON)
    [row] = _rows(store, "SELECT session_id, session_is_matched AS m FROM events WHERE source = 'satori_server'")
    assert row == {"session_id": "s" if is_matched else None, "m": is_matched}
    assert _rows(store, "SELECT events, length_s FROM sessions") == [
        {"events": 3 if is_matched else 2, "length_s": Decimal(60)}
    ]


def test_the_most_recently_created_session_is_the_only_candidate(store: DuckDBStore) -> None:
    long_one = [_of_satori(session_id="a", event_time=NOON + hour * HOUR) for hour in (0, 6)]
    short_one = _of_satori(session_id="b", event_time=NOON + HOUR)
    orphan = _of_satori(event_time=NOON + 5 * HOUR, source="satori_server")
    store.load(batch([*long_one, short_one, orphan]), NOON)
    assert _rows(store, "SELECT session_no FROM events WHERE source = 'satori_server'") == [{"session_no": None}]


def test_an_event_of_no_player_stays_without_a_session(store: DuckDBStore) -> None:
    store.load(batch([_of_satori(session_id="s"), _of_satori(player_id=None, source="satori_server")]), NOON)
    assert _rows(store, "SELECT session_no FROM events WHERE player_id IS NULL") == [{"session_no": None}]


def test_revenue_counts_purchases_only(store: DuckDBStore) -> None:
    usd = Decimal("1.250000")
    rows: list[dict[str, Any]] = [
        {"player_id": "p", "session_id": "s", "category": "business", "amount": 125, "amount_usd": usd},
        {"player_id": "p", "session_id": "s", "category": "business", "amount": 1, "amount_usd": None},
        _of_satori(event_id="purchaseCompleted", amount=125, amount_usd=usd, session_id="t"),
        _of_satori(event_id="purchaseCompleted", session_id="t"),
        _of_satori(event_id="other", amount=9, amount_usd=usd, session_id="t"),
    ]
    store.load(batch(rows), NOON)
    [player] = _rows(store, "SELECT transactions, revenue_usd, epoch_us(first_purchase) AS first FROM players")
    assert player == {"transactions": 3, "revenue_usd": Decimal("2.5"), "first": NOON}


def test_a_player_is_what_the_first_event_says(store: DuckDBStore) -> None:
    for minutes, build in ((5, "1.5"), (1, "1.1"), (3, "1.3")):
        row = {"player_id": "p", "session_id": "s", "event_time": NOON + minutes * MINUTE, "platform": "ios"}
        store.load(batch([{**row, "build": build}]), NOON)
    assert _rows(store, "SELECT build FROM players") == [{"build": "1.1"}]
    assert _rows(store, "SELECT build FROM sessions") == [{"build": "1.1"}]


def test_newer_properties_win_whatever_their_order(store: DuckDBStore) -> None:
    newer = PlayerProperties(1, "p", NOON + SECOND, '{"custom":{"a":"2"}}')
    store.load(batch(properties=[newer]), NOON)
    store.load(batch([{"player_id": "p"}], properties=[PlayerProperties(1, "p", NOON, "{}")]), NOON)
    assert _rows(store, "SELECT properties, events FROM players") == [{"properties": newer.properties, "events": 1}]


def test_an_erased_player_is_gone_and_stays_away(store: DuckDBStore) -> None:
    row = {"player_id": "p", "session_id": "s", "event_id": "x"}
    rejects = [{"player_id": "p"}, {"player_id": "q"}]
    other = {"player_id": "q", "session_id": "t", "event_id": "x"}
    properties = [PlayerProperties(1, "p", NOON, "{}")]
    store.load(batch([row, other], rejects, properties=properties, erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(store)
    late = store.load(batch([{**row, "received_at": NOON - HOUR}]), NOON)
    assert (late.stored, late.rejected) == (0, 1)
    for table in ("events", "players", "sessions"):
        assert [row["player_id"] for row in _rows(store, f"FROM {table}")] == ["q"], table
    assert _rows(store, "SELECT events FROM event_days") == [{"events": 1}]
    assert _rows(store, "SELECT reason, player_id, raw FROM rejected_events ORDER BY rejected_no") == [
        {"reason": "failed_validation", "player_id": "q", "raw": "{}"},
        {"reason": "player_erased", "player_id": None, "raw": ""},
    ]


def test_an_erased_player_may_come_back(store: DuckDBStore) -> None:
    store.load(batch([{"player_id": "p"}], erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(store)
    assert store.load(batch([{"player_id": "p", "received_at": NOON + 1}]), NOON).stored == 1
    assert _rows(store, "SELECT events FROM players") == [{"events": 1}]


def test_rejected_events_expire_by_age_and_number(store: DuckDBStore) -> None:
    rejects = [{"received_at": NOON - 15 * DAY}, *({"received_at": NOON + place} for place in range(5))]
    store.load(batch(rejects=[*rejects, {"game_id": 2}]), NOON)
    store.expire_rejected(Expiry(rejected_days=14, rejected_rows_per_game=3), NOON)
    kept = _rows(store, "SELECT game_id, epoch_us(received_at) AS at FROM rejected_events ORDER BY rejected_no")
    assert [(row["game_id"], row["at"] - NOON) for row in kept] == [(1, 2), (1, 3), (1, 4), (2, 0)]


def test_a_batch_that_the_engine_refuses_leaves_nothing(store: DuckDBStore) -> None:
    good = {"client_event_id": "x", "player_id": "p"}
    positions = {1: Position(2**40, 1, 1)}
    with pytest.raises(StoreFailed):
        store.load(batch([good], positions=positions), NOON)
    assert (store.positions(), _rows(store, "SELECT * FROM events")) == ({}, [])
    assert store.load(batch([good]), NOON).stored == 1


def test_times_that_no_date_can_say_become_the_time_of_receipt(store: DuckDBStore) -> None:
    store.load(batch([{"player_id": "p", "event_time": -(2**62)}]), NOON)
    assert _rows(store, "SELECT epoch_us(event_time) AS t FROM events") == [{"t": NOON}]


def test_huge_values_are_stored(store: DuckDBStore) -> None:
    usd = Decimal("999999999999.999999")
    row = {"player_id": "p", "session_id": "s", "category": "business", "amount": 2**63 - 1, "amount_usd": usd}
    rows = [{**row, "value": 1e308}, {**row, "value": -1e308}, {**row, "category": "session_end", "length_s": 1e300}]
    store.load(batch(rows), NOON)
    store.load(batch(rows), NOON)
    assert _rows(store, "SELECT revenue_usd FROM players") == [{"revenue_usd": usd * 4}]


def test_text_of_any_kind_comes_back_as_it_was(store: DuckDBStore) -> None:
    texts = ["", "a\0b", "'; DROP TABLE events; --", "🎮" * 1000, "\u202eabc", "a" * 36, "-" * 36]
    store.load(batch([{"player_id": text, "session_id": text, "event_id": text} for text in texts]), NOON)
    found = _rows(store, "SELECT player_id, session_id, event_id FROM events ORDER BY row_no")
    assert [(row["player_id"], row["session_id"], row["event_id"]) for row in found] == [(t, t, t) for t in texts]
    assert _rows(store, "SELECT count(*) AS n FROM players") == [{"n": len(texts)}]


def test_totals_of_a_player_are_what_computed_properties_need(store: DuckDBStore) -> None:
    store.load(
        batch([_of_satori(value=value, event_time=NOON + place) for place, value in enumerate([5.0, None])]), NOON
    )
    store.load(batch([_of_satori(value=2.0, event_time=NOON - SECOND), {"player_id": "p"}]), NOON)
    totals = (
        "SELECT events, epoch_us(first_seen) AS first, epoch_us(last_seen) AS last, value_count, value_sum, value_min,"
        " value_max FROM player_event_totals"
    )
    assert _rows(store, totals) == [
        {
            "events": 3,
            "first": NOON - SECOND,
            "last": NOON + 1,
            "value_count": 2,
            "value_sum": 7.0,
            "value_min": 2.0,
            "value_max": 5.0,
        }
    ]


def test_a_store_can_be_opened_once(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.close()
    store.close()
    DuckDBStore(tmp_path).close()


def _values(store: DuckDBStore) -> list[tuple[str, str]]:
    rows = _rows(store, "SELECT field, value FROM field_values ORDER BY game_id, day, row_no, field")
    return [(row["field"], row["value"]) for row in rows]


def test_values_of_fields_are_kept_once_in_order_of_their_arrival(store: DuckDBStore) -> None:
    rows: list[dict[str, Any]] = [
        {"category": "resource", "event_id": "Sink:gem:hat:red", "build": "1"},
        {"category": "resource", "event_id": "Source:gem:hat:blue", "build": "2", "event_time": NOON + DAY},
        {"category": "progression", "event_id": "Start:w:7", "build": "3"},
    ]
    for _ in range(2):
        store.load(batch(rows), NOON)
    store.load(batch([{"category": "progression", "event_id": "Fail:w:8", "build": "4"}]), NOON)
    hat = [("resource_currency", "gem"), ("resource_item_id", "red"), ("resource_item_type", "hat")]
    assert _values(store) == [
        ("build", "1"),
        *hat,
        ("build", "3"),
        ("progression_01", "w"),
        ("progression_02", "7"),
        ("build", "4"),
        ("progression_02", "8"),
        ("build", "2"),
        *[(field, value if value != "red" else "blue") for field, value in hat],
    ]


def test_values_of_fields_are_known_after_opening_again(tmp_path: Path) -> None:
    rows = [{"event_id": "a:b", "build": "1"}]
    for _ in range(2):
        store = DuckDBStore(tmp_path)
        store.load(batch(rows), NOON)
        assert _values(store) == [("build", "1"), ("design_event_id", "a:b")]
        store.close()


def test_values_of_an_erased_player_go(store: DuckDBStore) -> None:
    mine, yours = ({"player_id": player, "build": "1", "device": player, "event_id": "x"} for player in ("p", "q"))
    store.load(batch([mine, yours], erasures=[PlayerErasure(1, "p", NOON)]), NOON)
    erase_all(store)
    assert _values(store) == [("build", "1"), ("design_event_id", "x"), ("device", "q")]
    store.load(batch([{"device": "p"}]), NOON)
    assert _values(store)[-1] == ("device", "p")
