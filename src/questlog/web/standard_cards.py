"""Cards that many pages have: figures of the period, metrics over time, the greatest values of a dimension."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Granularity, Query
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import figures, time_series
from questlog.web.questions import point_length
from questlog.web.tables import Link, drawn, table_of
from questlog.web.titles import title_of
from questlog.web.translations import mark
from questlog.web.view import View

OTHER = "(other)"


def figures_card(name: str, metrics: Sequence[str], pages: Mapping[str, str] | None = None, **more: Any) -> Card:
    """The metrics of the whole period, each with its change and its course; `pages` are where each is in full."""

    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "figures": Query(
                metrics=tuple(metrics),
                period=view.period,
                granularity=point_length(view, Granularity.DAY),
                filter=view.filter,
                compare=view.compare,
                totals=True,
            )
        }

    def draw(asked: Asked) -> Drawing:
        found = figures(asked, metrics, "figures", pages)
        return Drawing("cards/figures.html", {"figures": found}, is_empty=asked.answer.table.num_rows == 0)

    title = more.pop("title", mark("The period in numbers"))
    return Card(name, title, questions, draw, span=12, height=Height.FIGURES, **more)


def over_time(
    name: str,
    title: str,
    metrics: Sequence[str],
    kind: str = "line",
    *,
    compared: bool = False,
    shortest: Granularity = Granularity.HOUR,
    **more: Any,
) -> Card:
    """Metrics over the points of the period, with releases and notes; with `compared`, also of the compared period."""

    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "series": Query(
                metrics=tuple(metrics),
                period=view.period,
                granularity=point_length(view, shortest),
                filter=view.filter,
                compare=view.compare if compared else None,
            )
        }

    def draw(asked: Asked) -> Drawing:
        return time_series(asked, metrics=metrics, kind=kind)

    return Card(name, title, questions, draw, takes_marks=True, **more)


def by_dimension_over_time(name: str, title: str, metric: str, dimension: str, kind: str = "line", **more: Any) -> Card:
    """A metric over time, a line for each of the five greatest values of a dimension."""

    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "series": Query(
                metrics=(metric,),
                period=view.period,
                granularity=point_length(view, Granularity.DAY),
                group_by=(dimension,),
                filter=view.filter,
                top=5,
            )
        }

    def draw(asked: Asked) -> Drawing:
        return time_series(asked, metrics=(metric,), group=dimension, kind=kind)

    return Card(name, title, questions, draw, takes_marks=True, **more)


def top_values(name: str, title: str, dimension: str, metrics: Sequence[str], *, rows: int = 10, **more: Any) -> Card:
    """The values of a dimension that are greatest by the first metric; a row adds itself as a filter."""

    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "top": Query(
                metrics=tuple(metrics),
                period=view.period,
                granularity=Granularity.ALL,
                group_by=(dimension,),
                filter=view.filter,
                top=rows,
            )
        }

    def draw(asked: Asked) -> Drawing:
        column = dimension if dimension in asked.answer.table.column_names else f"by_{dimension}"
        table = table_of(
            _unset_last(asked.answer, column),
            asked.formats,
            asked.translate,
            links={column: adds_filter(asked.view, dimension, column)},
            bars=(metrics[0],),
            titles={"dau": mark("Players"), column: title_of(dimension)},
            unset=mark("(not set)"),
        )
        return drawn(table)

    more.setdefault("help", mark("A row adds itself as a filter."))
    return Card(name, title, questions, draw, **{"span": 4, **more})


def _unset_last(answer: Answer, column: str) -> Answer:
    """The row of events that have no value comes last: a game server's events, for example, are from no country."""
    rows = answer.table
    has_value = pc.is_valid(rows[column])
    ordered = pa.concat_tables([rows.filter(has_value), rows.filter(pc.invert(has_value))])
    return msgspec.structs.replace(answer, table=ordered)


def adds_filter(view: View, dimension: str, column: str) -> Link:
    """The link of a row's value: the view with that value as a filter."""
    return lambda row: None if row[column] in (None, OTHER) else view.adding(dimension, row[column])
