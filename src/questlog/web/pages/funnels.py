"""Funnels: where players quit between steps that one chooses. For an analyst."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.analyses.funnel import MAX_WINDOW_S, Exclusion, Funnel, Step, StepTimes, label
from questlog.analytics.analyses.funnel_attempts import Order
from questlog.analytics.analyses.funnel_rows import MAX_EXCLUSIONS, Unit
from questlog.analytics.analyses.funnel_ties import MAX_STEPS
from questlog.analytics.analyses.member_cells import FunnelCell
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.cardinality import OTHER
from questlog.console.access import Right
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import NO_CHART, chart, histogram_spec, time_series_spec
from questlog.web.event_words import step_of
from questlog.web.formats import NOTHING
from questlog.web.questions import point_length
from questlog.web.reports import Report
from questlog.web.tables import drawn, table_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import player_url, who_url

_UNITS_S = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_WINDOW = re.compile(r"([1-9]\d{0,7})\s*(s|min|h|d)")
_DEFAULT_WINDOW = "7d"
_MOST_GROUPS = 10
_MOST_LISTED = 100
_LIKELY = 0.05
"""A p-value from here on is no sign of a difference: the change is greyed."""

_NO_STEPS = mark("Choose at least two events above: the funnel shows how many players get from one to the next.")


class StepRow(NamedTuple):
    """A step of the form: its event, and conditions on it, as they are typed."""

    event: str = ""
    conditions: str = ""


class ExclusionRow(NamedTuple):
    """An exclusion of the form: its event, and the step after which it counts; empty: anywhere."""

    event: str = ""
    after: str = ""


class Wanted(NamedTuple):
    """What the address says of a funnel, as the form shows it; `problems` are what cannot be read."""

    rows: tuple[StepRow, ...]
    steps: tuple[Step, ...]
    exclusion_rows: tuple[ExclusionRow, ...]
    exclusions: tuple[Exclusion, ...]
    order: Order
    unit: Unit
    window: str
    window_s: int
    split: str
    dropped: int | None
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether there is something to ask."""
        return len(self.steps) >= 2


class ShownStep(NamedTuple):
    """A step as it is drawn. `width` is its share of the first step, `reached` and `lost` lead to the players."""

    place: int
    event: str
    number: str
    value: str
    width: float
    from_first: str
    from_previous: str
    interval: str
    median: str
    lost: str
    lost_share: str
    still_open: str
    is_largest_drop: bool
    is_slowest: bool
    before: str
    change: str
    tone: str
    significance: str
    is_chance: bool
    reached_url: str
    lost_url: str
    list_url: str


def wanted(view: View) -> Wanted:
    """The funnel that an address says."""
    own, problems = view.own, list[str]()
    rows = tuple(StepRow(own.get(f"step.{n}.e", ""), own.get(f"step.{n}.f", "")) for n in range(MAX_STEPS))
    rows = tuple(row for row in rows if row.event.strip())
    steps = []
    for row in rows:
        try:
            step = step_of(row.event, row.conditions)
        except ValueError as error:
            problems.append(f"{row.conditions[:100]}: {error}")
            step = step_of(row.event)
        steps += [] if step is None else [step]
    excluded = tuple(
        ExclusionRow(own.get(f"not.{n}.e", ""), own.get(f"not.{n}.after", "")) for n in range(MAX_EXCLUSIONS)
    )
    excluded = tuple(row for row in excluded if row.event.strip())
    exclusions = tuple(
        Exclusion(step, _place(row.after, len(steps) - 1))
        for row in excluded
        if (step := step_of(row.event)) is not None
    )
    window = own.get("window", _DEFAULT_WINDOW)
    window_s = window_s_of(window, MAX_WINDOW_S)
    if window_s is None:
        problems.append(f"a window is 30 s, 10 min, 2 h or 7 d, not {window[:40]!r}")
    return Wanted(
        rows=rows,
        steps=tuple(steps),
        exclusion_rows=excluded,
        exclusions=exclusions,
        order=_one_of(Order, own.get("order", ""), Order.ORDERED),
        unit=_one_of(Unit, own.get("count", ""), Unit.PLAYERS),
        window=window if window_s else _DEFAULT_WINDOW,
        window_s=window_s or 7 * 86_400,
        split=own.get("split", "").strip()[:256],
        dropped=_place(own.get("dropped", ""), len(steps) - 1),
        problems=tuple(problems),
    )


