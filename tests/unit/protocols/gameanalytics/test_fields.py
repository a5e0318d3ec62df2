"""The table of fields agrees with itself: what each way of reading makes of a value, and where it goes."""

from collections import Counter
from contextlib import suppress

import msgspec
import pytest

from questlog.model.event import DECODED_COLUMNS
from questlog.model.taxonomy import AD_ACTIONS, AD_TYPES, CATEGORIES, SEVERITIES
from questlog.protocols.gameanalytics.field_types import FieldRefused
from questlog.protocols.gameanalytics.fields import (
    AD_FAIL_SHOW_REASONS,
    BOUND,
    CONNECTION_TYPES,
    EXEMPT_CATEGORIES,
    FIELDS,
    GENDERS,
    NO_CATEGORY,
    Field,
)
from questlog.protocols.gameanalytics.rules import _RULES
from questlog.protocols.gameanalytics.wire import WireEvent

# On both sides of every limit of the table.
VALUES: list[object] = [
    *("", "x", "SE", "USD", "usd", "USD\n", "1.2.3", "a_b", "Menu", "😀" * 32),
    *("x" * length for length in (31, 32, 33, 63, 64, 65, 255, 256, 257, 8_191, 8_192, 8_193)),
    *("custom", *CATEGORIES, *SEVERITIES, *AD_TYPES, *AD_ACTIONS, *CONNECTION_TYPES, *GENDERS, *AD_FAIL_SHOW_REASONS),
    *(-(2**63) - 1, -(2**63), -1, 0, 1, 2, 3, 9_999, 10_000, 99_999_999_999, 100_000_000_000, 2**63 - 1, 2**63),
    *(-1.0, -0.5, 0.0, 0.5, 2.0, 1e300, True, False, [], {}, [1], [[1]], {"a": 1}, {"a": {"b": {}}}, [{"a": None}]),
]
IDS = [f"{place}-{field.name}" for place, field in enumerate(FIELDS)]


@pytest.mark.parametrize("field", FIELDS, ids=IDS)
def test_what_msgspec_takes_is_what_the_rule_takes(field: Field) -> None:
    """But for the patterns of common fields, which msgspec does not know."""
    check = field.type_.check
    if check is None or field.type_.wire is str:
        return
    decoder = msgspec.json.Decoder(field.type_.wire)
    for value in VALUES:
        with suppress(msgspec.DecodeError):
            decoded = decoder.decode(msgspec.json.encode(value) if not isinstance(value, int) else str(value).lower())
            assert check(value) == decoded, value


@pytest.mark.parametrize("field", FIELDS, ids=IDS)
def test_what_the_rule_takes_unchanged_is_what_msgspec_takes(field: Field) -> None:
    """So that few events have to be judged one by one: only tables that are deeper than most."""
    if field.type_.check is None:
        return
    for value in VALUES:
        try:
            is_unchanged = repr(field.type_.check(value)) == repr(value)
        except FieldRefused:
            continue
        if is_unchanged and not isinstance(value, list | dict):
            msgspec.convert(value, field.type_.wire)


def test_a_name_with_several_meanings_has_one_for_each_category() -> None:
    for name, meanings in Counter(field.name for field in FIELDS).items():
        same = [field for field in FIELDS if field.name == name]
        categories = [each for field in same for each in (*field.required_in, *field.optional_in)]
        assert len(categories) == len(set(categories)), name
        assert meanings == 1 or all(field.is_ambiguous for field in same), name


def test_columns_are_the_models() -> None:
    columns = {field.name: field.column for field in FIELDS if field.column is not None}
    assert set(columns.values()) <= set(DECODED_COLUMNS)
    assert len(set(columns.values())) == len(columns)
    assert columns.keys() <= set(WireEvent.__struct_fields__)


def test_every_category_has_its_own_required_fields_beside_everyones() -> None:
    of_players = {field.name for field in FIELDS if field.required_in >= BOUND}
    for category, rules in _RULES.items():
        own = {field.name for field in FIELDS if category in field.required_in} - of_players
        assert rules.required == ({"v", "category"} if category in EXEMPT_CATEGORIES else of_players | own)
    assert NO_CATEGORY in BOUND
