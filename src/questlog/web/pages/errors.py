"""Errors: what goes wrong, since which build, and for whom; and one error with its samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from questlog.analytics.analyses.error_groups import ErrorGroups
from questlog.analytics.analyses.error_samples import ErrorSamples
from questlog.analytics.analyses.member_cells import ErrorCell
from questlog.analytics.question.paging import known_mark, row_after
from questlog.analytics.question.query import AllOf, Condition, Filter, Granularity, Operator, Query
from questlog.analytics.selection.dimensions import FINGERPRINT
from questlog.console.access import Right
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import time_series
from questlog.web.raw_events import RawEvent, raw_events
from questlog.web.reports import Report
from questlog.web.standard_cards import adds_filter, figures_card
from questlog.web.tables import Cell, Column, drawn, table_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import player_url, who_url

_FIGURES = ("errors", "error_players", "errors_per_player", "sdk_errors")
_GROUPS_A_PAGE = 50
_GROUP, _WHICH, _FIRST_BUILD, _AFTER = "group", "which", "since", "skip"
_CHOICES = {"new": True, "old": False}


# ---------------------------------------------------------------------------------------------------------- all errors


def _trend_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {
        "trend": Query(
            metrics=("errors", "error_players"),
            period=view.period,
            granularity=view.granularity,
            filter=_only(view),
            compare=view.compare,
        )
    }


def _severity_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {
        "severity": Query(
            metrics=("errors",),
            period=view.period,
            granularity=view.granularity,
            group_by=("severity",),
            filter=_only(view),
            top=5,
        )
    }


def _groups_question(view: View) -> ErrorGroups:
    return ErrorGroups(
        period=view.period,
        is_new=_CHOICES.get(view.own.get(_WHICH, "")),
        first_build=view.own.get(_FIRST_BUILD) or None,
        filter=view.filter,
        limit=_GROUPS_A_PAGE,
        after=known_mark(view.own.get(_AFTER, ""), 1),
        compare=view.compare,
    )


def _draw_groups(asked: Asked) -> Drawing:
    view, answer = asked.view, asked.answer
    people = msgspec.structs.replace(_groups_question(view), limit=1, after=None, compare=None)
    links = {
        "message": lambda row: error_url(view, str(row["fingerprint"])),
        "players": lambda row: who_url(view, ErrorCell(people, str(row["fingerprint"]))),
        "first_build": lambda row: view.with_own(since=str(row["first_build"])) if row["first_build"] else None,
    }
    compared = ("previous_events",) if view.compared else ()
    columns = (
        "message",
        "severity",
        "is_new",
        "first_build",
        "first_seen",
        "last_seen",
        "events",
        *compared,
        "players",
    )
    titles = {
        "is_new": mark("New"),
        "first_build": mark("First build"),
        "first_seen": mark("First seen"),
        "last_seen": mark("Last seen"),
        "previous_events": mark("Before"),
    }
    table = table_of(
        answer, asked.formats, asked.translate, columns=columns, links=links, bars=("events",), titles=titles
    )
    new = asked.translate(mark("new"))
    table = table._replace(totals=None, rows=[_with_new(row, table.columns, new) for row in table.rows])
    [totals] = answer.totals.to_pylist() if answer.totals is not None else [{"groups": 0, "new_groups": 0}]
    after = _groups_question(view).after
    shown = row_after(after) + len(table.rows)
    values = {
        "table": table,
        "totals": totals,
        "shown": shown,
        "which": view.own.get(_WHICH, ""),
        "since": view.own.get(_FIRST_BUILD, ""),
        "choices": [
            (text, label, view.with_own(which=text or None, skip=None))
            for text, label in (("", mark("All")), ("new", mark("New in this period")), ("old", mark("Known before")))
        ],
        "any_build": view.with_own(since=None, skip=None),
        "next_url": view.with_own(skip=answer.next) if answer.next else None,
        "first_url": view.with_own(skip=None) if after else None,
    }
    return Drawing("errors/groups.html", values, is_empty=not table.rows and not view.own)


def _with_new(row: Sequence[Cell], columns: Sequence[Column], new: str) -> Sequence[Cell]:
    """A word for what is new, and nothing for what is not."""
    return [
        cell._replace(text=new if cell.value == "True" else "") if column.name == "is_new" else cell
        for cell, column in zip(row, columns, strict=True)
    ]


# ----------------------------------------------------------------------------------------------- tables by a dimension


def _by_questions(dimension: str) -> Any:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "by": Query(
                metrics=("errors", "error_players"),
                period=view.period,
                granularity=Granularity.ALL,
                group_by=(dimension,),
                filter=_only(view),
                top=15,
            )
        }

    return questions


def _draw_by(dimension: str) -> Any:
    def draw(asked: Asked) -> Drawing:
        links = {dimension: adds_filter(asked.view, dimension, dimension)}
        table = table_of(asked.answer, asked.formats, asked.translate, links=links, bars=("errors",))
        return drawn(table)

    return draw


def _by(page: str, dimension: str, title: str) -> Card:
    return Card(
        f"{page}.{dimension}",
        title,
        _by_questions(dimension),
        _draw_by(dimension),
        span=4,
        help=mark("A row adds itself as a filter."),
        empty=mark("No error in this period."),
    )


# ----------------------------------------------------------------------------------------------------------- one error


def error_url(view: View, fingerprint: str) -> str:
    """The page of one error group."""
    return view.url("error", own={_GROUP: fingerprint})


def _only(view: View) -> Filter | None:
    """The view's filter; on the page of one error, of that error alone."""
    group = view.own.get(_GROUP) if view.page == "error" else None
    if group is None:
        return view.filter
    is_it = Condition(FINGERPRINT, Operator.IS, (group[:4_096],))
    return is_it if view.filter is None else AllOf((is_it, view.filter))


