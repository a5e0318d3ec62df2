"""Pages of rows that have a time and a number, the newest first."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.engine.functions import epoch_us
from questlog.analytics.question.paging import mark_of, place_of


def newest(rows: ir.Table, time: str, number: str, after: str | None, limit: int) -> ir.Table:
    """The newest rows, of those that follow the mark, and one more, which says that there is a next page.

    Raises `InvalidQuery` for a text that is no mark.
    """
    if after is not None:
        last_us, last_number = place_of(after, 2)
        time_us = epoch_us(rows[time])
        is_same_time = (time_us == last_us) & (rows[number] < last_number)
        rows = rows.filter((time_us < last_us) | is_same_time)
    return rows.order_by(ibis.desc(time), ibis.desc(number)).limit(limit + 1)


def page(rows: pa.Table, time: str, number: str, limit: int) -> tuple[pa.Table, str | None]:
    """What `newest` found without the row too many, and the mark of the next page, None for the last one."""
    if rows.num_rows <= limit:
        return rows, None
    rows = rows.slice(0, limit)
    last_us = pc.cast(pc.cast(rows[time], pa.timestamp("us")), pa.int64())[-1].as_py()
    return rows, mark_of(last_us, rows[number][-1].as_py())


def page_of_players(rows: pa.Table, limit: int) -> tuple[pa.Table, str | None]:
    """The same of a list of players by their number, without the column `player_no`. A page of 0 rows has no next."""
    listed = rows.slice(0, limit).drop_columns("player_no")
    if rows.num_rows <= limit or limit == 0:
        return listed, None
    return listed, mark_of(rows["player_no"][limit - 1].as_py())
