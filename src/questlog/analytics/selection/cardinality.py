"""Limits of how many values a field may have on a day (metrics.md §6): further ones are shown as `(other)`.

Values rank by when they first arrived for their day. Only groups are capped: filters see every value.
"""

from collections.abc import Collection, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn, Warned
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.query import Period
from questlog.analytics.selection.dimensions import dimension_column
from questlog.store.fields import COLUMN_FIELDS, ID_PARTS

OTHER = "(other)"

_CATEGORIES = {part.name: part.category for part in ID_PARTS}
_PARTS_ELSEWHERE = {
    "item_type": ("business_item_type", "resource_item_type"),
    "item_id": ("business_item_id", "resource_item_id"),
    "resource_currency": ("resource_currency",),
    "event_id": ("design_event_id",),
}
_FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    **{field: (field,) for field in (*COLUMN_FIELDS, "progression_01", "progression_02", "progression_03")},
    **_PARTS_ELSEWHERE,
}
"""The fields that each dimension shows."""

_DAY_COLUMN = "capped:day"
_COLUMNS = (
    AnswerColumn("day", "", "day of the game's time zone"),
    AnswerColumn("field", "", "a column of events, or a part of their ids"),
    AnswerColumn("limit", "values", "number of values of the field that a day can show"),
    AnswerColumn("values", "values", "number of values of the day"),
    AnswerColumn("first_over", "", "the value that arrived first above the limit"),
)

Limits = tuple[tuple[str, int], ...]
"""Fields and the most values that are shown of each for a day."""


class Cardinality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields with more values than their limit: a row for each field and day of the period."""

    period: Period


class CardinalityCap(msgspec.Struct, frozen=True):
    """A dimension that has values above a field's limit on days of the period.

    With a `category`, the field is of events of that category only.
    """

    dimension: str
    field: str
    limit: int
    period: Period
    category: str | None = None


def answer(question: Cardinality, context: Context) -> Answer:
    """The days and fields, the latest day first. Raises `InvalidQuery` and `QueryAborted`."""
    question.period.check()
    found = context.run(_over, context.game_id, _limits(context, context.limits), question.period)
    found = found.sort_by([("day", "descending"), ("field", "ascending")])
    return Answer(found.select([column.name for column in _COLUMNS]), _COLUMNS, data_version=context.data_version)


def fields_of(dimension: str) -> tuple[str, ...]:
    """The fields of `field_values` whose values a dimension shows, if it is one of them."""
    return _FIELDS_OF.get(dimension, ())


def capped_dimensions(context: Context, names: Collection[str], period: Period) -> tuple[CardinalityCap, ...]:
    """Those of the dimensions that have to be capped: mostly none, which a small question finds out."""
    dimensions = {field: name for name in sorted(names) for field in _FIELDS_OF.get(name, ())}
    limits = _limits(context, dimensions)
    if not limits:
        return ()
    over = _fields_over_in(context, limits, period)
    return tuple(
        CardinalityCap(dimensions[field], field, limit, period, _CATEGORIES.get(field))
        for field, limit in limits
        if field in over
    )


def id_dimensions(category: str) -> Mapping[str, int | None]:
    """The dimensions with a limit that are a part of the ids of a category's events: its place, None for the whole."""
    parts = {part.name: part.place for part in ID_PARTS if part.category == category}
    return {name: parts[field] for name, fields in _FIELDS_OF.items() for field in fields if field in parts}


def with_shown(rows: ir.Table, capped: Collection[CardinalityCap], game_id: int, day: ir.DateValue) -> ir.Table:
    """Rows with a column of what is shown of each of these dimensions: `(other)` above the limit on its day.

    `rows` have the dimensions' columns, and `category` where it tells what a field is of; `day` is its local day.
    """
    if not capped:
        return rows
    names = sorted({each.dimension for each in capped})
    rows = rows.mutate(**{_DAY_COLUMN: day}, **{_shown_column(name): rows[dimension_column(name)] for name in names})
    for each in capped:
        above = _ranked(game_id, ((each.field, each.limit),), each.period)
        above = above.filter(above.place >= each.limit)
        above = above.select(**{"above:day": above.day, "above:value": above.value})
        shown = rows[_shown_column(each.dimension)]
        is_same = [rows[_DAY_COLUMN] == above["above:day"], shown == above["above:value"]]
        if each.category is not None and "category" in rows.columns:
            is_same.append(rows.category == each.category)
        rows = rows.left_join(above, is_same)
        shown = rows["above:value"].notnull().ifelse(OTHER, rows[_shown_column(each.dimension)])
        rows = rows.mutate(**{_shown_column(each.dimension): shown}).drop("above:day", "above:value")
    return rows.drop(_DAY_COLUMN)


