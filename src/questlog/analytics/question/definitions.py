"""What a game saves to use again: segments and metrics of its own (metrics.md §5, spec Satori §9)."""

import enum
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from questlog.analytics.question.query import EventMatch, Filter, Name, Operator


class Measured(enum.StrEnum):
    """What a segment's condition counts of a player's events."""

    COUNT = "count"
    DAYS = "days"  # local days with one
    VALUE_SUM = "value_sum"
    REVENUE = "revenue"  # USD


class Who(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="who", tag_field="type"):
    """Players by what they are: dimensions at install, properties (`properties.KEY`), lifetime numbers.

    The dimensions are those of `dimensions.PLAYER_DIMENSIONS`.
    """

    filter: Filter


class Did(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="did", tag_field="type"):
    """Players by what they did: `measured` over the matching events of the last days, compared with `value`.

    A player without such an event measures 0: "no event for 14 days" is `less` than 1 of any event in 14 days.
    `last_days` counts the running day of the game's zone as the first; None is all time.
    """

    event: EventMatch
    measured: Measured = Measured.COUNT
    operator: Operator = Operator.GREATER_OR_EQUAL
    value: float = 1
    last_days: Annotated[int, Meta(ge=1, le=3_700)] | None = None


class InSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="in_segment", tag_field="type"):
    """The players of another saved segment."""

    name: Name


class FixedJson(dict[str, Any]):
    """A JSON object that nobody changes: it can be a key, and is equal to what says the same as JSON."""

    @property
    def text(self) -> bytes:
        """The JSON, the same for equal ones."""
        return msgspec.json.encode(dict(self), order="deterministic")

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedJson) and self.text == other.text

    def __ne__(self, other: object) -> bool:
        return not self == other


class InCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="in_cell", tag_field="type"):
    """The players behind a number of an answer: a point of a chart, a cell of a triangle, a step of a funnel.

    `of` is the cell as the question `members` takes it.
    """

    of: Mapping[str, Any]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "of", FixedJson(msgspec.json.decode(msgspec.json.encode(dict(self.of)))))


class AllRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="all", tag_field="type"):
    """Every one holds."""

    rules: Annotated[tuple["Rule", ...], Meta(min_length=1, max_length=50)]


class AnyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="any", tag_field="type"):
    """At least one holds."""

    rules: Annotated[tuple["Rule", ...], Meta(min_length=1, max_length=50)]


class NotRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="not", tag_field="type"):
    """It does not hold."""

    rule: "Rule"


Rule = Who | Did | InSegment | InCell | AllRules | AnyRule | NotRule


class SegmentDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The players for whom a rule holds now."""

    rule: Rule


class CustomMetricKind(enum.StrEnum):
    """What a custom metric makes of its events (spec Satori §9)."""

    BINOMIAL = "binomial"  # distinct players who had the event
    COUNT = "count"
    SUM = "sum"  # Σ value
    DURATION = "duration"  # Σ value, seconds
    REVENUE = "revenue"  # USD: of purchases and ad impressions what they brought, of others the value as US cents


class CustomMetric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric over one kind of event; usable by its name wherever a built-in metric is."""

    kind: CustomMetricKind
    event: EventMatch
    description: Annotated[str, Meta(max_length=1_000)] = ""
    is_high_better: bool = True
