"""Satori's limits. Those that the vendor does not publish (satori.md §5.3) are our choice: docs/reference/satori.md."""

import re

MAX_EVENTS = 10_000
"""Events in one request; clients in the field send about 50."""

MAX_COMMAS = 500_000
"""Commas in one request: a bound on its values, and so on how long reading it can keep a collector."""

MAX_NAME_LENGTH = 128
"""Characters of an event's name."""

MAX_ID_LENGTH = 128
"""Characters of an event's id and of a session's id."""

MAX_VALUE_LENGTH = 4_096
"""Characters of an event's value."""

MAX_METADATA_KEYS = 100
MAX_METADATA_BYTES = 16_384
"""Bytes of an event's metadata, written as compact JSON."""

MAX_PROPERTIES = 256
"""Properties of one kind, default or custom, of one request and of one identity."""

MAX_PROPERTY_NAME_LENGTH = 128
MAX_PROPERTY_VALUE_LENGTH = 4_096
MAX_TOKEN_LENGTH = 4_096

IDENTITY_ID_RULE = "Identity ID must be 8-128 characters: letters, digits, '_' or '-'"

_IDENTITY_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")


def is_identity_id(text: str) -> bool:
    """Whether `text` may be an identity's id (satori.md §4.1)."""
    return _IDENTITY_ID.fullmatch(text) is not None
