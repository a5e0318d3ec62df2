"""What metrics are made of: logical quantities, each one aggregate by bucket and group; no relation is named here."""

import enum
from typing import Literal

import msgspec
import pyarrow as pa

from questlog.analytics.question.query import EventMatch

ReceiptState = Literal["valid", "invalid", "unchecked"]
RECEIPT_STATES: tuple[ReceiptState, ...] = ("valid", "invalid", "unchecked")


class Quantity(enum.StrEnum):
    """What a measure counts, adds up or finds."""

    # players
    ACTIVE_PLAYERS = "active_players"  # distinct players with an event in the bucket
    ACTIVE_PLAYER_DAYS = "active_player_days"  # the sum of every day's active players
    NEW_PLAYERS = "new_players"  # players whose first event is in the bucket
    RETURNING_PLAYERS = "returning_players"  # active players whose first event is before the bucket
    PLAYERS_OF_DAYS = "players_of_days"  # distinct players of the `days` that end with the bucket's last
    # sessions that started in the bucket
    SESSIONS = "sessions"
    PLAYTIME = "playtime"
    MEDIAN_LENGTH = "median_length"
    # purchases (an amount above 0) and refunds (below 0), with receipts in a `state`
    REVENUE = "revenue"  # USD, net of refunds
    GROSS_REVENUE = "gross_revenue"
    REFUNDS = "refunds"
    REFUNDED = "refunded"  # USD
    TRANSACTIONS = "transactions"  # purchases
    PRICED_TRANSACTIONS = "priced_transactions"  # purchases with a price in US dollars
    PAYING_PLAYERS = "paying_players"  # distinct players with a purchase
    PRICED_PAYERS = "priced_payers"  # distinct players with a purchase that has a price
    CONVERTING_PLAYERS = "converting_players"  # players whose first purchase is in the bucket
    AD_REVENUE = "ad_revenue"
    # players first seen in the bucket whose day `days` after has passed
    COHORT_SIZE = "cohort_size"
    COHORT_RETURNED = "cohort_returned"
    COHORT_SURVIVED = "cohort_survived"
    COHORT_REVENUE = "cohort_revenue"
    # events that match
    EVENTS = "events"
    EVENT_PLAYERS = "event_players"
    VALUE_COUNT = "value_count"
    VALUE_SUM = "value_sum"
    VALUE_ABS_SUM = "value_abs_sum"
    VALUE_MIN = "value_min"
    VALUE_MAX = "value_max"
    SCORE_COUNT = "score_count"
    SCORE_SUM = "score_sum"
    ATTEMPT_COUNT = "attempt_count"
    ATTEMPT_SUM = "attempt_sum"
    AD_SHOWS = "ad_shows"
    AD_FAILED_SHOWS = "ad_failed_shows"
    AD_CLICKS = "ad_clicks"
    AD_REWARDS = "ad_rewards"
    CUSTOM_REVENUE = "custom_revenue"
    # the numbers of a distribution, `field`, that events have (store/distributions.py)
    SAMPLE_SUM = "sample_sum"
    SAMPLE_COUNT = "sample_count"
    SAMPLE_QUANTILE = "sample_quantile"


BY_AGE = frozenset({Quantity.COHORT_SIZE, Quantity.COHORT_RETURNED, Quantity.COHORT_SURVIVED, Quantity.COHORT_REVENUE})
"""What is counted of players first seen in the bucket whose day has passed: it needs to know what day it is."""


_EVENT = "Events and amounts count by their own values."
_PLAYER = "A player counts under every value that an event of theirs had in the bucket; groups may overlap."
_SESSION = "A session counts by the values of its first event."
_FIRST = "Players count by the values of their first event ever."

_RULES = {
    **dict.fromkeys((Quantity.SESSIONS, Quantity.PLAYTIME, Quantity.MEDIAN_LENGTH), _SESSION),
    **dict.fromkeys((*BY_AGE, Quantity.NEW_PLAYERS), _FIRST),
    Quantity.PAYING_PLAYERS: "A player counts under every value that a purchase of theirs had; groups may overlap.",
    Quantity.PRICED_PAYERS: "A player counts under every value that a purchase of theirs had; groups may overlap.",
    Quantity.CONVERTING_PLAYERS: "Players count by the values of their first purchase.",
    Quantity.EVENT_PLAYERS: "A player counts under every value that such an event of theirs had; groups may overlap.",
    **dict.fromkeys(
        (
            Quantity.ACTIVE_PLAYERS,
            Quantity.ACTIVE_PLAYER_DAYS,
            Quantity.RETURNING_PLAYERS,
            Quantity.PLAYERS_OF_DAYS,
        ),
        _PLAYER,
    ),
}
"""Under which values what is counted, where it is not an event itself (metrics.md §4)."""


def counted_under(quantity: Quantity) -> str:
    """Under which values of a dimension it counts, in plain words."""
    return _RULES.get(quantity, _EVENT)


class Unit(enum.StrEnum):
    """What a measure's values are, and so their type and what stands for nothing."""

    COUNT = "count"
    MONEY = "money"
    SECONDS = "seconds"
    TOTAL = "total"  # a sum of plain numbers
    NUMBER = "number"  # null without events

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
    """One aggregate by bucket and group.

    `days` is the N of `retention_dN` and the like, `state` the receipts that count (None: all), `match` the events
    that count, `field` the distribution that numbers are of, `share` the quantile.
    """

    quantity: Quantity
    unit: Unit = Unit.COUNT
    days: int = 0
    state: ReceiptState | None = None
    match: EventMatch = EventMatch()
    field: str = ""
    share: float = 0.0