def _one_question(view: View) -> ErrorGroups:
    return ErrorGroups(period=view.period, filter=_only(view), limit=1, compare=view.compare)


def _draw_one(asked: Asked) -> Drawing:
    rows = asked.answer.table.to_pylist()
    if not rows:
        return Drawing("errors/one.html", {}, is_empty=True)
    people = ErrorGroups(period=asked.view.period, filter=asked.view.filter, limit=1)
    who = who_url(asked.view, ErrorCell(people, rows[0]["fingerprint"]))
    return Drawing("errors/one.html", {"row": rows[0], "who": who})


def _samples_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {"samples": ErrorSamples(view.own.get(_GROUP, "")[:4_096], view.period, view.filter, limit=25)}


def _draw_samples(asked: Asked) -> Drawing:
    events: list[RawEvent] = raw_events(asked.answer, asked.formats, asked.view)
    urls = {event.player_id: player_url(asked.view, event.player_id) for event in events if event.player_id}
    return Drawing("errors/samples.html", {"events": events, "player_urls": urls}, is_empty=not events)


REPORT = Report(
    "errors",
    "What goes wrong, since which build, and for whom?",
    (
        figures_card("errors.figures", _FIGURES),
        Card(
            "errors.trend",
            mark("Errors over time"),
            _trend_questions,
            lambda asked: time_series(asked, metrics=("errors", "error_players")),
            takes_marks=True,
            empty=mark("No error in this period."),
        ),
        Card(
            "errors.severity",
            mark("By severity"),
            _severity_questions,
            lambda asked: time_series(asked, metrics=("errors",), kind="stacked", group="severity"),
            takes_marks=True,
            empty=mark("No error in this period."),
        ),
        Card(
            "errors.groups",
            mark("Groups of errors"),
            lambda view: {"groups": _groups_question(view)},
            _draw_groups,
            span=12,
            help=mark("Messages that differ in numbers, addresses and ids only are one group."),
            empty=mark(
                "No error in this period. Errors are events of the category `error`, or errors that an SDK reports."
            ),
        ),
        _by("errors", "build", mark("Builds")),
        _by("errors", "device", mark("Devices")),
        _by("errors", "os_version", mark("Systems")),
    ),
)

ONE_ERROR = Report(
    "error",
    "Since when, where and for whom does this error happen?",
    (
        Card(
            "error.summary", mark("This error"), lambda view: {"error": _one_question(view)}, _draw_one, 12, Height.LOW
        ),
        Card(
            "error.trend",
            mark("Over time"),
            _trend_questions,
            lambda asked: time_series(asked, metrics=("errors", "error_players")),
            span=12,
            takes_marks=True,
            empty=mark("No such error in this period."),
        ),
        _by("error", "build", mark("Builds")),
        _by("error", "device", mark("Devices")),
        _by("error", "os_version", mark("Systems")),
        Card(
            "error.samples",
            mark("Samples"),
            _samples_questions,
            _draw_samples,
            span=12,
            height=Height.TALL,
            help=mark("The latest ones, with everything that was sent."),
            right=Right.PERSONAL_DATA,
            empty=mark("No such error in this period."),
        ),
    ),
    template="errors/error.html",
)
