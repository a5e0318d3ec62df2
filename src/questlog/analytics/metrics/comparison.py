"""The previous period beside this one: the first bucket beside the first, and so on."""

import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.metrics.series import PREVIOUS, Shape
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import buckets, start_type


def beside(shape: Shape, rows: pa.Table) -> pa.Table:
    """The previous period's rows with the buckets of this one; those that have no counterpart are left out."""
    names = [name if name in shape.keys else f"{PREVIOUS}{name}" for name in rows.column_names]
    rows = rows.rename_columns(names)
    if shape.granularity is Granularity.ALL or shape.previous is None:
        return rows
    kind = start_type(shape.granularity)
    before, now = (
        pa.array([bucket.start for bucket in buckets(period, shape.granularity)], kind)
        for period in (shape.previous, shape.period)
    )
    places = pc.index_in(rows["bucket"], value_set=before)
    has_counterpart = pc.fill_null(pc.less(places, len(now)), False)
    starts = now.take(places.filter(has_counterpart).combine_chunks())
    rows = rows.filter(has_counterpart)
    return rows.set_column(rows.column_names.index("bucket"), "bucket", starts)
