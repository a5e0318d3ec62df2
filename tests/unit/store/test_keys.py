"""Texts as keys."""

import uuid

import numpy as np
import pyarrow as pa
import pytest

from questlog.store.keys import hashed_text, text_keys, uuid_column, uuid_halves

_ONE = "0123abcd-4567-89ef-0123-456789abcdef"


def test_a_uuid_is_its_own_bits() -> None:
    high, low, is_uuid = uuid_halves(pa.array([_ONE]), fold_case=False)
    assert (int(high[0]) << 64 | int(low[0]), is_uuid[0]) == (uuid.UUID(_ONE).int, True)


@pytest.mark.parametrize(
    "text",
    ["", "x", _ONE[:-1], _ONE + "0", _ONE.replace("-", "_"), _ONE.replace("a", "g"), _ONE.upper(), "ä" * 18, "-" * 36],
)
def test_any_other_text_is_hashed_in_a_domain_of_its_own(text: str) -> None:
    keys = text_keys(pa.array([text, _ONE]), np.array([5, 5], np.int32))
    assert (int(keys.high[0]), int(keys.low[0])) == hashed_text(text)
    assert keys.domain.tolist() == [5 | 1 << 31, 5]


def test_capitals_are_folded_where_asked() -> None:
    keys = text_keys(pa.array([_ONE, _ONE.upper()]), np.array([1, 1], np.int32), fold_case=True)
    assert [len(set(column.tolist())) for column in keys] == [1, 1, 1]


def test_slices_of_columns_are_read_in_place() -> None:
    texts = pa.array(["short", _ONE, "x" * 36, str(uuid.UUID(int=7))])[1:]
    high, low, is_uuid = uuid_halves(texts, fold_case=False)
    assert is_uuid.tolist() == [True, False, True]
    assert (int(high[2]), int(low[2])) == (0, 7)
    assert (int(high[0]) << 64 | int(low[0])) == uuid.UUID(_ONE).int


def test_a_column_of_uuids_has_the_bits_in_network_order() -> None:
    value = uuid.UUID(_ONE)
    column = uuid_column(np.array([value.int >> 64], np.uint64), np.array([value.int & (2**64 - 1)], np.uint64))
    assert column.to_pylist() == [value]
