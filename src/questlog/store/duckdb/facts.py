"""Parts of SQL that several rollups share: each says once what a word of `metrics.md` means."""

import numpy as np
import numpy.typing as npt

from questlog.model.taxonomy import PURCHASES, EventName
from questlog.store.event_kinds import bits_sql
from questlog.store.schema import DIMENSIONS


def _is_of(name: EventName) -> str:
    category = f"category = '{name.category}'"
    return category if name.event_id is None else f"({category} AND event_id = '{name.event_id}')"


_IS_OF_MONEY = f"({' OR '.join(map(_is_of, PURCHASES))})"
IS_PURCHASE = f"({_IS_OF_MONEY} AND amount <> 0)"
"""A purchase, or with an amount below 0 a refund. A test purchase has no amount."""
IS_SALE = f"({_IS_OF_MONEY} AND amount > 0)"
"""A purchase that is no refund."""

COUNT, MONEY_SUM = "BIGINT", "DECIMAL(38,6)"


def _revenue(condition: str) -> str:
    return f"coalesce(sum(amount_usd) FILTER ({condition}), 0)::{MONEY_SUM}"


TRANSACTIONS = f"count(*) FILTER ({IS_SALE})"
REFUNDS = f"count(*) FILTER ({_IS_OF_MONEY} AND amount < 0)"
UNPRICED = f"count(*) FILTER ({IS_PURCHASE} AND amount_usd IS NULL)"
REVENUE = _revenue(IS_PURCHASE)
FIRST_PURCHASE = f"min(event_time) FILTER ({IS_SALE})"
FIRST_PURCHASE_DAY = f"min(day) FILTER ({IS_SALE})"
AD_REVENUE = f"coalesce(sum(ad_revenue_usd), 0)::{MONEY_SUM}"


MONEY = {
    "transactions": (TRANSACTIONS, COUNT),
    "revenue_usd": (REVENUE, MONEY_SUM),
    "refunds": (REFUNDS, COUNT),
    "ad_revenue_usd": (AD_REVENUE, MONEY_SUM),
}
"""What purchases and ads of events come to, and the type."""

OWNER = "coalesce(player_no, -game_id::BIGINT)"
"""SQL: the player's number; events without a player are of the negative number of their game."""

KINDS = f"coalesce(bit_or({bits_sql()}), 0)::BIGINT"
"""The kinds of events (store/event_kinds.py)."""

_TIER_US = (
    "CASE WHEN platform IS NOT NULL THEN 0 WHEN country IS NOT NULL THEN 1152921504606846976"
    " ELSE 2305843009213693952 END"
)
"""Events that say more of their player go first: those that name a platform, then those with a country, then others."""

# Tier and time, then row, in one number that is never equal for two events. Tiers are 2^60 µs apart, which is later
# than any time; rows are below 2^40.
FIRST_RANK = f"((epoch_us(event_time) + {_TIER_US})::HUGEINT * 1099511627776 + row_no)"
"""The least is the earliest event that names a platform; if none does, that has a country; or of all."""

PLAYER_RANK = "(epoch_us(event_time)::HUGEINT * 1099511627776 + row_no)"
"""The greatest is the latest event of a player."""

ENDED_LENGTH = (
    "max(CASE WHEN isfinite(length_s) THEN least(greatest(length_s, 0), 1e9) END::DECIMAL(18,6))"
    " FILTER (category = 'session_end')"
)

DIMENSION_LIST = ", ".join(DIMENSIONS)


def seconds_between(start: str, end: str) -> str:
    """The exact seconds between two times (SQL expressions)."""
    return f"((epoch_us({end}) - epoch_us({start}))::DECIMAL(18,0) * 0.000001)::DECIMAL(18,6)"


def numbered_day(number: str, day: str) -> str:
    """One integer for a dense number and a day (SQL expressions); days reach 5741 years around 1970."""
    return f"({number} * 4194304 + ({day} - DATE '1970-01-01') + 2097152)"


def day_numbers(numbers: npt.NDArray[np.int64], days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same as `numbered_day` outside SQL; `days` since 1970."""
    return numbers * 4194304 + days + 2097152


def qualified(table: str, columns: tuple[str, ...] = DIMENSIONS) -> str:
    """The columns, qualified by their table."""
    return ", ".join(f"{table}.{column}" for column in columns)
