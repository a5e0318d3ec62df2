"""What each category requires and allows: the judge of every event that is not plainly right (spec §§2, 3, 8).

Fields without a rule are kept and never a reason to drop an event.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from questlog.model.reasons import FieldError
from questlog.model.taxonomy import GAMEANALYTICS_CATEGORIES
from questlog.protocols.gameanalytics.field_types import Check, FieldRefused
from questlog.protocols.gameanalytics.fields import FIELDS, FIRST_NAMES, NO_CATEGORY, RULED_ATTRIBUTES
from questlog.protocols.gameanalytics.wire import PLACED_FIELDS, UnknownFields

RULED_FIELDS_WITHOUT_A_PLACE = frozenset({*(field.name for field in RULED_ATTRIBUTES), *FIRST_NAMES})
"""Fields that become attributes, but not without a look at them."""


class _CategoryRules(NamedTuple):
    required: frozenset[str]
    binding: dict[str, Check]  # a value that breaks one drops the event
    placing: dict[str, Check]  # a value that breaks one becomes an attribute


class Judgement(NamedTuple):
    """An event's fields by where they go, and what is wrong; the others mean nothing unless `errors` is empty.

    `invalid` are the optional fields that break their rule without dropping the event.
    """

    placed: dict[str, Any]
    unplaced: UnknownFields
    errors: list[FieldError]
    invalid: dict[str, object]


def _rules_of(category: str) -> _CategoryRules:
    required: set[str] = set()
    binding: dict[str, Check] = {}
    placing: dict[str, Check] = {}
    for field in FIELDS:
        if field.type_.check is None:
            continue
        if category in field.required_in:
            required.add(field.name)
        if category in field.required_in or category in field.optional_in:
            binding[field.name] = field.type_.check
        elif not field.is_ambiguous:
            placing[field.name] = field.type_.check
    return _CategoryRules(frozenset(required), binding, placing)


_RULES = {category: _rules_of(category) for category in GAMEANALYTICS_CATEGORIES}
_RULES_OF_NO_CATEGORY = _rules_of(NO_CATEGORY)


def judge(fields: Mapping[str, object], *, is_lenient: bool = False) -> Judgement:
    """Find the place of every field, and everything that is wrong with the event.

    With `is_lenient`, a field that is not required and breaks its rule is no error: it is `invalid`.
    """
    category = fields.get("category")
    rules = _RULES.get(category, _RULES_OF_NO_CATEGORY) if isinstance(category, str) else _RULES_OF_NO_CATEGORY
    judgement = Judgement({}, UnknownFields(), [], {})
    for name, value in fields.items():
        _judge_field(rules, name, value, judgement, may_be_invalid=is_lenient and name not in rules.required)
    _place_first_names(judgement)
    judgement.errors.extend(
        FieldError("missing_required_property", f"/{name}") for name in sorted(rules.required - fields.keys())
    )
    return judgement


def _place_first_names(judgement: Judgement) -> None:
    """JavaScript 4.4.3 and C# 3.3.4 call `event_uuid` `uuid` (spec §2.4)."""
    for first_name, name in FIRST_NAMES.items():
        value = judgement.unplaced.get(first_name)
        if value is None or name in judgement.placed:
            continue
        with suppress(FieldRefused):
            _place(name, _RULES_OF_NO_CATEGORY.placing[name](value), judgement)
            del judgement.unplaced[first_name]


def _judge_field(
    rules: _CategoryRules, name: str, value: object, judgement: Judgement, *, may_be_invalid: bool
) -> None:
    check = rules.binding.get(name)
    if value is None:
        if name in rules.required:
            judgement.errors.append(FieldError("wrong_type", f"/{name}"))
    elif check is not None:
        try:
            _place(name, check(value), judgement)
        except FieldRefused as refused:
            if may_be_invalid:
                judgement.invalid[name] = value
            else:
                judgement.errors.append(FieldError(refused.error_type, f"/{name}"))
    elif (check := rules.placing.get(name)) is not None:
        try:
            _place(name, check(value), judgement)
        except FieldRefused:
            judgement.unplaced[name] = value
    else:
        judgement.unplaced[name] = value


def _place(name: str, value: object, judgement: Judgement) -> None:
    if value is None:
        return
    if name in PLACED_FIELDS:
        judgement.placed[name] = value
    else:
        judgement.unplaced[name] = value
