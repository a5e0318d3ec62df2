"""The reference names all that the code has."""

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from questlog.model.event import DECODED_COLUMNS
from questlog.model.taxonomy import GAMEANALYTICS_CATEGORIES
from questlog.protocols.gameanalytics import codec, fields, replies, rules

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "gameanalytics.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([^`]+)`", PAGE))
ERROR_TYPES = {"wrong_type", "missing_required_property", "wrong_length", "not_in_range", "not_in_enum", "no_match"}


def test_every_category_has_a_row() -> None:
    assert set(GAMEANALYTICS_CATEGORIES) <= WORDS


@pytest.mark.parametrize("category", [*rules._RULES])
def test_every_field_with_a_rule_has_a_row(category: str) -> None:
    category_rules = rules._RULES[category]
    assert {*category_rules.binding, *category_rules.placing} <= WORDS


def test_every_word_of_a_list_is_there() -> None:
    lists = [get_args(field.type_.wire) for field in fields.FIELDS if get_origin(field.type_.wire) is Literal]
    assert len(lists) == 7
    assert {word for words in lists for word in words} <= WORDS


def test_every_reason_is_there_with_its_status() -> None:
    for reason, answer in replies.ANSWERS.items():
        rows = [line for line in PAGE.splitlines() if f"`{reason}`" in line]
        assert any(str(answer.status) in line.split("|")[1] for line in rows), reason
        assert any(line.split("|")[3].strip() != "none" for line in rows) is answer.has_body, reason


def test_every_error_type_is_there() -> None:
    assert ERROR_TYPES <= WORDS


def test_limits_are_the_codes() -> None:
    assert f"{codec.MAX_EVENTS:,} events".replace(",", " ") in PAGE
    assert f"{codec.MAX_DEPTH} levels" in PAGE
    assert f"{codec._MAX_COMMAS:,} commas".replace(",", " ") in PAGE


def test_columns_named_are_columns() -> None:
    rows = [line.split("|")[-2] for line in PAGE.splitlines() if line.startswith(("| `", "| |"))]
    named = {word for cell in rows for word in re.findall(r"`([a-z_0-9]+)`", cell)}
    assert {"player_id", "length_s", "ad_revenue", "client_event_id", "receipt_store"} <= named & set(DECODED_COLUMNS)
