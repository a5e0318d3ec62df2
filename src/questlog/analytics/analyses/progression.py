"""Progression: a table of levels with drop-off, difficulty and time to complete (metrics.md §§3, 5)."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.analyses import progression_rows
from questlog.analytics.analyses.progression_rows import COMPLETE, PARTS, START, STATUSES, Levels
from questlog.analytics.analyses.split import (
    GROUP,
    answer_of,
    check_split,
    group_columns,
    standing_groups,
    with_top_groups,
)
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import fits_bitmaps
from questlog.analytics.metrics.intervals import Parts, with_intervals
from questlog.analytics.metrics.result import with_plain_numbers
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, Example
from questlog.analytics.question.problems import too_many_rows
from questlog.analytics.question.query import (
    Compare,
    Filter,
    GroupBy,
    Name,
    Period,
    Top,
    check_distinct,
    check_one_group,
    check_periods,
)
from questlog.analytics.selection.selection import Selection, caps_of, select, zone_asked

_NUMBER = re.compile(r"(\d+)")

Key = tuple[str | None, str]
"""A group and a level."""


class LevelOrder(enum.StrEnum):
    """Which level comes after which."""

    NATURAL = "natural"  # by id, numbers by their size: level2 before level10
    STARTS = "starts"  # the most started first


class Part(enum.StrEnum):
    """Parts of the answer. Counts and scores are cheap; the others read the events."""

    COUNTS = "counts"
    SCORES = "scores"
    PLAYERS = "players"
    DROP_OFF = "drop_off"
    TIME = "time"


class Progression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Levels: starts, fails, completes, drop-off, difficulty, time to complete.

    A level is the first `depth` parts of a progression id after the status; an id with fewer parts is its own level.
    `order` says which level is the next one, for the drop-off. With `group_by` each level has a row for each of the
    `top` most frequent values of a dimension, and one for all other values, `(other)`. Days are of the game's time
    zone, or with `time_zone` "UTC" of UTC.
    """

    period: Period
    depth: Annotated[int, Meta(ge=1, le=3)] = 3
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)] = tuple(Part)
    order: LevelOrder = LevelOrder.NATURAL
    group_by: GroupBy = ()
    top: Top = 10
    filter: Filter | None = None
    compare: Compare | None = None
    time_zone: Name | None = None
    intervals: bool = False

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        check_distinct("parts", self.parts)
        check_one_group(self.group_by)
        check_split(segments, self.filter, self.group_by)


def answer(question: Progression, context: Context) -> Answer:
    """A row for each level with events, in order; with `group_by` for each group and level. Raises `InvalidQuery`,
    `QueryAborted`.
    """
    question.check(context.segments)
    levels = levels_of(question, context)
    if question.group_by:
        top = context.standing_groups.once(lambda: context.run(progression_rows.top_groups, levels, question.top))
        levels = msgspec.structs.replace(levels, selection=with_top_groups(levels.selection, top))
    rows = _counts(levels, context)
    order = _ordered(question.order, rows)
    found = {key: _level(statuses) for key, statuses in rows.items()}
    if Part.PLAYERS in question.parts or Part.DROP_OFF in question.parts:
        _add_players(levels, order, found, context)
    if Part.TIME in question.parts:
        for row in context.run(progression_rows.times, levels).to_pylist():
            found[_key(row)]["time_to_complete_s"] = row["taken_us"] / 1_000_000
    table = _table(found, order, levels.selection)
    told = answer_of(table, _columns(question), levels, context)
    return with_intervals(told, {name: _parts_in(table, name) for name in _DIVIDED}) if question.intervals else told


def _parts_in(table: pa.Table, name: str) -> Parts:
    """What a share or mean of the same rows divides."""
    return lambda _: (table[f"{name}_numerator"], table[f"{name}_denominator"])


def levels_of(question: Progression, context: Context) -> Levels:
    """What is asked of the engine, where all groups stand by themselves. Raises `QueryAborted`."""
    zone = zone_asked(question.time_zone, context)
    selection = select(context, question.period, question.filter, question.group_by, zone=zone)
    caps = caps_of(selection, PARTS[: question.depth], context)
    return Levels(question.depth, selection=selection, caps=caps)


