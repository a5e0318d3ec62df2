"""The patterns of GameAnalytics' fields, matched quickly (spec §§2, 2.2, 2.3, 3; the accepting variants)."""

import re

from questlog.model.taxonomy import FLOW_TYPES, PROGRESSION_STATUSES

MAX_SEEN = 16_384
"""Values remembered per pattern: at most about 6 MB each, whatever clients send."""

_SEGMENT = r"[A-Za-z0-9\s\-_.()!?]{1,64}"
_VERSION = r"[0-9]{0,5}(?:\.[0-9]{0,5}){0,3}"


class Pattern:
    """A pattern that a whole text must match, with the texts that did so lately.

    Few values come again and again, and a set knows them ten times faster than a regular expression. Ask
    `value in pattern.seen or pattern.matches(value)`. The set only holds matching values and is emptied when it is
    full, so that no client can make it grow; whether a value matches never depends on what it holds.
    """

    __slots__ = ("_expression", "seen", "text")

    def __init__(self, expression: str) -> None:
        self.text = expression
        self._expression = re.compile(expression, re.ASCII)
        self.seen: set[str] = set()

    def matches(self, value: str) -> bool:
        """Whether the whole of `value` matches; remembers it if so."""
        if self._expression.fullmatch(value) is None:
            return False
        if len(self.seen) >= MAX_SEEN:
            self.seen.clear()
        self.seen.add(value)
        return True


# `configureBuildPlatform` and device families put any word before the version.
OS_VERSION = Pattern(rf"[A-Za-z0-9_.]{{1,64}} {_VERSION}")
SDK_VERSION = Pattern(rf"[a-z0-9_]{{1,32}} {_VERSION}(?:-alpha|-beta|a|b)?|rest api v2")
ENGINE_VERSION = Pattern(rf"[a-z0-9_.]{{1,32}} {_VERSION}")
# Not RFC 4122: the C++ SDK on Linux makes ids without version and variant.
SESSION_ID = Pattern(r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}")
CURRENCY = Pattern(r"[A-Z]{3}")
COUNTRY_CODE = Pattern(r"[A-Z]{2}")
AD_NETWORK_NAME = Pattern(r"[a-z0-9_.\-]{1,32}")
AD_NETWORK_VERSION = Pattern(_VERSION)

BUSINESS_ID = Pattern(rf"{_SEGMENT}:{_SEGMENT}")
RESOURCE_ID = Pattern(rf"(?:{'|'.join(FLOW_TYPES)}):[A-Za-z]{{1,64}}:{_SEGMENT}:{_SEGMENT}")
PROGRESSION_ID = Pattern(rf"(?:{'|'.join(PROGRESSION_STATUSES)}):{_SEGMENT}(?::{_SEGMENT}){{0,2}}")
DESIGN_ID = Pattern(rf"{_SEGMENT}(?::{_SEGMENT}){{0,4}}")
