"""Valuing what is stored again: what is asked of a store, and what it answers."""

import enum
from decimal import Decimal
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Repricing(msgspec.Struct, frozen=True):
    """Which events to reprice: of these currencies (in capitals; empty: all) and of this time.

    Times are UTC microseconds of `event_time`: from `first_us` on, before `end_us`. A dry run only says what it would
    change.
    """

    currencies: frozenset[str] = frozenset()
    first_us: int | None = None
    end_us: int | None = None
    is_dry_run: bool = False


class MoneyKind(enum.StrEnum):
    """What brought the money."""

    PURCHASES = "purchases"
    ADS = "ads"


class PriceChange(msgspec.Struct, frozen=True):
    """What changes for one currency: of `events` events that have money in it, `changed` have other dollars now.

    `unpriced_*`: how many have none. `usd_*`: the sum of those that have some; refunds are below 0.
    """

    currency: str
    kind: MoneyKind
    events: int
    changed: int
    unpriced_before: int
    unpriced_after: int
    usd_before: Decimal
    usd_after: Decimal


class Prices(Protocol):
    """Turns columns of money into `DECIMAL(18,6)` columns of US dollars; null where there is no rate."""

    def amounts_usd(self, amounts: pa.Array, currencies: pa.Array, days: npt.NDArray[np.int32]) -> pa.Array:
        """Of `amount`, on UTC days since 1970."""
        ...

    def revenues_usd(self, revenues: pa.Array, currencies: pa.Array, days: npt.NDArray[np.int32]) -> pa.Array:
        """Of `ad_revenue`."""
        ...
