"""Progression: where players get stuck, and where they leave. For a designer: level by level, build against build."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from questlog.analytics.analyses.member_cells import LevelCell
from questlog.analytics.analyses.progression import Progression
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.reports import Report
from questlog.web.standard_cards import OTHER, figures_card, over_time
from questlog.web.tables import Link, drawn, table_of
from questlog.web.titles import title_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import who_url

_COLUMNS = (
    "level",
    "start_players",
    "complete_players",
    "completion_rate",
    "drop_off",
    "fail_rate",
    "attempts_to_complete",
    "time_to_complete_s",
    "starts",
    "fails",
    "completes",
)
_TITLES = {
    "level": mark("Level"),
    "start_players": mark("Players who started"),
    "complete_players": mark("Players who completed"),
    "completion_rate": mark("Completed"),
    "drop_off": mark("Left before the next"),
    "fail_rate": mark("Failed attempts"),
    "attempts_to_complete": mark("Attempts"),
    "time_to_complete_s": mark("Time to complete"),
}
_STATUSES = {"start_players": "Start", "complete_players": "Complete"}
_EMPTY = mark(
    "No progression event in this period. It takes events of the category progression, for example "
    "Start:world01:level01 and Complete:world01:level01."
)
DEPTHS: Final = (1, 2, 3)
GROUPS: Final = ("build", "platform", "country", "payer", "player_age")


def depth_of(view: View) -> int:
    """How many parts of an id make a level, as the address says."""
    text = view.own.get("depth", "")
    return int(text) if text in ("1", "2", "3") else DEPTHS[-1]


def group_of(view: View) -> str:
    """The dimension whose values are compared, as the address says."""
    group = view.own.get("group", GROUPS[0])
    return group if group in GROUPS else GROUPS[0]


def _levels(view: View) -> Mapping[str, msgspec.Struct]:
    return {"levels": Progression(view.period, depth=depth_of(view), filter=view.filter)}


def _draw_levels(asked: Asked) -> Drawing:
    question = Progression(asked.view.period, depth=depth_of(asked.view), filter=asked.view.filter)

    def who(status: str) -> Link:
        def link(row: Mapping[str, object]) -> str | None:
            level = row["level"]
            return who_url(asked.view, LevelCell(question, str(level), status)) if level not in (None, OTHER) else None

        return link

    table = table_of(
        asked.answer,
        asked.formats,
        asked.translate,
        columns=_COLUMNS,
        links={name: who(status) for name, status in _STATUSES.items()},
        bars=("start_players", "drop_off", "fail_rate"),
        titles=_TITLES,
    )
    return drawn(table)


def _by_group(view: View) -> Mapping[str, msgspec.Struct]:
    return {
        "levels": Progression(view.period, depth=depth_of(view), group_by=(group_of(view),), top=5, filter=view.filter)
    }


def _draw_by_group(asked: Asked) -> Drawing:
    """A row for each level, a column for each value of the dimension: the share who completed it."""
    group = group_of(asked.view)
    rows = asked.answer.table.to_pylist()
    column = group if group in asked.answer.table.column_names else f"by_{group}"
    values = list(dict.fromkeys(row[column] for row in rows))
    levels: dict[str, dict[object, Mapping[str, Any]]] = {}
    for row in rows:
        levels.setdefault(row["level"], {})[row[column]] = row
    shown = [(level, [_rate(asked, of.get(value)) for value in values]) for level, of in levels.items()]
    names = ["–" if value is None else str(value) for value in values]
    return Drawing("cards/levels_by_group.html", {"names": names, "levels": shown}, is_empty=not rows)


def _rate(asked: Asked, row: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """The text, the value and what is behind it."""
    if row is None or row["completion_rate"] is None:
        return "–", "", ""
    said = asked.translate(mark("{completes} of {starts} starts")).format(
        completes=asked.formats.number(row["completes"]), starts=asked.formats.number(row["starts"])
    )
    return asked.formats.share(row["completion_rate"]), str(row["completion_rate"]), said


def _values(view: View) -> Mapping[str, Any]:
    return {
        "depth": depth_of(view),
        "depths": DEPTHS,
        "group": group_of(view),
        "groups": [(each, title_of(each)) for each in GROUPS],
    }


REPORT = Report(
    "progression",
    "Where do players get stuck, and where do they leave?",
    (
        figures_card(
            "progression.figures",
            ("progression_players", "starts", "completes", "fails", "completion_rate", "fail_rate"),
        ),
        Card(
            "progression.levels",
            mark("Levels"),
            _levels,
            _draw_levels,
            span=12,
            height=Height.TALL,
            help=mark("In natural order. A number of players leads to them; a high share who left is a wall."),
            empty=_EMPTY,
        ),
        Card(
            "progression.by_group",
            mark("Completed, side by side"),
            _by_group,
            _draw_by_group,
            span=12,
            height=Height.TALL,
            help=mark("The share of starts that were completed, for the most frequent values of a dimension."),
            empty=_EMPTY,
        ),
        over_time(
            "progression.course", mark("Starts, fails and completes"), ("starts", "fails", "completes"), empty=_EMPTY
        ),
        over_time(
            "progression.rates", mark("Completion and fail rate"), ("completion_rate", "fail_rate"), empty=_EMPTY
        ),
    ),
    template="progression.html",
    values=_values,
)
