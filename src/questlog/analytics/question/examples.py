"""Examples of questions and definitions, as JSON, and what the examples of several analyses share."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Example(NamedTuple):
    """A body, as JSON, and what it asks for. Shown in the schema and in the docs; a test asks each."""

    summary: str
    body: Mapping[str, Any]


JANUARY = {"start": "2026-01-01", "end": "2026-01-31"}
IS_IOS = {"type": "condition", "dimension": "platform", "operator": "is", "values": ["ios"]}
PURCHASE = {"category": "business"}
PAYERS = {"rule": {"type": "did", "event": PURCHASE, "operator": "greater_or_equal", "value": 3, "last_days": 30}}

SEGMENT = Example("Players who bought three times in the last 30 days", PAYERS)
CUSTOM_METRIC = Example(
    "Bosses killed on iOS",
    {"kind": "count", "event": {"category": "design", "event_id": "Boss:Killed", "filter": IS_IOS}},
)
