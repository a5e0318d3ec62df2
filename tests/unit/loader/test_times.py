import numpy as np
import pyarrow as pa
import pytest

from questlog.loader.times import EARLIEST_US, LATEST_US, event_times, time_column

RECEIVED_AT = 1_763_750_000_000_000
TEN_MINUTES = 600_000_000


@pytest.mark.parametrize(
    ("client_time", "event_time"),
    [
        (None, RECEIVED_AT),
        (RECEIVED_AT - 1, RECEIVED_AT - 1),
        (RECEIVED_AT + TEN_MINUTES, RECEIVED_AT + TEN_MINUTES),
        (RECEIVED_AT + TEN_MINUTES + 1, RECEIVED_AT),
        (0, 0),
        (-1, -1),
        (10**17, RECEIVED_AT),
    ],
)
def test_the_clients_time_counts_unless_it_is_missing_or_too_far_ahead(
    client_time: int | None, event_time: int
) -> None:
    client_times = time_column([client_time, RECEIVED_AT])
    received_at = np.array([RECEIVED_AT, RECEIVED_AT], dtype=np.int64)
    assert event_times(client_times, received_at).tolist() == [event_time, RECEIVED_AT]


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
