"""Which saved definitions are made of another one: that one cannot be deleted while they are there."""

from collections.abc import Sequence
from typing import Any

from questlog.analytics.selection import dimensions
from questlog.console.definition_kinds import CUSTOM_METRIC, SEGMENT
from questlog.control.definitions import SavedDefinition


def users_of(kind: str, name: str, saved: Sequence[SavedDefinition]) -> Sequence[SavedDefinition]:
    """Those of `saved` that use the segment or metric of this name; nothing is made of other kinds."""
    if kind == SEGMENT:
        return [each for each in saved if _has_segment(each.definition, name)]
    if kind == CUSTOM_METRIC:
        return [each for each in saved if name in each.definition.get("metrics", ())]
    return []


def _has_segment(value: Any, name: str) -> bool:
    """Whether the segment is a dimension, or the members' rule, anywhere in a definition's JSON."""
    if isinstance(value, list):
        return any(_has_segment(each, name) for each in value)
    if not isinstance(value, dict):
        return False
    is_member = value.get("type") == "in_segment" and value.get("name") == name
    grouped = value.get("group_by") or []
    named = [value.get("dimension"), *(grouped if isinstance(grouped, list) else [grouped])]
    return (
        is_member or f"{dimensions.SEGMENT}{name}" in named or any(_has_segment(each, name) for each in value.values())
    )