def shown(rows: ir.Table, dimension: str) -> ir.Value:
    """The dimension as it is shown; its value where it is not capped. Zero and minus zero are one value."""
    column = _shown_column(dimension)
    value = rows[column if column in rows.columns else dimension_column(dimension)]
    return (value == 0).ifelse(0.0, value) if isinstance(value, ir.FloatingValue) else value


def standing(rows: ir.Table, capped: Collection[CardinalityCap], game_id: int, day: ir.DateValue) -> ir.Table:
    """The rows whose values of these dimensions are shown on their day: see `with_shown`."""
    rows = with_shown(rows, capped, game_id, day)
    for name in sorted({each.dimension for each in capped}):
        rows = rows.filter(is_standing(shown(rows, name)))
    return rows


def is_standing(shown: ir.StringValue) -> ir.BooleanValue:
    """Whether what is shown is a value of its own, or none."""
    return (shown != OTHER).fill_null(True)


def _shown_column(dimension: str) -> str:
    return f"shown:{dimension}"


def warnings(context: Context, capped: Collection[CardinalityCap]) -> tuple[Warned, ...]:
    """What to tell of each field: on how many days, and of the first of them the value and how many."""
    found = [(each, context.run(_over, context.game_id, ((each.field, each.limit),), each.period)) for each in capped]
    return tuple(Warned(each.dimension, _told(each, days.sort_by("day").to_pylist())) for each, days in found)


def _told(capped: CardinalityCap, days: Sequence[Mapping[str, object]]) -> str:
    first = days[0]
    others = f", and on {len(days) - 1} more day{'s' if len(days) > 2 else ''}" if len(days) > 1 else ""
    return (
        f"{capped.field} has {first['values']} values on {first['day']}{others}; the limit is {capped.limit} a day, and"
        f" the first above it was {str(first['first_over'])[:100]!r}: those above it are shown as {OTHER}"
    )


def _fields_over_in(context: Context, limits: Limits, period: Period) -> frozenset[str]:
    """The fields that are above their limit on any day."""
    return frozenset(context.run_once(_fields_over, context.game_id, limits, period)["field"].to_pylist())


def _limits(context: Context, fields: Collection[str]) -> Limits:
    return tuple(sorted((field, limit) for field, limit in context.limits.items() if field in fields))


def _values(game_id: int, limits: Limits, period: Period) -> ir.Table:
    values = tables.field_values
    return values.filter(
        values.game_id == game_id,
        values.field.isin([field for field, _ in limits]),
        values.day.between(period.start, period.end),
    )


def _limit(field: ir.StringColumn, limits: Limits) -> ir.IntegerValue:
    cases = [(field == name, ibis.literal(limit, "int64")) for name, limit in limits]
    return ibis.cases(*cases, else_=ibis.null("int64"))


def _fields_over(game_id: int, limits: Limits, period: Period) -> ir.Table:
    values = _values(game_id, limits, period)
    days = values.group_by("field", "day").aggregate(values=values.count())
    return days.filter(days["values"] > _limit(days.field, limits)).select("field").distinct()


def _ranked(game_id: int, limits: Limits, period: Period) -> ir.Table:
    """The values with their `place` among the day's of their field, from 0."""
    values = _values(game_id, limits, period)
    order = ibis.window(group_by=["field", "day"], order_by=["row_no", "value"])
    return values.mutate(place=ibis.row_number().over(order))


def _over(game_id: int, limits: Limits, period: Period) -> ir.Table:
    if not limits:
        limits = (("", 0),)
    ranked = _ranked(game_id, limits, period)
    ranked = ranked.mutate(limit=_limit(ranked.field, limits))
    first = ranked.place == ranked["limit"]
    days = ranked.group_by("day", "field", "limit").aggregate(
        values=ranked.count(), first_over=ranked.value.max(where=first)
    )
    return days.filter(days["values"] > days["limit"])


ANALYSIS = Analysis(
    "cardinality",
    Cardinality,
    answer,
    "Fields with more values on a day than their limit, and the first value above it.",
    page="guides/cardinality.md",
    examples=(Example("Fields with too many values in January", {"period": JANUARY}),),
)
