import numpy as np
import pyarrow as pa
import pytest

from questlog.loader.times import (
    EARLIEST_US,
    LATEST_US,
    Senders,
    event_times,
    known_times,
    time_column,
)
from questlog.model.times import DEFAULT_EARLIEST_US

RECEIVED_AT = 1_763_750_000_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY

Sent = tuple[int, str | None, int | None]
"""A request's number, a player, and what the client's clock said, as microseconds from the request's receipt."""


def happened(*sent: Sent, received_at: int = RECEIVED_AT, earliest_us: int = DEFAULT_EARLIEST_US) -> list[int]:
    """When these events happened, as microseconds from the receipt."""
    client_times = time_column([None if ahead is None else received_at + ahead for _, _, ahead in sent])
    senders = Senders(
        np.array([request for request, _, _ in sent], np.int64),
        pa.array([player for _, player, _ in sent], pa.string()),
    )
    received = np.full(len(sent), received_at, np.int64)
    times: list[int] = event_times(client_times, received, senders, earliest_us).tolist()
    return [time - received_at for time in times]


@pytest.mark.parametrize(
    ("client_time", "event_time"),
    [
        (None, RECEIVED_AT),
        (RECEIVED_AT - 1, RECEIVED_AT - 1),
        (RECEIVED_AT + 10 * MINUTE, RECEIVED_AT + 10 * MINUTE),
        (RECEIVED_AT + 10 * MINUTE + 1, RECEIVED_AT),
        (DEFAULT_EARLIEST_US, DEFAULT_EARLIEST_US),
        (DEFAULT_EARLIEST_US - 1, RECEIVED_AT),
        (5 * SECOND, RECEIVED_AT),
        (0, RECEIVED_AT),
        (-1, RECEIVED_AT),
        (EARLIEST_US, RECEIVED_AT),
        (-(10**30), RECEIVED_AT),
        (10**17, RECEIVED_AT),
        (10**30, RECEIVED_AT),
    ],
)
def test_the_clients_time_counts_unless_it_is_missing_or_cannot_be(client_time: int | None, event_time: int) -> None:
    senders = Senders(np.array([0, 1]), pa.array(["ada", "grace"]))
    received_at = np.array([RECEIVED_AT, RECEIVED_AT], dtype=np.int64)
    times = event_times(time_column([client_time, RECEIVED_AT]), received_at, senders, DEFAULT_EARLIEST_US)
    assert times.tolist() == [event_time, RECEIVED_AT]


def test_the_earliest_time_can_be_moved() -> None:
    in_1971 = YEAR - RECEIVED_AT
    assert happened((0, "ada", in_1971), (0, "ada", None), earliest_us=0) == [in_1971, 0]
    in_year_1 = EARLIEST_US - RECEIVED_AT
    assert happened((0, "ada", in_year_1), (0, "ada", None), earliest_us=EARLIEST_US) == [in_year_1, 0]


def test_events_of_a_clock_that_is_ahead_keep_their_order_and_spacing() -> None:
    ahead = 9 * HOUR
    sent = [(0, "ada", ahead - 30 * MINUTE), (0, "ada", ahead - 20 * MINUTE), (0, "ada", ahead - 10 * MINUTE)]
    assert happened(*sent) == [-20 * MINUTE, -10 * MINUTE, 0]
    assert happened(*reversed(sent)) == [0, -10 * MINUTE, -20 * MINUTE]


def test_only_the_events_that_are_ahead_are_moved() -> None:
    sent = [(0, "ada", -HOUR), (0, "ada", 10 * MINUTE), (0, "ada", 2 * HOUR), (0, "ada", 3 * HOUR), (0, "ada", None)]
    assert happened(*sent) == [-HOUR, 10 * MINUTE, -HOUR, 0, 0]


def test_every_player_of_a_request_is_moved_by_an_amount_of_their_own() -> None:
    sent = [(0, "ada", HOUR), (0, "grace", 5 * HOUR), (0, "ada", 2 * HOUR), (0, "grace", 4 * HOUR)]
    assert happened(*sent) == [-HOUR, 0, 0, -HOUR]


def test_events_without_a_player_are_moved_together_and_apart_from_those_of_players() -> None:
    sent = [(0, None, HOUR), (0, "ada", 9 * HOUR), (0, None, 3 * HOUR), (0, "", 2 * HOUR)]
    assert happened(*sent) == [-2 * HOUR, 0, 0, 0]


def test_every_request_of_a_player_is_moved_by_an_amount_of_its_own() -> None:
    sent = [(0, "ada", HOUR), (1, "ada", 9 * HOUR), (0, "ada", 2 * HOUR), (1, "ada", 8 * HOUR)]
    assert happened(*sent) == [-HOUR, 0, 0, -HOUR]


def test_what_would_be_moved_before_the_earliest_time_happened_when_it_was_received() -> None:
    assert happened((0, "ada", HOUR), (0, "ada", 3000 * YEAR)) == [0, 0]
    assert happened((0, "ada", 10 * YEAR), (0, "ada", 11 * YEAR)) == [-YEAR, 0]


def test_the_last_time_that_can_be_said_is_moved_too() -> None:
    sent = [(0, "ada", LATEST_US - RECEIVED_AT), (0, "ada", LATEST_US - RECEIVED_AT - MINUTE)]
    assert happened(*sent) == [0, -MINUTE]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (LATEST_US + 1, LATEST_US),
        (EARLIEST_US - 1, EARLIEST_US),
        (2**63 - 1, LATEST_US),
        (-(2**63), EARLIEST_US),
        (2**64, LATEST_US),
        (-(10**30), EARLIEST_US),
        (None, None),
        (5, 5),
    ],
)
def test_times_that_no_store_can_hold_become_the_nearest_that_it_can(sent: int | None, kept: int | None) -> None:
    column = time_column([sent, 7, None])
    assert column.type == pa.timestamp("us")
    assert column.cast(pa.int64()).to_pylist() == [kept, 7, None]


def test_a_column_without_any_time_is_all_null() -> None:
    assert time_column([None, None]).to_pylist() == [None, None]


def test_a_time_before_the_earliest_is_not_known() -> None:
    times = known_times(time_column([0, 5, None, 6]), 6)
    assert times.cast(pa.int64()).to_pylist() == [None, None, None, 6]
    assert times.type == pa.timestamp("us")
    assert known_times(time_column([None]), 6).to_pylist() == [None]
