"""An upsert that returns every row.

DuckDB 2.0 leaves rows out of RETURNING where ON CONFLICT updates rows of two row groups at once: seen at any size of
the row groups, the oftener the smaller they are. The rows themselves are right.
"""

import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.transaction import Transaction


def upsert(transaction: Transaction, statement: str, table: str, returning: str, key: str, new: pa.Table) -> pa.Table:
    """Run an INSERT … ON CONFLICT (key) of the rows `new`; `returning` (SQL, with the key) of each, by key."""
    rows = transaction.read(f"{statement} RETURNING {returning}")
    if rows.num_rows < new.num_rows:
        left_out = new.select([key]).filter(pc.invert(pc.is_in(new[key], rows[key].combine_chunks())))
        transaction.register("left_out", left_out)
        rest = transaction.read(f"SELECT {returning} FROM {table} SEMI JOIN left_out USING ({key})")
        rows = pa.concat_tables([rows, rest])
    return rows.sort_by(key)