def funnel_of(view: View, **changes: Any) -> Funnel | None:
    """The question of a view; None while steps are missing."""
    of = wanted(view)
    if not of.is_whole:
        return None
    question = Funnel(
        steps=of.steps,
        period=view.period,
        window_s=of.window_s,
        order=of.order,
        count=of.unit,
        exclusions=of.exclusions,
        filter=view.filter,
    )
    return msgspec.structs.replace(question, **changes)


def _asks(name: str, question: Funnel | None) -> Mapping[str, msgspec.Struct]:
    return {} if question is None else {name: question}


def _steps_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return _asks("steps", funnel_of(view, intervals=True, compare=view.compare))


def _draw_steps(asked: Asked) -> Drawing:
    if not asked.answers:
        return Drawing("cards/funnel.html", {}, is_empty=True)
    rows = asked.answer.table.to_pylist()
    if not rows or not rows[0]["count"]:
        return Drawing("cards/text.html", {"text": mark("Nobody did the first step in this period.")})
    steps = _shown(asked, rows)
    table = table_of(asked.answer, asked.formats, asked.translate, columns=_COLUMNS, titles=_TITLES)
    overall = {
        "value": rows[-1]["from_first"],
        "text": asked.formats.share(rows[-1]["from_first"]),
        "before": asked.formats.share(rows[-1].get("previous_from_first")) if asked.view.compared else "",
        "unit": str(wanted(asked.view).unit),
    }
    return Drawing("cards/funnel.html", {"steps": steps, "table": table, "overall": overall})


_TITLES = {
    "step": mark("Step"),
    "event": mark("Event"),
    "count": mark("Reached"),
    "previous_count": mark("Reached before"),
    "from_previous": mark("From the step before"),
    "from_previous_low": mark("at least"),
    "from_previous_high": mark("at most"),
    "from_previous_denominator": mark("of"),
    "previous_from_previous": mark("From the step before, in the compared period"),
    "from_previous_p_value": mark("p-value"),
    "from_first": mark("From the first step"),
    "from_first_low": mark("at least"),
    "from_first_high": mark("at most"),
    "from_first_denominator": mark("of"),
    "median_from_previous_s": mark("Median time from the step before"),
    "median_from_first_s": mark("Median time from the first step"),
    "open": mark("Can still go on"),
    "low_s": mark("From"),
    "high_s": mark("To"),
    "started_at": mark("Began"),
    "reached_at": mark("Last step"),
    "player_id": mark("Player"),
    "session_id": mark("Session"),
}
_COLUMNS = (
    "step",
    "event",
    "count",
    "previous_count",
    "from_previous",
    "from_previous_low",
    "from_previous_high",
    "previous_from_previous",
    "from_previous_p_value",
    "from_first",
    "median_from_previous_s",
    "median_from_first_s",
    "open",
)


