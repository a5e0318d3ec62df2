"""What metrics are made of: aggregates over one relation each, merged before a metric's formula is applied."""

import enum
from typing import Literal

import msgspec
import pyarrow as pa

from questlog.analytics.question.query import EventMatch

ReceiptState = Literal["valid", "invalid", "unchecked"]
RECEIPT_STATES: tuple[ReceiptState, ...] = ("valid", "invalid", "unchecked")


class Base(enum.StrEnum):
    """The relation that a measure is an aggregate of."""

    ACTIVITY = "activity"  # players and what they did, by day
    MOMENTS = "moments"  # the same by hour and minute
    FIRST_SEEN = "first_seen"  # each player's first event
    WINDOWS = "windows"  # players of the last 1, 7 and 30 days
    COHORTS = "cohorts"  # player days by the player's first day
    SURVIVAL = "survival"  # players by first and last day
    SESSIONS = "sessions"  # sessions one by one
    PURCHASES = "purchases"  # purchases one by one, with receipts in a state
    OWN_PURCHASES = "own_purchases"  # the same by their own dimensions
    FIRST_PURCHASES = "first_purchases"  # each player's first
    EVENTS = "events"  # events one by one
    EVENT_SUMS = "event_sums"  # their counts and sums per day, taken in place of them where these are enough
    SAMPLES = "samples"  # the tables of samples in health events
    VALUE_SUMS = "value_sums"  # sums of numbers of events per day, taken in place of both where these are enough
    VALUE_QUANTILES = "value_quantiles"  # the same for quantiles, from how often which number was there


class Unit(enum.StrEnum):
    """What a measure's values are, and so their type and what stands for nothing."""

    COUNT = "count"
    MONEY = "money"
    SECONDS = "seconds"
    TOTAL = "total"  # a sum of plain numbers
    NUMBER = "number"  # of nothing there is none

    @property
    def arrow(self) -> pa.DataType:
        """The type of the values."""
        return _TYPES[self]

    @property
    def is_zero_for_nothing(self) -> bool:
        """Whether no rows at all give 0, and not null."""
        return self is not Unit.NUMBER


_TYPES = {
    Unit.COUNT: pa.int64(),
    Unit.MONEY: pa.decimal128(38, 6),
    Unit.SECONDS: pa.decimal128(38, 6),
    Unit.TOTAL: pa.float64(),
    Unit.NUMBER: pa.float64(),
}


class Measure(msgspec.Struct, frozen=True):
    """One aggregate. `name` is what the base makes of it.

    `days` is the N of `retention_dN` and the like, `state` the receipts that count (None: all), `match` the events
    that count, `share` the quantile. Measures with the same `base` and `part` come from one question to the engine.
    """

    base: Base
    name: str
    unit: Unit = Unit.COUNT
    days: int = 0
    state: ReceiptState | None = None
    match: EventMatch = EventMatch()
    share: float = 0.0

    @property
    def part(self) -> str:
        """What must be asked by itself."""
        if self.base is Base.SAMPLES:
            return self.name.partition(":")[0]
        return self.state or "" if self.base is Base.FIRST_PURCHASES else ""
