"""How often something took how long, as Prometheus' histograms count it."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import msgspec

LATENCY_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Of requests, seconds."""

LOAD_BOUNDS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 120.0)
"""Of loading, seconds: finest around the two seconds after which an event should be visible."""


class HistogramCounts(msgspec.Struct, frozen=True):
    """Observations by size, and their sum.

    `counts[i]` were at most `bounds[i]` and more than the bound before; the last of `counts` were more than all bounds.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float = 0.0

    @property
    def count(self) -> int:
        """How many observations."""
        return sum(self.counts)

    @property
    def cumulative(self) -> list[tuple[str, float]]:
        """What Prometheus wants: for each bound, and for infinity, how many were at most that."""
        names = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


class Histogram:
    """Counts as they happen; cheap enough for every request. Not for several threads at a time."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """One observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def counts(self) -> HistogramCounts:
        """All so far."""
        return HistogramCounts(tuple(self._bounds), tuple(self._counts), self._sum)
