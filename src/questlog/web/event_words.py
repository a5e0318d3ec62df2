"""Events in addresses and forms: `design:tutorial:begin`, `progression:Start:*`, `business`, `*`.

Alternatives have ` | ` between them. The first part is a category; without one, the id may be of any category.
"""

from collections.abc import Sequence
from typing import Final

from questlog.analytics.analyses.funnel import MAX_ALTERNATIVES, Step, alternatives
from questlog.analytics.question.query import EventMatch, Filter
from questlog.console import short_forms
from questlog.model.taxonomy import CATEGORIES

ALTERNATIVE: Final = " | "
ANY: Final = "*"
_BELOW: Final = ":*"
_MOST_CHARACTERS = 4_096


def step_of(text: str, conditions: str = "") -> Step | None:
    """The event, or its alternatives, that a text says; None for none. Raises `ValueError` for bad conditions."""
    condition = conditions_of(conditions)
    found = [match_of(each, condition) for each in text[:_MOST_CHARACTERS].split(ALTERNATIVE) if each.strip()]
    found = found[:MAX_ALTERNATIVES]
    return None if not found else found[0] if len(found) == 1 else tuple(found)


def match_of(text: str, condition: Filter | None = None) -> EventMatch:
    """One event."""
    text = text.strip()
    if text == ANY:
        return EventMatch(filter=condition)
    category, _, event_id = text.partition(":")
    if category not in CATEGORIES:
        category, event_id = "", text
    is_prefix = event_id.endswith(_BELOW) and len(event_id) > len(_BELOW)
    event_id = event_id.removesuffix(_BELOW) if is_prefix else event_id
    return EventMatch(category or None, _kept(event_id), is_prefix, condition)


def text_of(step: Step) -> str:
    """The text of an event or its alternatives, without conditions."""
    return ALTERNATIVE.join(map(_text, alternatives(step)))


def event_text(category: str, event_id: str | None) -> str:
    """The text of all events of this category and id."""
    return f"{category}:{event_id}" if event_id else category


def conditions_of(text: str) -> Filter | None:
    """Conditions in short, ` & ` between them: `value>=3 & platform=ios`. Raises `ValueError`."""
    return short_forms.all_of([each.strip() for each in text.split(" & ") if each.strip()])


def parents_of(event_id: str) -> Sequence[str]:
    """The ids above: of `a:b:c`, `a` and `a:b`."""
    parts = event_id.split(":")
    return [":".join(parts[:length]) for length in range(1, len(parts))]


def _kept(event_id: str) -> str | None:
    return event_id[:256] or None


def _text(match: EventMatch) -> str:
    event_id = None if match.event_id is None else match.event_id + (_BELOW if match.is_prefix else "")
    if match.category is None:
        return event_id or ANY
    return event_text(match.category, event_id)
