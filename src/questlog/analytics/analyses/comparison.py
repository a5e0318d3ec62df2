"""A question's answer compared with that of another period: one way for every analysis that has rows with keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context, StandingGroups
from questlog.analytics.metrics.significance import compared_with_previous
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import start_type
from questlog.analytics.selection.groups import group_codes
from questlog.analytics.selection.selection import select, zone_asked

PREVIOUS = "previous_"


def answered(analysis: Analysis, question: msgspec.Struct, context: Context) -> Answer:
    """The analysis's answer; with `compare`, together with that of the period to compare with.

    Raises `InvalidQuery`, `QueryAborted`.
    """
    if not analysis.keys or getattr(question, "compare", None) is None:
        return analysis.answer(question, context)
    return _compared(analysis, question, context)


def _compared(analysis: Analysis, question: Any, context: Context) -> Answer:
    """Rows of both periods that have the same keys: this period's columns, then those of the one to compare with.

    The groups that are not `(other)` are this period's. Rows that only the other period has come last.
    """
    context = msgspec.structs.replace(context, standing_groups=StandingGroups(are_kept=True))
    now = analysis.answer(msgspec.structs.replace(question, compare=None), context)
    compared = question.period.compared(question.compare)
    before_question = msgspec.structs.replace(question, compare=None, period=compared, **_all_rows(question))
    before = analysis.answer(before_question, context)
    keys = [name for name in now.table.column_names if name in (*analysis.keys, *_groups(question))]
    table = _beside(now.table, _aligned(before.table, question, compared, context), keys, is_cut=_is_cut(question))
    totals = now.totals
    if totals is not None and before.totals is not None:
        totals = _beside(totals, before.totals, [name for name in totals.column_names if name in keys])
    columns = {column.name: column for column in now.columns}
    told = [_column(name, columns) for name in table.column_names]
    warnings = tuple(dict.fromkeys((*now.warnings, *before.warnings)))
    compared_answer = msgspec.structs.replace(now, table=table, totals=totals, columns=told, warnings=warnings)
    return compared_with_previous(compared_answer)


def _all_rows(question: Any) -> Mapping[str, Any]:
    """What is changed so that the previous period has every row that this one has."""
    return {"items": None} if _is_cut(question) else {}


def _is_cut(question: Any) -> bool:
    """Whether only the greatest items are shown (`Economy`): other items of the previous period do not matter."""
    return getattr(question, "items", None) is not None


def _groups(question: Any) -> Sequence[str]:
    """The names that columns of groups can have."""
    names = question.group_by
    return ["group", *names, *(f"by_{name}" for name in names)]


def _aligned(rows: pa.Table, question: Any, compared: Period, context: Context) -> pa.Table:
    """The other period's rows with the buckets of this one, by their order; without those that have no counterpart."""
    granularity = getattr(question, "granularity", Granularity.ALL)
    name = next((each for each in ("bucket", "cohort") if each in rows.column_names), None)
    if name is None or granularity is Granularity.ALL:
        return rows
    zone = zone_asked(getattr(question, "time_zone", None), context)
    periods = [select(context, period, zone=zone).days for period in (compared, question.period)]
    before, now = (
        pa.array([bucket.start for bucket in days.buckets(granularity)], start_type(granularity)) for days in periods
    )
    places = pc.index_in(rows[name].cast(before.type), value_set=before)
    has_counterpart = pc.fill_null(pc.less(places, len(now)), False)
    rows = rows.filter(has_counterpart)
    starts = now.take(places.filter(has_counterpart).combine_chunks())
    return rows.set_column(rows.column_names.index(name), name, starts.cast(rows[name].type))


def _beside(now: pa.Table, before: pa.Table, keys: Sequence[str], *, is_cut: bool = False) -> pa.Table:
    """Each row with the numbers of the previous row of the same keys; null is a value of a key."""
    now_keys, before_keys = _same_types(now.select(keys), before.select(keys))
    codes, _ = group_codes(pa.concat_tables([now_keys, before_keys]), keys)
    of_now, of_before = codes[: now.num_rows], codes[now.num_rows :]
    place = np.full(int(codes.max(initial=0)) + 1, -1)
    place[of_before] = np.arange(before.num_rows)
    is_new = np.isin(of_before, of_now, invert=True) & (not is_cut)
    found = pa.array(np.append(place[of_now], np.flatnonzero(is_new)))
    found = pc.if_else(pc.less(found, 0), pa.scalar(None, pa.int64()), found)
    whose = pc.filter(pa.array(np.arange(before.num_rows)), pa.array(is_new))
    columns = {}
    for name in now.column_names:
        if name in keys:
            columns[name] = pa.chunked_array([*now_keys[name].chunks, *before_keys[name].take(whose).chunks])
        else:
            columns[name] = pa.chunked_array([*now[name].chunks, pa.nulls(len(whose), now[name].type)])
        if name not in keys and _is_number(now[name].type):
            columns[f"{PREVIOUS}{name}"] = before[name].take(found)
    return pa.table(columns)


def _same_types(now: pa.Table, before: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Groups are texts in one period, and numbers in the other, where only one has a group `(other)`."""
    if now.schema.equals(before.schema):
        return now, before
    schema = pa.schema(
        [
            (name, kind if kind == before.schema.field(name).type else pa.string())
            for name, kind in zip(now.column_names, now.schema.types, strict=True)
        ]
    )
    return now.cast(schema), before.cast(schema)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _column(name: str, columns: Mapping[str, AnswerColumn]) -> AnswerColumn:
    if name in columns:
        return columns[name]
    of = columns[name.removeprefix(PREVIOUS)]
    definition = f"{of.name} of the period that is compared with, null where it has no such row: {of.definition}"
    return AnswerColumn(name, of.unit, definition)