def _shown(asked: Asked, rows: list[dict[str, Any]]) -> list[ShownStep]:
    formats, view = asked.formats, asked.view
    shares = [row["from_previous"] for row in rows[1:] if row["from_previous"] is not None]
    times = [row["median_from_previous_s"] for row in rows[1:] if row["median_from_previous_s"] is not None]
    question = funnel_of(view)
    shown = []
    for place, row in enumerate(rows):
        following = rows[place + 1] if place + 1 < len(rows) else None
        lost = row["count"] - following["count"] if following else 0
        share, median = row["from_previous"], row["median_from_previous_s"]
        p_value = row.get("from_previous_p_value")
        is_chance = p_value is not None and p_value >= _LIKELY
        shown.append(
            ShownStep(
                place=place + 1,
                event=row["event"],
                number=formats.number(row["count"]),
                value=str(row["count"]),
                width=row["from_first"] or 0.0,
                from_first=formats.share(row["from_first"]),
                from_previous=formats.share(share) if place else "",
                interval=_interval(asked, row) if place else "",
                median=formats.duration(median) if median is not None else "",
                lost=formats.number(lost) if lost else "",
                lost_share=formats.share(lost / row["count"]) if lost else "",
                still_open=formats.number(row["open"]) if row["open"] and following else "",
                is_largest_drop=bool(place and len(shares) > 1 and share == min(shares)),
                is_slowest=bool(place and len(times) > 1 and median == max(times)),
                before=formats.share(row.get("previous_from_previous")) if place and view.compared else "",
                change=_points(asked, share, row.get("previous_from_previous")) if place else "",
                tone="even" if is_chance or p_value is None else _tone(share, row.get("previous_from_previous")),
                significance="" if p_value is None else _p_text(asked, p_value),
                is_chance=is_chance,
                reached_url=who_url(view, FunnelCell(question, place + 1)) if question else "",
                lost_url=who_url(view, FunnelCell(question, place + 1, dropped=True)) if question and lost else "",
                list_url=view.with_own(dropped=str(place + 1)) if lost else "",
            )
        )
    return shown


def _interval(asked: Asked, row: Mapping[str, Any]) -> str:
    low, high, of = (row.get(f"from_previous_{end}") for end in ("low", "high", "denominator"))
    if low is None or high is None:
        return ""
    said = asked.translate("{low} to {high} of {n}")
    return said.format(low=asked.formats.share(low), high=asked.formats.share(high), n=asked.formats.number(of))


def _points(asked: Asked, now: float | None, before: float | None) -> str:
    """The change of a share in percentage points."""
    if now is None or before is None:
        return ""
    points = (now - before) * 100
    sign = "+" if points >= 0 else "\N{MINUS SIGN}"
    return asked.translate("{points} points").format(points=f"{sign}{asked.formats.number(abs(round(points, 1)), 1)}")


def _tone(now: float | None, before: float | None) -> str:
    if now is None or before is None or now == before:
        return "even"
    return "good" if now > before else "bad"


