"""The tables value_counts and value_bins: how often which number was there, by day (store/distributions.py)."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.distributions import BIN_SHIFT, DISTRIBUTIONS, MOST_ENTRIES, MOST_SAMPLES, Distribution, Form
from questlog.store.duckdb.transaction import Transaction

COLUMNS = ("game_id", "day", "field", "bin", "value", "samples")
COLUMN_LIST = ", ".join(COLUMNS)
BIN_COLUMN_LIST = "value_bin_no, game_id, day, field, bin, samples, value_sum"

_SIGN_BITS = 1 << (64 - BIN_SHIFT)  # room for bins of either sign


def facts(source: str, condition: str = "true", kinds: Sequence[Distribution] = DISTRIBUTIONS) -> str:
    """SQL: the rows of `value_counts` that the events in `source` make, each number once."""
    found = " UNION ALL ".join(_numbers(sampled, f"(SELECT * FROM {source} WHERE {condition})") for sampled in kinds)
    return f"""
    SELECT game_id, day, field, {BIN_SQL} AS bin, value, sum(samples)::BIGINT AS samples
    FROM (SELECT game_id, day, field, CASE WHEN value = 0 THEN 0 ELSE value END AS value, samples FROM ({found}))
    GROUP BY game_id, day, field, value
    """


def bin_facts(source: str, condition: str = "true") -> str:
    """SQL: the rows of `value_bins` that rows of `value_counts` make."""
    return f"""
    SELECT {_KEY} AS value_bin_no, game_id, day, field, bin, sum(samples)::BIGINT AS samples,
        sum(value * samples) AS value_sum
    FROM {source} WHERE {condition} GROUP BY game_id, day, field, bin
    """


def _numbers(sampled: Distribution, source: str) -> str:
    """SQL: `value` and `samples` of the numbers of one kind."""
    head = f"SELECT game_id, day, '{sampled.field}' AS field"
    events = f"FROM {source} WHERE category = '{sampled.category}'"
    attribute = f"json_extract_string({_JSON}, '/{sampled.field}')"
    if sampled.form is Form.VALUE:
        return f"{head}, value, 1 AS samples {events} AND value IS NOT NULL"
    if sampled.form is Form.NUMBER:
        number = f"try_cast({attribute} AS DOUBLE)"
        return f"{head}, {number} AS value, 1 AS samples {events} AND isfinite({number})"
    entries = f"string_split(substr({attribute}, 2, length({attribute}) - 2), ',')"
    return f"""
    SELECT game_id, day, field, (place - 1)::DOUBLE AS value, samples::BIGINT AS samples FROM (
        SELECT game_id, day, field, generate_subscripts(entries, 1) AS place,
            try_cast(unnest(entries) AS DOUBLE) AS samples
        FROM ({head}, {entries} AS entries {events} AND {attribute} LIKE '[%')
    ) WHERE place <= {MOST_ENTRIES} AND samples BETWEEN 1 AND {MOST_SAMPLES} AND samples = floor(samples)
    """


# What is no JSON is none: nothing may keep a batch from being stored.
_JSON = "CASE WHEN json_valid(attributes) THEN attributes END"
_BITS = "value::BIT::BIGINT"
BIN_SQL = (
    f"CASE WHEN value >= 0 THEN {_BITS} >> {BIN_SHIFT}"
    f" ELSE -1 - (({_BITS} & {(1 << 63) - 1}) >> {BIN_SHIFT}) END::INTEGER"
)
_FIELD_NO = (
    f"CASE field {' '.join(f'WHEN {sampled.field!r} THEN {no}' for no, sampled in enumerate(DISTRIBUTIONS))} END"
)
# Games below 2^20, fields below 2^3, days within 2^22, bins within 2^18.
_KEY = (
    f"((game_id::BIGINT * 8 + {_FIELD_NO}) * 4194304 + (day - DATE '1970-01-01') + 2097152) * {_SIGN_BITS}"
    f" + bin + {_SIGN_BITS // 2}"
)

_ADD = f"""
    INSERT INTO value_bins ({BIN_COLUMN_LIST}) {bin_facts("batch_value_counts")}
    ON CONFLICT (value_bin_no) DO UPDATE SET samples = value_bins.samples + excluded.samples,
        value_sum = value_bins.value_sum + excluded.value_sum
"""

_READ = ["game_id", "day", "category", "value", "attributes"]


_COMPACTED = """
    CREATE OR REPLACE TEMP TABLE compacted AS
    SELECT game_id, day, field, bin, value, sum(samples)::BIGINT AS samples
    FROM value_counts WHERE day = $day GROUP BY game_id, day, field, bin, value
"""


class Compaction:
    """Which days have got so many rows that adding up those of the same number is worth it.

    A batch adds rows and looks for none. Once a day has got as many as it had after the last time, and at least
    `least`, its rows are added up and put in order: so each is written a few times at most, and few small batches'
    rows are ever read for a number. What is known is lost with the process: then a few rows more are left.
    """

    def __init__(self, least: int = 8192) -> None:
        self._least = least
        self._added: dict[dt.date, int] = {}
        self._kept: dict[dt.date, int] = {}

    def due(self, counts: pa.Table) -> Sequence[dt.date]:
        """The days that are due, now that these rows were added."""
        found = {each["values"]: each["counts"] for each in counts["day"].value_counts().to_pylist()}
        for day, count in found.items():
            self._added[day] = self._added.get(day, 0) + count
        return [day for day in found if self._added[day] >= max(self._least, self._kept.get(day, 0))]

    def compact(self, transaction: Transaction, day: dt.date) -> None:
        """Leave one row of each number."""
        transaction.write(_COMPACTED, {"day": day})
        transaction.write("DELETE FROM value_counts WHERE day = $day", {"day": day})
        transaction.write(
            f"INSERT INTO value_counts ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM compacted ORDER BY value"
        )
        self._kept[day] = transaction.read("SELECT count(*) AS rows FROM compacted")["rows"][0].as_py()
        transaction.write("DROP TABLE compacted")
        del self._added[day]


def update(transaction: Transaction, events: pa.Table, compaction: Compaction) -> None:
    """Add the events of a batch, each with its `day`.

    A number has a row for each batch that brought it, until its day is compacted.
    """
    categories = set(events["category"].unique().to_pylist())
    kinds = [sampled for sampled in DISTRIBUTIONS if sampled.category in categories]
    if not kinds:
        return
    wanted = pa.array(sorted({sampled.category for sampled in kinds}))
    transaction.register("batch_numbers", events.select(_READ).filter(pc.is_in(events["category"], wanted)))
    counts = transaction.read(facts("batch_numbers", kinds=kinds))
    # In order, so that few groups of rows are read for a bin.
    transaction.register("batch_value_counts", counts.take(np.argsort(counts["value"].to_numpy())))
    transaction.write(f"INSERT INTO value_counts ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM batch_value_counts")
    transaction.write(_ADD)
    for day in compaction.due(counts):
        compaction.compact(transaction, day)
