"""Functions that engines spell differently, as Ibis sees them; `compile` gives each its spelling."""

import ibis
import ibis.expr.types as ir

_DENSE_STEP = 65_536
_MOST_KEPT_BITS = 8 * 8 * 1024 * 1024


@ibis.udf.scalar.builtin(signature=(("string", "string"), "string"))
def questlog_attribute(attributes, pointer):  # type: ignore[no-untyped-def]
    """The text of what a JSON pointer (RFC 6901) says; null where it is not there or null."""


@ibis.udf.agg.builtin(signature=(("int64", "int64"), "int64"))
def questlog_dense_distinct(numbers, bound):  # type: ignore[no-untyped-def]
    """How many different numbers of 0 to bound."""


@ibis.udf.agg.builtin(signature=(("int64", "int64"), "binary"))
def questlog_number_set(numbers, bound):  # type: ignore[no-untyped-def]
    """The set of the numbers, of 0 to bound, in the engine's own form."""


@ibis.udf.agg.builtin(signature=(("int64", "int64"), "binary"))
def questlog_number_bytes(numbers, bound):  # type: ignore[no-untyped-def]
    """The same set as bytes, a bit for each number: for the embedded engine only."""


@ibis.udf.scalar.builtin(signature=((), "int64"))
def questlog_after():  # type: ignore[no-untyped-def]
    """The load transaction after which events are newer: a parameter of the statement."""


@ibis.udf.agg.builtin(signature=(("binary",), "int64"))
def questlog_union_size(sets):  # type: ignore[no-untyped-def]
    """How many numbers are in any of the sets."""


@ibis.udf.scalar.builtin(signature=(("binary", "binary"), "int64"))
def questlog_intersection_size(one, other):  # type: ignore[no-untyped-def]
    """How many numbers are in both sets."""


@ibis.udf.scalar.builtin(signature=(("timestamp(6)",), "int64"))
def questlog_epoch_us(time):  # type: ignore[no-untyped-def]
    """Microseconds since 1970."""


@ibis.udf.scalar.builtin(signature=(("timestamp(6)", "int64"), "decimal(38, 0)"))
def questlog_rank(time, row_no):  # type: ignore[no-untyped-def]
    """A number that is greater for a later time and, of equal times, for the later row."""


def event_rank(events: ir.Table) -> ir.DecimalColumn:
    """A number that is never equal for two events, greater for the later one; of equal times, for the later row."""
    return questlog_rank(events.event_time, events.row_no)


def epoch_us(time: ir.TimestampColumn) -> ir.IntegerColumn:
    """UTC microseconds since 1970, of a time of the store."""
    return questlog_epoch_us(time)


def attribute(attributes: ir.StringColumn, *keys: str) -> ir.StringColumn:
    """The value of a key of a JSON object, or of an object in it, as text; null where it is not there or null."""
    # RFC 6901. A JSON path would take `*` for any key.
    return questlog_attribute(attributes, "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))


def distinct_players(player_no: ir.IntegerColumn, last_player_no: int, groups: int) -> ir.IntegerScalar:
    """How many different players, exactly, in an aggregate of about that many groups; nulls do not count.

    Player numbers are dense: with few groups a bitmap for each is many times faster than a hash table. With so many
    that the bitmaps would not fit into the caches, it is a hash table. `last_player_no` is the greatest number given
    out; it is rounded up, so that the compiled text changes seldom.
    """
    if not fits_bitmaps(last_player_no, groups):
        return player_no.nunique()
    return questlog_dense_distinct(player_no, _bound(last_player_no))


def player_set(player_no: ir.IntegerColumn, last_player_no: int) -> ir.BinaryScalar:
    """The set of the players of each group, for `union_size`; null where there are none. See `fits_bitmaps`."""
    return questlog_number_set(player_no, _bound(last_player_no))


def player_bytes(player_no: ir.IntegerColumn, last_player_no: int) -> ir.BinaryScalar:
    """The same as bytes, to be put together with others outside of the engine; of the embedded engine only."""
    return questlog_number_bytes(player_no, _bound(last_player_no))


def union_size(sets: ir.BinaryColumn) -> ir.IntegerScalar:
    """How many players are in any of the sets that `player_set` made."""
    return questlog_union_size(sets)


def intersection_size(one: ir.BinaryColumn, other: ir.BinaryColumn) -> ir.IntegerColumn:
    """How many players are in both of two sets that `player_set` made with the same bound."""
    return questlog_intersection_size(one, other)


def fits_bitmaps(last_player_no: int, groups: int) -> bool:
    """Whether a bitmap of players for each group is small enough to be faster than a hash table."""
    return groups * _bound(last_player_no) <= _MOST_BITS


def are_kept_bitmaps(last_player_no: int, groups: int) -> bool:
    """Whether a bitmap of players for each group is so small that they are kept for the next question."""
    return groups * _bound(last_player_no) <= _MOST_KEPT_BITS


def _bound(last_player_no: int) -> int:
    return (last_player_no // _DENSE_STEP + 1) * _DENSE_STEP


_MOST_BITS = 8 * 64 * 1024 * 1024
