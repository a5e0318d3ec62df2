"""What the matching of funnels is given and what it finds: events, rules, attempts, as numpy columns."""

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Order(enum.StrEnum):
    """What may be between the steps."""

    STRICT = "strict"
    ORDERED = "ordered"
    ANY = "any"


@dataclass(frozen=True)
class Matching:
    """One entry per event: whose it is, when it was, and the steps it matches (bit 0 is step 1; 0: none).

    `code` is for a breakdown: of several events of step 1 in the microsecond in which an attempt has its first step,
    the least code counts. `excluded` are the events that end attempts; they may be steps, too.
    """

    unit: Ints
    time_us: Ints
    steps: Ints
    code: Ints | None = None
    excluded: "Excluded | None" = None

    def taken(self, place: Ints) -> "Matching":
        """The events at these places; all that is excluded."""
        code = None if self.code is None else self.code[place]
        return Matching(self.unit[place], self.time_us[place], self.steps[place], code, self.excluded)


@dataclass(frozen=True)
class Excluded:
    """One entry per excluded event: bit k of `after` says that it ends attempts that have done k steps, and no more.

    Bit 0 is of attempts in any order that have not done step 1 yet.
    """

    unit: Ints
    time_us: Ints
    after: Ints


@dataclass(frozen=True)
class Starts:
    """When attempts may begin, and the bucket in which they then count: `bucket[n]` from `from_us[n]` on.

    `from_us` ascends. Bucket -1: none begins; nor does one before the first time.
    """

    from_us: Ints
    bucket: Ints

    def buckets(self, first_us: int, last_us: int) -> Ints:
        """Those of all times from the first to the last one."""
        first, last = np.searchsorted(self.from_us, [first_us, last_us], "right")
        return np.unique(np.append(self.bucket, -1)[np.arange(first - 1, last)])

    def of(self, time_us: Ints) -> Ints:
        """The bucket of every time."""
        found: Ints = np.append(self.bucket, -1)[np.searchsorted(self.from_us, time_us, "right") - 1]
        return found


ANY_TIME = Starts(np.array([np.iinfo(np.int64).min]), np.array([0]))
"""Attempts begin at any time, and all count in one bucket."""


@dataclass(frozen=True)
class Rules:
    """What an attempt is: its steps, window, order, and when it may begin."""

    steps: int
    window_us: int
    order: Order
    starts: Starts = ANY_TIME


@dataclass(frozen=True)
class Attempts:
    """The attempts that count, by unit and bucket: of every unit that began one in the bucket and reached step 1.

    `reached` is the last step reached, from 1; `times_us[k]` when steps 1 … k + 1 were done first, for steps not
    reached undefined; `start_us` the attempt's first event, which in any order may be of another step than 1; `code`
    that of the event of step 1, 0 where there were none; `is_ended` whether an event has ended it before its window
    ends.
    """

    unit: Ints
    bucket: Ints
    start_us: Ints
    reached: Ints
    times_us: Ints  # [step, attempt]
    code: Ints
    is_ended: Bools

    @classmethod
    def together(cls, parts: "list[Attempts]") -> "Attempts":
        """Those of disjoint sets of units as one."""
        return cls(
            np.concatenate([part.unit for part in parts]),
            np.concatenate([part.bucket for part in parts]),
            np.concatenate([part.start_us for part in parts]),
            np.concatenate([part.reached for part in parts]),
            np.concatenate([part.times_us for part in parts], axis=1),
            np.concatenate([part.code for part in parts]),
            np.concatenate([part.is_ended for part in parts]),
        )

    def taken(self, place: Ints) -> "Attempts":
        """The attempts at these places."""
        return Attempts(
            self.unit[place],
            self.bucket[place],
            self.start_us[place],
            self.reached[place],
            self.times_us[:, place],
            self.code[place],
            self.is_ended[place],
        )

    def best_of_units(self) -> "Attempts":
        """The attempt that counts of every unit over all buckets."""
        order = np.lexsort((self.start_us, -self.reached, self.unit))
        return self.taken(order[is_next(self.unit[order])])

    def is_open(self, window_us: int, now_us: int) -> Bools:
        """Whether an attempt can still go on: it has steps left, its window is not over, and nothing has ended it."""
        is_open: Bools = (self.reached < len(self.times_us)) & ~self.is_ended & (self.start_us + window_us >= now_us)
        return is_open


def is_next(key: Ints) -> Bools:
    """Whether it is not the same as the one before."""
    differs = np.ones(len(key), np.bool_)
    np.not_equal(key[1:], key[:-1], out=differs[1:])
    return differs