def natural_order(level: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sorts numbers in ids by their size, and before text."""
    pieces = (piece for piece in _NUMBER.split(level) if piece)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces), level


def _key(row: Mapping[str, Any]) -> Key:
    return row.get(GROUP), row["level"]


def _counts(levels: Levels, context: Context) -> dict[Key, dict[str, Mapping[str, Any]]]:
    """Counts and sums by group and level, then status."""
    is_by_day = levels.selection.is_plain and levels.selection.is_stored_zone
    counted = context.run(progression_rows.by_day if is_by_day else progression_rows.by_event, levels)
    if counted.num_rows > MAX_ROWS:
        raise too_many_rows("depth", MAX_ROWS)
    rows: dict[Key, dict[str, Mapping[str, Any]]] = {}
    for row in counted.to_pylist():
        rows.setdefault(_key(row), {})[row["status"]] = row
    return rows


def _ordered(order: LevelOrder, rows: Mapping[Key, Mapping[str, Mapping[str, Any]]]) -> tuple[str, ...]:
    starts: dict[str, int] = {}
    for (_, level), statuses in rows.items():
        starts[level] = starts.get(level, 0) + (statuses[START]["events"] if START in statuses else 0)
    levels = sorted(starts, key=natural_order)
    return tuple(levels if order is LevelOrder.NATURAL else sorted(levels, key=lambda level: -starts[level]))


def _level(statuses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The values of a level, from its counts and sums."""

    def total(status: str, name: str) -> Any:
        return statuses[status][name] or 0 if status in statuses else 0

    starts, fails, completes = (total(status, "events") for status in STATUSES)
    return {
        "starts": starts,
        "fails": fails,
        "completes": completes,
        "attempts": fails + completes,
        **_ratio("completion_rate", completes, starts),
        **_ratio("fail_rate", fails, fails + completes),
        **_ratio("attempts_to_complete", total(COMPLETE, "attempt_sum"), total(COMPLETE, "attempt_count")),
        **{f"{status.lower()}_players": 0 for status in STATUSES},
        **{
            name: number
            for status in STATUSES
            for name, number in _ratio(
                f"{status.lower()}_score", total(status, "score_sum"), total(status, "score_count")
            ).items()
        },
    }


def _ratio(name: str, part: float, whole: float) -> dict[str, float | None]:
    """A share or mean, and what it divides."""
    return {name: part / whole if whole else None, f"{name}_numerator": part, f"{name}_denominator": whole}


def _add_players(levels: Levels, order: tuple[str, ...], found: Mapping[Key, dict[str, Any]], context: Context) -> None:
    has_few = fits_bitmaps(levels.selection.player_bound, len(found) * len(STATUSES))
    for row in context.run(progression_rows.players, levels, order, has_few).to_pylist():
        level = found[_key(row)]
        level[f"{row['status'].lower()}_players"] = row["players"]
        if row["status"] == START and row["level"] != order[-1]:
            level |= _ratio("drop_off", row["players"] - row["next_players"], row["players"])


def _table(found: Mapping[Key, Mapping[str, Any]], order: Sequence[str], selection: Selection) -> pa.Table:
    groups = {group: place for place, group in enumerate(standing_groups(selection))}
    places = {level: place for place, level in enumerate(order)}
    keys = sorted(found, key=lambda key: (groups.get(key[0], len(groups)), places[key[1]]))
    table = pa.Table.from_pylist([{GROUP: key[0], "level": key[1], **found[key]} for key in keys], _SCHEMA)
    return table.set_column(0, GROUP, with_plain_numbers(table[GROUP], "".join(selection.group_by)))


_COUNTS = ("starts", "fails", "completes", "attempts", "start_players", "fail_players", "complete_players")
_SHARES = ("completion_rate", "fail_rate", "drop_off")
_NUMBERS = ("start_score", "fail_score", "complete_score", "attempts_to_complete", "time_to_complete_s")
_DIVIDED = (*_SHARES, "start_score", "fail_score", "complete_score", "attempts_to_complete")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (GROUP, "level")),
        *((name, pa.int64()) for name in _COUNTS),
        *((name, pa.float64()) for name in (*_SHARES, *_NUMBERS)),
        *((f"{name}_{part}", pa.float64()) for name in _DIVIDED for part in ("numerator", "denominator")),
    ]
)


def _of_each(unit: str, names: str, meaning: str) -> list[AnswerColumn]:
    return [
        AnswerColumn(names.format(status.lower()), unit, meaning.format(f"{status.lower()} events"))
        for status in STATUSES
    ]


_PARTS: Mapping[Part, Sequence[AnswerColumn]] = {
    Part.COUNTS: (
        AnswerColumn("starts", "events", "Progression events `Start:…`."),
        AnswerColumn("fails", "events", "Progression events `Fail:…`."),
        AnswerColumn("completes", "events", "Progression events `Complete:…`."),
        AnswerColumn("attempts", "events", "fails + completes."),
        AnswerColumn("completion_rate", "share", "completes ÷ starts."),
        AnswerColumn("fail_rate", "share", "fails ÷ attempts."),
        AnswerColumn("attempts_to_complete", "attempts", "Mean `attempt_num` of the completes that have one."),
    ),
    Part.SCORES: _of_each("", "{}_score", "Mean score of the {} that have one."),
    Part.PLAYERS: _of_each("players", "{}_players", "Distinct players with {}."),
    Part.DROP_OFF: (
        AnswerColumn(
            "drop_off",
            "share",
            "Share of the players who started the level in the period and did not start the next one in it; null for "
            "the last level.",
        ),
    ),
    Part.TIME: (
        AnswerColumn(
            "time_to_complete_s",
            "s",
            "Median over players of the time from their first start of the level in the period to their first complete "
            "of it, where that is not earlier.",
        ),
    ),
}


def _columns(question: Progression) -> list[AnswerColumn]:
    columns = group_columns(question.group_by)
    columns.append(AnswerColumn("level", "", f"The first {question.depth} parts of the id after the status."))
    return columns + [column for part in Part if part in question.parts for column in _PARTS[part]]


ANALYSIS = Analysis(
    "progression",
    Progression,
    answer,
    "Levels: drop-off, difficulty, time to complete.",
    page="reference/analyses/progression.md",
    is_savable=True,
    keys=("level",),
    examples=(
        Example("Every level, with drop-off and difficulty", {"period": JANUARY}),
        Example("Worlds on iOS", {"period": JANUARY, "depth": 1, "parts": ["counts", "scores"], "filter": IS_IOS}),
    ),
)
