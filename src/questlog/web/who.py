"""Addresses of the players behind a number: from any number on a page, one click leads to who it counts."""

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from questlog.analytics.analyses.member_cells import PLAYER_QUANTITIES, Cell, MetricCell
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.question.query import Query
from questlog.analytics.selection.cardinality import OTHER
from questlog.web.view import View

_MOST_POINTS = 400
"""Of a series that has an address for each point."""


def who_url(view: View, cell: Cell) -> str:
    """The page with the players of a cell."""
    text = msgspec.json.encode(_pruned(msgspec.to_builtins(cell))).decode()
    return f"/games/{view.game.game_id}/who?{urllib.parse.urlencode({'of': text})}"


def player_url(view: View, player_id: str) -> str:
    """The page of a player, without the filters of the report that leads there."""
    return view.url("player", conditions=(), nested=None, segment="", own={"id": player_id})


def counts_players(metric: str) -> bool:
    """Whether a metric counts players who can be listed."""
    found = CATALOGUE.get(metric)
    return found is not None and len(found.measures) == 1 and found.measures[0].quantity in PLAYER_QUANTITIES


def who_of_metric(
    view: View, question: Query, metric: str, bucket: str | None = None, group: Sequence[Any] = ()
) -> str | None:
    """Who a metric counts in a bucket and group of a question; None where that cannot be said."""
    if not counts_players(metric) or OTHER in group:
        return None
    plain = msgspec.structs.replace(question, metrics=(metric,), compare=None, top=None, totals=False, intervals=False)
    return who_url(view, MetricCell(plain, metric, bucket, tuple(group)))


def add_who(spec: dict[str, Any], view: View, questions: Mapping[str, msgspec.Struct]) -> None:
    """Give each point of a chart over time the address of the players that it counts."""
    asked = [question for question in questions.values() if isinstance(question, Query)]
    if len(asked) != len(questions) or not 0 < len(spec.get("x", ())) <= _MOST_POINTS:
        return
    for series in spec["series"]:
        if series.get("compared"):
            continue
        for question in asked:
            if not question.group_by and series["key"] in question.metrics:
                metric, group = str(series["key"]), []
            elif len(question.group_by) == 1 and len(question.metrics) == 1 and series.get("is_data"):
                metric, group = question.metrics[0], [series["key"]]
            else:
                continue
            if counts_players(metric) and OTHER not in group:
                who = [
                    who_of_metric(view, question, metric, bucket, group) if value else None
                    for bucket, value in zip(spec["x"], series["values"], strict=True)
                ]
                series["link"] = {**series.get("link", {}), "who": who}


def _pruned(value: Any) -> Any:
    """JSON without what says nothing: fields that are null or an empty list are so by default."""
    if isinstance(value, Mapping):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None and inner not in ((), [])}
    return [_pruned(each) for each in value] if isinstance(value, list | tuple) else value
