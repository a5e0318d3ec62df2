"""Functions that engines spell differently, as Ibis sees them; `compile` gives each its spelling."""

import ibis
import ibis.expr.types as ir

_DENSE_STEP = 65_536


@ibis.udf.scalar.builtin(signature=(("string", "string"), "string"))
def questlog_attribute(attributes, key):  # type: ignore[no-untyped-def]
    """The text of a key of a JSON object; null where it is not there or null."""


@ibis.udf.agg.builtin(signature=(("int64", "int64"), "int64"))
def questlog_dense_distinct(numbers, bound):  # type: ignore[no-untyped-def]
    """How many different numbers of 0 to bound."""


@ibis.udf.scalar.builtin(signature=(("timestamp(6)",), "int64"))
def questlog_epoch_us(time):  # type: ignore[no-untyped-def]
    """Microseconds since 1970."""


def epoch_us(time: ir.TimestampColumn) -> ir.IntegerColumn:
    """UTC microseconds since 1970, of a time of the store."""
    return questlog_epoch_us(time)


def attribute(attributes: ir.StringColumn, key: str) -> ir.StringColumn:
    """The value of a key of a JSON object, as text; null where it is not there or null."""
    return questlog_attribute(attributes, key)


def distinct_players(player_no: ir.IntegerColumn, last_player_no: int, groups: int) -> ir.IntegerScalar:
    """How many different players, exactly, in an aggregate of about that many groups; nulls do not count.

    Player numbers are dense: with few groups a bitmap for each is many times faster than a hash table. With so many
    that the bitmaps would not fit into the caches, it is a hash table. `last_player_no` is the greatest number given
    out; it is rounded up, so that the compiled text changes seldom.
    """
    bound = (last_player_no // _DENSE_STEP + 1) * _DENSE_STEP
    if groups * bound > _MOST_BITS:
        return player_no.nunique()
    return questlog_dense_distinct(player_no, bound)


_MOST_BITS = 8 * 64 * 1024 * 1024