def _p_text(asked: Asked, p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {asked.formats.number(round(p_value, 3), 3)}"


def _split_questions(view: View) -> Mapping[str, msgspec.Struct]:
    split = wanted(view).split
    return _asks("groups", funnel_of(view, group_by=(split,), top=_MOST_GROUPS, intervals=True) if split else None)


def _draw_split(asked: Asked) -> Drawing:
    if not asked.answers:
        return Drawing("cards/funnel_groups.html", {}, is_empty=True)
    answer, split = asked.answer, wanted(asked.view).split
    name = next(column.name for column in answer.columns if column.name not in _COLUMNS)
    last = len(wanted(asked.view).steps)
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in answer.table.to_pylist():
        groups.setdefault(row[name], []).append(row)
    shown = []
    for value, rows in groups.items():
        end = rows[last - 1]
        p_value = end.get("from_first_p_value")
        shown.append(
            {
                "name": NOTHING if value is None else str(value),
                "url": asked.view.adding(split, value) if value not in (None, OTHER) else None,
                "first": asked.formats.number(rows[0]["count"]),
                "shares": [
                    (asked.formats.share(row["from_first"]), row["from_first"] or 0.0, row["count"]) for row in rows[1:]
                ],
                "interval": (
                    asked.formats.share(end.get("from_first_low")),
                    asked.formats.share(end.get("from_first_high")),
                ),
                "significance": "" if p_value is None else _p_text(asked, p_value),
                "is_chance": p_value is None or p_value >= _LIKELY,
            }
        )
    steps = [label(step) for step in wanted(asked.view).steps[1:]]
    return Drawing("cards/funnel_groups.html", {"groups": shown, "steps": steps, "split": split}, is_empty=not shown)


def _trend_questions(view: View) -> Mapping[str, msgspec.Struct]:
    length = point_length(view, Granularity.DAY)
    return _asks("trend", funnel_of(view, granularity=length, intervals=True))


def _draw_trend(asked: Asked) -> Drawing:
    if not asked.answers:
        return NO_CHART
    answer, last = asked.answer, len(wanted(asked.view).steps)
    table = answer.table.filter([step == last for step in answer.table["step"].to_pylist()])
    ends = msgspec.structs.replace(answer, table=table, totals=None)
    spec = time_series_spec(asked, ends, metrics=("from_first",))
    spec["series"][0]["n"] = table["from_first_denominator"].to_pylist()
    columns = ("bucket", "count", "from_first", "from_first_low", "from_first_high", "from_first_denominator")
    shown = table_of(ends, asked.formats, asked.translate, columns=columns, titles=_TITLES)
    summary = asked.translate("Share of players who get to the last step, by the day they began.")
    return chart(spec, shown, summary, is_empty=not any(table["count"].to_pylist()))


def _times_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return _asks("times", funnel_of(view, times=StepTimes(bins=24)))


def _draw_times(asked: Asked) -> Drawing:
    if not asked.answers or not asked.answer.table.num_rows:
        return NO_CHART
    rows = [row for row in asked.answer.table.to_pylist() if row["low_s"] is not None and row["high_s"] is not None]
    spec = histogram_spec(rows, "s", str(wanted(asked.view).unit), ends=("low_s", "high_s"))
    table = table_of(asked.answer, asked.formats, asked.translate, bars=("count",), titles=_TITLES)
    summary = asked.translate("How long it took from the first step to the last.")
    return chart(spec, table, summary)


def _dropped_questions(view: View) -> Mapping[str, msgspec.Struct]:
    after = wanted(view).dropped
    return _asks("dropped", funnel_of(view, dropped_after=after, limit=_MOST_LISTED) if after else None)


def _draw_dropped(asked: Asked) -> Drawing:
    if not asked.answers:
        return Drawing("cards/table.html", {}, is_empty=True)
    links = {"player_id": lambda row: player_url(asked.view, str(row["player_id"]))}
    table = table_of(asked.answer, asked.formats, asked.translate, links=links, titles=_TITLES)
    return drawn(table)


REPORT = Report(
    "funnels",
    "Where do players quit?",
    (
        Card(
            "funnels.steps",
            mark("Steps"),
            _steps_questions,
            _draw_steps,
            span=12,
            height=Height.TALL,
            help=mark("A player counts with the attempt that gets furthest."),
            empty=_NO_STEPS,
        ),
        Card(
            "funnels.groups",
            mark("By group"),
            _split_questions,
            _draw_split,
            span=12,
            help=mark("Each group against all others; a difference that may be chance is grey."),
            empty=mark("Choose a dimension to split by, above."),
        ),
        Card(
            "funnels.trend",
            mark("Conversion over time"),
            _trend_questions,
            _draw_trend,
            help=mark("Share of those who began on that day and got to the last step."),
            empty=_NO_STEPS,
            takes_marks=True,
        ),
        Card(
            "funnels.times",
            mark("Time from the first step to the last"),
            _times_questions,
            _draw_times,
            empty=mark("Nobody got to the last step in this period."),
        ),
        Card(
            "funnels.dropped",
            mark("Who dropped out"),
            _dropped_questions,
            _draw_dropped,
            span=12,
            height=Height.LOW,
            right=Right.PERSONAL_DATA,
            help=mark("The latest first, at most 100."),
            empty=mark("Choose “list” at a step above."),
        ),
    ),
    template="funnels.html",
    values=lambda view: {"wanted": wanted(view), "orders": tuple(Order), "units": tuple(Unit)},
)


def window_s_of(text: str, most_s: int) -> int | None:
    """The seconds of `30s`, `10min`, `2h` or `7d`; None for anything else, or more than there may be."""
    found = _WINDOW.fullmatch(text.strip())
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    return seconds if 0 < seconds <= most_s else None


def _place(text: str, most: int) -> int | None:
    """The number of a step, from 1; None for none."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= most else None


def _one_of(kind: Any, text: str, default: Any) -> Any:
    return kind(text) if text in list(kind) else default
