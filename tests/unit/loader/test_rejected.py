import json

import pytest

from questlog.loader.rejected import RAW_BYTES, DroppedAt, damage_row, dropped_row, rejected_table, request_row
from questlog.model.event import Source
from questlog.model.reasons import DroppedEvent, FieldError, Reason
from questlog.model.record import Position
from questlog.store.contract import STAGED_REJECTED
from tests.support.loading import NOW_US, envelope

AT = DroppedAt(Position(2, 5, 70), "digest")


def dropped(raw: bytes, *errors: FieldError) -> DroppedEvent:
    return DroppedEvent(3, raw, Reason.FAILED_VALIDATION, "session_id is no text", errors)


def test_a_dropped_event_keeps_its_reason_its_errors_and_what_was_sent() -> None:
    row = dropped_row(
        envelope(), Source.GAMEANALYTICS, dropped(b'{"v":1}', FieldError("wrong_type", "/session_id")), AT
    )
    assert row.reason == "failed_validation"
    assert row.detail == "session_id is no text"
    assert json.loads(row.errors or "") == [{"error_type": "wrong_type", "path": "/session_id"}]
    assert row.raw == '{"v":1}'
    assert (row.game_id, row.received_at, row.source) == (1, NOW_US, "gameanalytics")
    assert not row.is_whole_request


@pytest.mark.parametrize(
    ("raw", "player_id"),
    [
        (b'{"user_id":"ada"}', "ada"),
        (b'{"identity_id":"ada"}', "ada"),
        (b'{"identityId":"ada","name":7}', "ada"),
        (b'{"user_id":7}', None),
        (b'{"user_id":""}', None),
        (b"[]", None),
        (b'{"user_id":', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_a_dropped_event_is_its_players_so_that_erasing_finds_it(raw: bytes, player_id: str | None) -> None:
    assert dropped_row(envelope(), Source.GAMEANALYTICS, dropped(raw), AT).player_id == player_id


def test_the_tokens_player_goes_before_the_bodys() -> None:
    row = dropped_row(envelope(player_id="bob"), Source.SATORI_CLIENT, dropped(b'{"identity_id":"ada"}'), AT)
    assert row.player_id == "bob"


def test_raw_bytes_are_cut_and_what_is_no_text_is_replaced() -> None:
    row = request_row(envelope(), "unknown", Reason.NOT_JSON, "", b"\xff" * (RAW_BYTES + 1))
    assert row.raw == "\ufffd" * RAW_BYTES


def test_rows_make_the_table_that_the_store_takes() -> None:
    rows = [
        dropped_row(envelope(), Source.GAMEANALYTICS, dropped(b"{}"), AT),
        damage_row("bytes 1 to 2", b"", NOW_US),
    ]
    table = rejected_table(rows)
    assert table.schema == STAGED_REJECTED
    assert table["reason"].to_pylist() == ["failed_validation", "corrupt_record"]
    assert table["game_id"].to_pylist() == [1, 0]
    assert table["source"].to_pylist() == ["gameanalytics", "unknown"]
    assert table["is_whole_request"].to_pylist() == [False, True]


def test_no_rows_are_an_empty_table_of_the_same_shape() -> None:
    assert rejected_table([]).schema == STAGED_REJECTED


def test_a_dropped_event_keeps_what_it_says_of_itself_and_where_it_lies() -> None:
    raw = b'{"category":"design","event_id":"a:b","session_id":"s","build":"1.0","sdk_version":"unity 7","name":"no"}'
    row = dropped_row(envelope(), Source.GAMEANALYTICS, dropped(raw), AT)
    assert (row.category, row.event_id, row.session_id) == ("design", "a:b", "s")
    assert (row.build, row.sdk_version) == ("1.0", "unity 7")
    assert (row.writer, row.segment, row.record_offset, row.record_index, row.resend_key) == (2, 5, 70, 3, "digest:3")
    assert row.is_complete


def test_the_name_of_an_event_of_satori_is_its_id() -> None:
    row = dropped_row(envelope(), Source.SATORI_SERVER, dropped(b'{"name":"boss","sessionId":"s"}'), AT)
    assert (row.category, row.event_id, row.session_id) == ("custom", "boss", "s")


@pytest.mark.parametrize("raw", [b'{"build":"\\u0000\\ud83d"}', b'{"build":7}', b'{"build":"' + b"x" * 400 + b'"}'])
def test_whatever_it_says_can_be_stored(raw: bytes) -> None:
    build = dropped_row(envelope(), Source.GAMEANALYTICS, dropped(raw), AT).build
    assert build is None or (len(build) <= 300 and "\0" not in build and build.encode())


@pytest.mark.parametrize("raw", [b'{"a":"\xff"}', b" " * (RAW_BYTES + 1)])
def test_what_is_not_kept_whole_says_so(raw: bytes) -> None:
    assert not dropped_row(envelope(), Source.GAMEANALYTICS, dropped(raw), AT).is_complete
