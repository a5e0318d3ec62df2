import datetime
import json
from decimal import Decimal

import pytest

from questlog.journal.contract import Entry
from questlog.loader.batch import BatchBuilder, ValuesRefused
from questlog.loader.columns import CHUNK_EVENTS
from questlog.loader.decoding import Decoding
from questlog.loader.money import Converter
from questlog.model.record import Envelope, Kind, Position
from questlog.rates.rates import Rates
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch, PlayerErasure, PlayerProperties
from tests.support.loading import FAKE_SOURCES, NOW_US, FakeJournal, envelope

DECODING = Decoding(FAKE_SOURCES, Converter(Rates()), 10_000)


def batch_of(*entries: Entry) -> Batch:
    builder = BatchBuilder(DECODING, NOW_US)
    for entry in entries:
        builder.add(entry)
    return builder.build()


def time(micros: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(micros / 1_000_000, datetime.UTC).replace(tzinfo=None)


@pytest.fixture(name="journal")
def _journal() -> FakeJournal:
    return FakeJournal()


def test_an_event_carries_what_the_envelope_says_and_where_it_lies(journal: FakeJournal) -> None:
    journal.append(envelope(), [])
    sent = Envelope(Kind.SATORI_SERVER_EVENTS, 9, NOW_US, country="SI", api_key_name="backend")
    entry = journal.append(sent, [{"event_id": "a"}, {"drop": True}, {"event_id": "b"}])
    batch = batch_of(entry)
    assert batch.events.schema == STAGED_EVENTS
    first, second = batch.events.to_pylist()
    assert (first["event_id"], second["event_id"]) == ("a", "b")
    assert (first["index"], second["index"]) == (0, 2)
    assert (second["writer"], second["segment"], second["offset"]) == (1, 1, 100)
    assert (second["game_id"], second["source"], second["api_key_name"]) == (9, "satori_server", "backend")
    assert second["country"] == "SI"
    assert second["received_at"] == second["event_time"] == time(NOW_US)
    assert second["player_id"] is None


def test_events_of_many_requests_keep_their_own_envelopes(journal: FakeJournal) -> None:
    entries = [
        journal.append(
            envelope(received_at=NOW_US + place), [{"event_id": f"{place}.{index}"} for index in range(place)]
        )
        for place in range(4)
    ]
    rows = batch_of(*entries).events.to_pylist()
    assert [row["event_id"] for row in rows] == ["1.0", "2.0", "2.1", "3.0", "3.1", "3.2"]
    assert [row["received_at"] for row in rows] == [time(NOW_US + place) for place in (1, 2, 2, 3, 3, 3)]
    assert [row["offset"] for row in rows] == [100, 200, 200, 300, 300, 300]


def test_an_events_own_country_goes_before_the_addresss(journal: FakeJournal) -> None:
    sent = Envelope(Kind.GAMEANALYTICS_EVENTS, 1, NOW_US, country="SI")
    batch = batch_of(journal.append(sent, [{"country": "NO"}, {"event_id": "b"}]))
    assert batch.events["country"].to_pylist() == ["NO", "SI"]


def test_a_token_says_whose_a_client_event_is_whatever_the_body_says(journal: FakeJournal) -> None:
    sent = Envelope(
        Kind.SATORI_CLIENT_EVENTS,
        1,
        NOW_US,
        player_id="ada",
        session_id="s1",
        session_issued_at=NOW_US - 5,
        session_expires_at=NOW_US + 9,
    )
    [row] = batch_of(journal.append(sent, [{"player_id": "eve", "session_id": "other"}])).events.to_pylist()
    assert (row["player_id"], row["session_id"]) == ("ada", "s1")
    assert (row["session_issued_at"], row["session_expires_at"]) == (time(NOW_US - 5), time(NOW_US + 9))


def test_a_token_without_a_session_gives_none(journal: FakeJournal) -> None:
    sent = Envelope(Kind.SATORI_CLIENT_EVENTS, 1, NOW_US, player_id="ada")
    [row] = batch_of(journal.append(sent, [{"session_id": "other"}])).events.to_pylist()
    assert (row["player_id"], row["session_id"], row["session_issued_at"]) == ("ada", None, None)


def test_a_server_event_names_its_player_itself(journal: FakeJournal) -> None:
    [row] = batch_of(
        journal.append(envelope(Kind.SATORI_SERVER_EVENTS), [{"player_id": "eve", "session_id": "s2"}])
    ).events.to_pylist()
    assert (row["player_id"], row["session_id"]) == ("eve", "s2")


def test_event_time_follows_the_clients_clock_within_reason(journal: FakeJournal) -> None:
    ahead = NOW_US + 601_000_000
    entry = journal.append(envelope(), [{"client_time": NOW_US - 7}, {"client_time": ahead}, {"event_id": "none"}])
    batch = batch_of(entry)
    assert batch.events["event_time"].to_pylist() == [time(NOW_US - 7), time(NOW_US), time(NOW_US)]
    assert batch.events["client_time"].to_pylist() == [time(NOW_US - 7), time(ahead), None]


def test_money_is_fixed_in_dollars_of_the_events_day(journal: FakeJournal) -> None:
    day_2014_03_28 = 16_157 * 86_400_000_000
    events = [
        {"amount": 100, "currency": "EUR", "client_time": day_2014_03_28},
        {"ad_revenue": 0.25, "currency": "USD"},
        {"amount": 100, "currency": "???"},
    ]
    batch = batch_of(journal.append(envelope(), events))
    assert batch.events["amount_usd"].to_pylist() == [Decimal("1.375900"), None, None]
    assert batch.events["ad_revenue_usd"].to_pylist() == [None, Decimal("0.250000"), None]


def test_events_of_all_protocols_stay_in_journal_order(journal: FakeJournal) -> None:
    kinds = [Kind.GAMEANALYTICS_EVENTS, Kind.SATORI_SERVER_EVENTS, Kind.SATORI_CLIENT_EVENTS] * 3
    entries = [
        journal.append(envelope(kind, player_id="ada"), [{"event_id": f"{place}a"}, {"event_id": f"{place}b"}])
        for place, kind in enumerate(kinds)
    ]
    batch = batch_of(*entries)
    assert batch.events["event_id"].to_pylist() == [f"{place}{letter}" for place in range(9) for letter in "ab"]
    assert batch.events["source"].to_pylist()[:6:2] == ["gameanalytics", "satori_server", "satori_client"]
    assert batch.events.schema == STAGED_EVENTS


def test_events_of_many_chunks_keep_their_columns(journal: FakeJournal) -> None:
    plain, scored = [dict[str, object]()] * 50, [{"score": 5.0, "client_time": NOW_US}] * 50
    per_chunk = CHUNK_EVENTS // 50
    requests = [*[plain] * per_chunk, *[scored] * per_chunk, *[plain] * per_chunk, plain]
    events = batch_of(*(journal.append(envelope(), events) for events in requests)).events
    for name, value in (("score", 5.0), ("client_time", time(NOW_US))):
        expected = [None] * CHUNK_EVENTS + [value] * CHUNK_EVENTS + [None] * (CHUNK_EVENTS + 50)
        assert events[name].to_pylist() == expected
    assert events["offset"].to_pylist() == [100 * place for place in range(len(requests)) for _ in range(50)]


def test_dropped_events_are_rejected_rows(journal: FakeJournal) -> None:
    [row] = batch_of(journal.append(envelope(), [{"drop": True, "user_id": "ada"}])).rejected.to_pylist()
    assert (row["reason"], row["player_id"], row["is_whole_request"]) == ("failed_validation", "ada", False)


def test_events_that_the_collector_refused_are_rejected_by_name(journal: FakeJournal) -> None:
    sent = Envelope(Kind.SATORI_SERVER_EVENTS, 1, NOW_US, refused=(1,))
    batch = batch_of(journal.append(sent, [{"event_id": "a"}, {"event_id": "b"}, {"event_id": "c"}]))
    assert batch.events["event_id"].to_pylist() == ["a", "c"]
    assert batch.rejected["reason"].to_pylist() == ["INVALID_NAME"]
    assert json.loads(batch.rejected["raw"][0].as_py()) == {"event_id": "b"}


def test_a_rejected_request_keeps_its_reason_and_its_door(journal: FakeJournal) -> None:
    sent = Envelope(Kind.REJECTED_REQUEST, 4, NOW_US, reason="not_json", detail="bad", source="satori_client")
    [row] = batch_of(journal.append(sent, "what came")).rejected.to_pylist()
    assert (row["reason"], row["detail"], row["source"], row["game_id"]) == ("not_json", "bad", "satori_client", 4)
    assert row["is_whole_request"]
    assert row["raw"] == '"what came"'


def test_a_record_that_no_longer_decodes_is_rejected_with_the_codecs_reason(journal: FakeJournal) -> None:
    [row] = batch_of(journal.append(envelope(), {"not": "a list"})).rejected.to_pylist()
    assert (row["reason"], row["source"], row["is_whole_request"]) == ("not_a_list", "gameanalytics", True)
    assert row["raw"] == '{"not": "a list"}'


@pytest.mark.parametrize("events", [[5], [{"event_id": "a"}, None]])
def test_a_record_on_which_the_codec_breaks_is_a_corrupt_one(journal: FakeJournal, events: list[object]) -> None:
    batch = batch_of(journal.append(envelope(), events))
    assert batch.events.num_rows == 0
    assert batch.rejected["reason"].to_pylist() == ["corrupt_record"]


def test_a_body_that_inflates_beyond_the_cap_is_rejected(journal: FakeJournal) -> None:
    [row] = batch_of(journal.append(envelope(), [{"event_id": "a" * 10_000}])).rejected.to_pylist()
    assert row["reason"] == "inflated_body_too_large"


@pytest.mark.parametrize("record", [None, b"", b"\x00", b"\x00\x05abcde", b"\xff" * 40])
def test_damage_is_a_rejected_row_that_says_where(journal: FakeJournal, record: bytes | None) -> None:
    good = journal.append(envelope(), [{"event_id": "a"}])
    batch = batch_of(good, journal.append_bytes(record))
    assert batch.events["event_id"].to_pylist() == ["a"]
    [row] = batch.rejected.to_pylist()
    assert (row["reason"], row["game_id"], row["source"]) == ("corrupt_record", 0, "unknown")
    assert "bytes 100 to 200 of segment 1 of writer 1" in row["detail"]
    assert batch.positions == {1: Position(1, 1, 200)}


def test_a_kind_of_record_that_is_unknown_is_rejected(journal: FakeJournal) -> None:
    [row] = batch_of(journal.append(Envelope(99, 1, NOW_US), [])).rejected.to_pylist()
    assert (row["reason"], row["source"]) == ("corrupt_record", "unknown")


def test_properties_are_handed_over_whole(journal: FakeJournal) -> None:
    properties = {"default": {"email": "a@b"}, "custom": {}}
    batch = batch_of(journal.append(envelope(Kind.PLAYER_PROPERTIES, player_id="ada"), properties))
    assert batch.properties == [PlayerProperties(1, "ada", NOW_US, json.dumps(properties))]


@pytest.mark.parametrize("properties", [[], {"default": 5, "custom": {}}, {"default": {"a": 1}, "custom": {}}])
def test_properties_of_another_shape_are_a_corrupt_record(journal: FakeJournal, properties: object) -> None:
    batch = batch_of(journal.append(envelope(Kind.PLAYER_PROPERTIES, player_id="ada"), properties))
    assert not batch.properties
    assert batch.rejected["reason"].to_pylist() == ["corrupt_record"]


def test_erasures_are_part_of_a_batch_as_events_are(journal: FakeJournal) -> None:
    builder = BatchBuilder(DECODING, NOW_US)
    builder.add(journal.append(envelope(), [{"event_id": "a"}]))
    for player in ("ada", "bob"):
        builder.add(journal.append(envelope(Kind.PLAYER_ERASURE, player_id=player)))
        assert not builder.is_closed
    assert builder.build().erasures == [PlayerErasure(1, "ada", NOW_US), PlayerErasure(1, "bob", NOW_US)]


def test_an_erasure_of_nobody_is_a_corrupt_record(journal: FakeJournal) -> None:
    batch = batch_of(journal.append(envelope(Kind.PLAYER_ERASURE)))
    assert not batch.erasures
    assert batch.rejected["reason"].to_pylist() == ["corrupt_record"]


def test_positions_are_the_ends_of_the_last_entries_of_each_writer(journal: FakeJournal) -> None:
    entries = [journal.append(envelope(), [], writer=writer) for writer in (1, 2, 1, 1)]
    assert batch_of(*entries).positions == {1: Position(1, 1, 300), 2: Position(2, 1, 100)}


def test_a_batch_without_anything_has_empty_tables() -> None:
    batch = batch_of()
    assert (batch.events.schema, batch.rejected.schema) == (STAGED_EVENTS, STAGED_REJECTED)
    assert batch.positions == {}


@pytest.mark.parametrize("event", [{"event_id": 5}, {"amount": 2**63}, {"score": "high"}, {"event_id": "\ud800"}])
def test_values_that_their_column_cannot_hold_are_refused_together(journal: FakeJournal, event: object) -> None:
    with pytest.raises(ValuesRefused):
        batch_of(journal.append(envelope(), [event]))


def test_a_refused_record_is_kept_raw(journal: FakeJournal) -> None:
    builder = BatchBuilder(DECODING, NOW_US)
    builder.add_refused(journal.append(envelope(), [{"event_id": 5}]), "no text")
    builder.add_refused(journal.append_bytes(b"junk"), "no record")
    batch = builder.build()
    assert batch.rejected["reason"].to_pylist() == ["corrupt_record"] * 2
    assert batch.rejected["raw"].to_pylist() == ['[{"event_id": 5}]', "junk"]
    assert batch.rejected["game_id"].to_pylist() == [1, 0]
    assert batch.positions == {1: Position(1, 1, 200)}


def test_the_builder_knows_when_its_requests_were_received(journal: FakeJournal) -> None:
    builder = BatchBuilder(DECODING, NOW_US)
    assert builder.received_between is None
    for received_at in (5, 3, 9):
        builder.add(journal.append(envelope(received_at=received_at)))
    assert builder.received_between == (3, 9)


def resend_keys(
    journal: FakeJournal, events: object, received_at: int = NOW_US, player_id: str | None = None
) -> list[str | None]:
    record = journal.append(envelope(received_at=received_at, player_id=player_id), events)
    keys: list[str | None] = batch_of(record).events["resend_key"].to_pylist()
    return keys


def test_a_request_of_which_some_events_are_dropped_is_recognised_when_it_comes_again(journal: FakeJournal) -> None:
    events = [{"event_id": "a"}, {"drop": True}, {"event_id": "b"}, {"event_id": "c", "client_event_id": "1"}]
    keys = resend_keys(journal, events)
    assert resend_keys(journal, events, received_at=NOW_US + 1) == keys
    assert keys[0] is not None
    assert keys[0] != keys[1]
    assert keys[2] is None, "this event has an id"
    assert set(resend_keys(journal, [*events, {"event_id": "d"}])).isdisjoint({keys[0], keys[1]})


def test_the_same_body_of_two_players_is_two_requests(journal: FakeJournal) -> None:
    events = [{"event_id": "a"}, {"drop": True}]
    keys = [resend_keys(journal, events, player_id=player) for player in ("p", "q", None, "p")]
    assert len({each[0] for each in keys}) == 3
    assert keys[0] == keys[3]


def test_a_request_that_is_taken_or_dropped_whole_has_no_keys(journal: FakeJournal) -> None:
    assert resend_keys(journal, [{"event_id": "a"}, {"event_id": "a"}]) == [None, None]
    assert resend_keys(journal, [{"drop": True}]) == []


def test_a_request_that_only_a_lenient_game_takes_whole_is_recognised_too(journal: FakeJournal) -> None:
    events = [{"event_id": "a"}, {"event_id": "b", "is_lenient": True}]
    assert None not in resend_keys(journal, events)


def test_keys_are_those_of_their_own_request(journal: FakeJournal) -> None:
    partial = [{"drop": True}, {"event_id": "b"}, {"event_id": "c"}]
    alone = resend_keys(journal, partial)
    whole = [{"event_id": "a"}, {"event_id": "a"}]
    batch = batch_of(
        journal.append(envelope(), whole), journal.append(envelope(), partial), journal.append(envelope(), whole)
    )
    assert batch.events["resend_key"].to_pylist() == [None, None, *alone, None, None]


def test_events_dropped_for_a_rule_outside_the_body_make_it_partial_too(journal: FakeJournal) -> None:
    sent = Envelope(Kind.SATORI_SERVER_EVENTS, 1, NOW_US, refused=(0,))
    batch = batch_of(journal.append(sent, [{"event_id": "undeclared"}, {"event_id": "a"}]))
    assert batch.events["resend_key"].null_count == 0


def test_a_clock_that_is_ahead_is_set_back_for_each_player_of_each_request(journal: FakeJournal) -> None:
    hour = 3_600_000_000
    ahead = [
        {"event_id": "a", "player_id": "ada", "client_time": NOW_US + 2 * hour},
        {"event_id": "b", "player_id": "ada", "client_time": NOW_US + 3 * hour},
        {"event_id": "c", "player_id": "grace", "client_time": NOW_US + 9 * hour},
    ]
    entries = [journal.append(envelope(), ahead[:2]), journal.append(envelope(), ahead)]
    events = batch_of(*entries).events
    assert events["event_time"].to_pylist() == [time(NOW_US - hour), time(NOW_US)] * 2 + [time(NOW_US)]
    assert events["client_time"].to_pylist()[-1] == time(NOW_US + 9 * hour), "as sent"


def test_events_of_a_token_are_one_players(journal: FakeJournal) -> None:
    hour = 3_600_000_000
    events = [
        {"event_id": "a", "player_id": "someone", "client_time": NOW_US + 2 * hour},
        {"event_id": "b", "player_id": "another", "client_time": NOW_US + 3 * hour},
    ]
    sent = Envelope(Kind.SATORI_CLIENT_EVENTS, 1, NOW_US, player_id="ada", session_id="s")
    times = batch_of(journal.append(sent, events)).events["event_time"].to_pylist()
    assert times == [time(NOW_US - hour), time(NOW_US)]


def test_times_before_the_earliest_count_as_not_sent_also_those_of_a_session(journal: FakeJournal) -> None:
    by_token = Envelope(
        Kind.SATORI_CLIENT_EVENTS, 1, NOW_US, player_id="ada", session_issued_at=5_000_000, session_expires_at=NOW_US
    )
    by_event = {"client_time": 0, "session_issued_at": 1, "session_expires_at": NOW_US + 1}
    entries = [
        journal.append(by_token, [{"client_time": -62_135_596_800_000_000}]),
        journal.append(envelope(Kind.SATORI_SERVER_EVENTS), [by_event]),
    ]
    from_token, from_event = batch_of(*entries).events.to_pylist()
    assert from_token["event_time"] == from_event["event_time"] == time(NOW_US)
    assert from_token["client_time"].year == 1
    assert (from_token["session_issued_at"], from_token["session_expires_at"]) == (None, time(NOW_US))
    assert (from_event["session_issued_at"], from_event["session_expires_at"]) == (None, time(NOW_US + 1))


def test_the_same_bytes_by_another_route_are_another_request(journal: FakeJournal) -> None:
    events = [{"event_id": "a", "player_id": "ada"}, {"drop": True}]
    kinds = (Kind.GAMEANALYTICS_EVENTS, Kind.SATORI_SERVER_EVENTS)
    batch = batch_of(*(journal.append(envelope(kind), events) for kind in kinds))
    first, second = batch.events["resend_key"].to_pylist()
    assert first != second
