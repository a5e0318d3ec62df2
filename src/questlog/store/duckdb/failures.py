"""What an engine's error means for who loads."""

import duckdb

from questlog.store.contract import BatchRefused, StoreFailed


class OutOfMemory(StoreFailed):
    """The engine's memory limit was reached; with less beside it, the same may succeed."""


_OF_THE_BATCH = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.ConstraintException,
    duckdb.InvalidTypeException,
    duckdb.TypeMismatchException,
)


def failure(error: duckdb.Error) -> StoreFailed:
    """The contract's word for an engine's error: whether it is the batch, the memory, or anything else."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return OutOfMemory(str(error))
    if isinstance(error, _OF_THE_BATCH):
        return BatchRefused(str(error))
    return StoreFailed(str(error))
