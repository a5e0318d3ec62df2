"""Numbers counted in bins whose edges are plain numbers, the same on every engine."""

import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Compare

MAX_BINS = 200
BIN, NEAR = "bin", "near"
_NEAR = 1e-6  # of a bin's width: far more than a division can be wrong by, and little enough to be rare


def check_comparable(compare: Compare | None, histogram: "Histogram", field: str) -> None:
    """Raises `InvalidQuery` for a comparison of bins that lie elsewhere in another period."""
    if compare is not None and not histogram.edges:
        raise InvalidQuery(
            f"{field}.edges", "histograms can be compared only with `edges`, because bins differ between periods"
        )


class Bins(msgspec.Struct, frozen=True):
    """Edges in ascending order.

    `is_even`: they are so evenly apart that a division nearly finds a number's bin. `is_open`: there are bins below the
    first and above the last.
    """

    edges: tuple[float, ...]
    is_even: bool
    is_open: bool

    def bin_of(self, number: float) -> int:
        """The number of the bin: 0 below the first edge, n from the n-th edge on, one more above the last."""
        return len(self.edges) - 1 if number == self.edges[-1] else bisect_right(self.edges, number)

    def there_is(self, place: int) -> int:
        """The bin, or the one nearest to it that there is: the same sum made twice can differ in its last bits."""
        return place if self.is_open else min(max(place, 1), len(self.edges) - 1)


class Histogram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`bins` of equal width between the least and the greatest number, or those between the given `edges`.

    A bin takes numbers from its lower edge to below its upper one; the last takes its upper edge too. With given edges
    there are two bins more, for what is below the first and above the last.
    """

    bins: Annotated[int, Meta(ge=1, le=MAX_BINS)] = 20
    edges: Annotated[tuple[float, ...], Meta(max_length=MAX_BINS + 1)] = ()

    def check(self, field: str) -> None:
        """Raises `InvalidQuery` for edges that are no edges."""
        if len(self.edges) == 1:
            raise InvalidQuery(f"{field}.edges", "`edges` needs at least two edges")
        for place, edge in enumerate(self.edges):
            if not math.isfinite(edge):
                raise InvalidQuery(f"{field}.edges[{place}]", "must be a finite number")
            if place and edge <= self.edges[place - 1]:
                raise InvalidQuery(f"{field}.edges[{place}]", f"{edge} is not greater than the edge before it")

    def bins_for(self, least: float, greatest: float) -> Bins:
        """The bins for numbers from `least` to `greatest`; edges are divided exactly, then rounded to a double.

        Raises `InvalidQuery` where these are infinite, and no edges are given.
        """
        if self.edges:
            return Bins(self.edges, is_even=False, is_open=True)
        if not (math.isfinite(least) and math.isfinite(greatest)):
            raise InvalidQuery("histogram", "some sums are too large for a number; use `edges`")
        low, width = Fraction(least), (Fraction(greatest) - Fraction(least)) / self.bins
        inner = {float(low + width * place) for place in range(1, self.bins)} - {least, greatest}
        is_even = width > math.ulp(max(abs(least), abs(greatest))) / (_NEAR * _NEAR) and math.isfinite(greatest - least)
        return Bins((least, *sorted(inner), greatest), is_even, is_open=False)


def bin_keys(number: ir.NumericValue, bins: Bins) -> dict[str, ir.Value]:
    """What to group by: `bin` is the number of the bin, and `near` null; or `near` is the number itself.

    A division tells the bin of all numbers but those next to an edge. Where those belong is not left to rounding:
    `Bins.bin_of` compares each that there is with the edges.
    """
    if not bins.is_even:
        return {BIN: _search(number, bins.edges, 0, len(bins.edges)), NEAR: ibis.null("float64")}
    least, greatest = bins.edges[0], bins.edges[-1]
    place = (number - least) / ((greatest - least) / (len(bins.edges) - 1))
    is_near = (place - place.round()).abs() < _NEAR
    return {
        BIN: is_near.ifelse(ibis.null("int64"), place.floor().cast("int64") + 1),
        NEAR: is_near.ifelse(number, ibis.null("float64")),
    }


def counts(rows: Sequence[Mapping[str, Any]], bins: Bins, group: str, count: str) -> dict[tuple[str | None, int], int]:
    """How many there are in each group and bin, of rows grouped by `bin_keys`."""
    found: dict[tuple[str | None, int], int] = {}
    for row in rows:
        place = bins.bin_of(row[NEAR]) if row[BIN] is None else row[BIN]
        key = (row.get(group), bins.there_is(place))
        found[key] = found.get(key, 0) + row[count]
    return found


def _search(number: ir.NumericValue, edges: tuple[float, ...], low: int, high: int) -> ir.IntegerValue:
    """Of the bins from `low` to `high`, found by halving: a comparison a doubling of bins."""
    if low == high:
        return ibis.literal(low, "int64")
    middle = (low + high) // 2
    is_above = number > edges[middle] if middle == len(edges) - 1 else number >= edges[middle]
    return is_above.ifelse(_search(number, edges, middle + 1, high), _search(number, edges, low, middle))


def histogram_table(
    bins: Bins,
    found: Mapping[tuple[str | None, int], int],
    groups: Sequence[str | None],
) -> pa.Table:
    """`group`, `low`, `high`, `count`, `share` of every bin of every group in order, also of empty ones."""
    rows = [
        {"group": group, "low": low, "high": high, "count": count, "share": count / total if total else None}
        for group in groups
        for total in [sum(count for (of, _), count in found.items() if of == group)]
        for place, low, high in edges_of(bins)
        for count in [found.get((group, place), 0)]
    ]
    return pa.Table.from_pylist(rows, _SCHEMA)


def edges_of(bins: Bins) -> list[tuple[int, float | None, float | None]]:
    """The bins' numbers and edges; null: no edge."""
    edges = bins.edges
    inner: list[tuple[int, float | None, float | None]] = [
        (place + 1, low, high) for place, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    return [(0, None, edges[0]), *inner, (len(edges), edges[-1], None)] if bins.is_open else inner


_SCHEMA = pa.schema(
    [
        ("group", pa.string()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("count", pa.int64()),
        ("share", pa.float64()),
    ]
)
