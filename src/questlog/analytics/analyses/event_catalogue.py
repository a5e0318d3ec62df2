"""The catalogue of events: every category and event id with its volume, SDKs, builds and attributes."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.paging import Mark, next_row, row_after
from questlog.analytics.question.problems import InvalidQuery, unknown
from questlog.analytics.question.query import Name, Period
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import Selection, select
from questlog.model.taxonomy import VOCABULARIES

MAX_NAMES = 200
MAX_SAMPLE = 1_000
MOST_SAMPLED = 20_000
"""Events that are looked at for one answer: their attributes are read as texts."""
_MOST_VALUES = 20
_MOST_KEYS = 100
_NESTED = "custom_fields"  # the object that GameAnalytics' SDKs send the game's own fields in
# Two primes: an event is in the sample by a number that is spread evenly whatever the order of arrival.
_SPREAD, _MODULUS = 7_919, 1_000_003


class EventCatalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every category and event id that the game ever sent, the most frequent of the period first.

    `search` is a text anywhere in the event id; upper and lower case are equal. The list has `limit` names a page: for
    the next one, `after` is the `next` of the answer. SDKs, builds, sources and attributes come from about `sample`
    events of each name, evenly spread over the period (all of them if there are fewer; with 0, none); `sampled` is
    their number. `players` adds the distinct players of the period, which reads all of its events.
    """

    period: Period
    category: Name | None = None
    search: Annotated[str, Meta(max_length=200)] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_NAMES)] = 50
    after: Mark | None = None
    sample: Annotated[int, Meta(ge=0, le=MAX_SAMPLE)] = 200
    players: bool = False

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered."""
        del segments  # events are chosen by name only
        self.period.check()
        known = VOCABULARIES["category"]
        if self.category is not None and self.category not in known:
            raise unknown("category", "category", self.category, known)
        if self.limit * self.sample > MOST_SAMPLED:
            said = f"{self.limit} names of {self.sample} events are more than {MOST_SAMPLED} events to look at"
            raise InvalidQuery("sample", said, str(MOST_SAMPLED // self.limit))


class Names(msgspec.Struct, frozen=True):
    """Which names of events."""

    selection: Selection
    category: str | None
    search: str


def answer(question: EventCatalogue, context: Context) -> Answer:
    """A page of names. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    names = Names(select(context, question.period), question.category, question.search)
    before = row_after(question.after)
    rows = context.run(page_of, names, question.limit, before)
    numbers = tuple(sorted(rows["event_no"].to_pylist()))
    found = dict.fromkeys(numbers, _NOTHING)
    if question.sample:
        found |= _looked_at(context.run(sampled, names.selection, numbers, question.sample))
    told = {name: [found[number][name] for number in rows["event_no"].to_pylist()] for name in _NOTHING}
    table = rows.drop_columns("event_no")
    if question.players:
        counted = context.run(players, names.selection, numbers).to_pylist()
        by_name = {row["event_no"]: row["players"] for row in counted}
        column = [by_name.get(number, 0) for number in rows["event_no"].to_pylist()]
        table = table.append_column("players", pa.array(column, pa.int64()))
    for name, values in told.items():
        table = table.append_column(name, pa.array(values, _TYPES[name]))
    columns = [_COLUMNS[name] for name in table.column_names]
    totals = context.run(totals_of, names)
    following = next_row(before, table.num_rows, totals["names"][0].as_py())
    return Answer(table, columns, totals=totals, data_version=context.data_version, next=following)


def _looked_at(rows: pa.Table) -> dict[int, Mapping[str, Any]]:
    """What the events of a sample say, by name."""
    by_name: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows.to_pylist():
        by_name.setdefault(row["event_no"], []).append(row)
    return {number: _described(events) for number, events in by_name.items()}


def _described(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "sampled": len(events),
        "sources": _frequent(event["source"] for event in events),
        "sdk_versions": _frequent(event["sdk_version"] for event in events),
        "builds": _frequent(event["build"] for event in events),
        "attributes": _attributes(events),
    }


def _frequent(values: Iterable[str | None]) -> list[str]:
    """The most frequent values first, of equally frequent ones the least."""
    counts = Counter(value for value in values if value is not None)
    return sorted(counts, key=lambda value: (-counts[value], value))[:_MOST_VALUES]


def _attributes(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The keys with the types of their values and the share of the events that have them, the most frequent first."""
    filled: Counter[str] = Counter()
    types: dict[str, set[str]] = {}
    for event in events:
        for key, value in _entries(event["attributes"]):
            filled[key] += 1
            types.setdefault(key, set()).add(_type_of(value))
    keys = sorted(filled, key=lambda key: (-filled[key], key))[:_MOST_KEYS]
    return [{"key": key, "types": sorted(types[key]), "share": filled[key] / len(events)} for key in keys]


def _entries(attributes: str | None) -> Iterable[tuple[str, Any]]:
    """The keys that dimensions `attributes.KEY` can have, and their values; null counts as absent."""
    found = msgspec.json.decode(attributes) if attributes else {}
    nested = found.get(_NESTED)
    if isinstance(nested, dict):
        del found[_NESTED]
        found |= {f"{_NESTED}.{key}": value for key, value in nested.items()}
    return [(key, value) for key, value in found.items() if value is not None]


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "text", int: "number", float: "number", list: "list", dict: "object"}
    return names[type(value)]


# ----------------------------------------------------------------------------------------------- asked of the engine


def page_of(names: Names, limit: int, offset: int) -> ir.Table:
    """A page of names with the first and last day on which they have events, and the events of the period."""
    found = _named(names)
    ordered = found.order_by(ibis.desc("events"), "category", ibis.asc("event_id", nulls_first=True))
    return ordered.limit(limit, offset=offset)


def totals_of(names: Names) -> ir.Table:
    """How many `names` there are, and their `events`."""
    found = _named(names)
    return found.aggregate(names=found.count(), events=found.events.sum().fill_null(0).cast("int64"))


def sampled(selection: Selection, numbers: tuple[int, ...], sample: int) -> ir.Table:
    """About `sample` events of the period of each of these names."""
    period, days = selection.period, tables.event_days
    days = days.filter(
        days.game_id == selection.game_id, days.day.between(period.start, period.end), days.event_no.isin(numbers)
    )
    counted = days.group_by(**{"name:no": days.event_no}).aggregate(events=days.events.sum())
    below = counted.select("name:no", **{"name:below": (sample * _MODULUS) // counted.events + 1})
    rows = events_with(selection)
    rows = rows.filter(rows.event_no.isin(numbers)).inner_join(below, rows.event_no == below["name:no"])
    rows = rows.filter((rows.row_no * _SPREAD) % _MODULUS < rows["name:below"])
    # Twice as many as are wanted: those of a name can be a few more.
    columns = ("event_no", "source", "sdk_version", "build", "attributes")
    return rows.order_by("row_no").limit(2 * sample * max(len(numbers), 1)).select(*columns)


def players(selection: Selection, numbers: tuple[int, ...]) -> ir.Table:
    """The distinct `players` of each of these names in the period."""
    rows = events_with(selection)
    rows = rows.filter(rows.event_no.isin(numbers))
    return rows.group_by("event_no").aggregate(players=rows.player_no.nunique())


def _named(names: Names) -> ir.Table:
    days, period = tables.event_days, names.selection.period
    days = days.filter(days.game_id == names.selection.game_id, days.events > 0)
    if names.category is not None:
        days = days.filter(days.category == names.category)
    if names.search:
        pattern = "(?i)" + re.escape(names.search).replace("\0", r"\x00")
        days = days.filter(days.event_id.re_search(pattern).fill_null(False))
    is_inside = days.day.between(period.start, period.end)
    return days.group_by("event_no", "category", "event_id").aggregate(
        first_day=days.day.min(),
        last_day=days.day.max(),
        events=is_inside.ifelse(days.events, 0).sum().cast("int64"),
        with_value=is_inside.ifelse(days.value_count, 0).sum().cast("int64"),
    )


_TEXTS = pa.list_(pa.string())
_TYPES: Mapping[str, pa.DataType] = {
    "sampled": pa.int64(),
    "sources": _TEXTS,
    "sdk_versions": _TEXTS,
    "builds": _TEXTS,
    "attributes": pa.list_(pa.struct([("key", pa.string()), ("types", _TEXTS), ("share", pa.float64())])),
}
_NOTHING: Mapping[str, Any] = {name: 0 if name == "sampled" else [] for name in _TYPES}
_FREQUENT = f"of the sampled events, the most frequent first, at most {_MOST_VALUES}"
_COLUMNS = {
    column.name: column
    for column in (
        AnswerColumn("category", "", "category of the events"),
        AnswerColumn("event_id", "", "id of the events; null without one"),
        AnswerColumn("first_day", "", "first day ever with such an event"),
        AnswerColumn("last_day", "", "last day ever with such an event"),
        AnswerColumn("events", "events", "such events of the period"),
        AnswerColumn("with_value", "events", "those of them with a `value`"),
        AnswerColumn("players", "players", "distinct players with such an event in the period"),
        AnswerColumn("sampled", "events", "events of the period that the next columns were read from"),
        AnswerColumn("sources", "", f"sources {_FREQUENT}"),
        AnswerColumn("sdk_versions", "", f"SDK versions {_FREQUENT}"),
        AnswerColumn("builds", "", f"builds {_FREQUENT}"),
        AnswerColumn(
            "attributes",
            "",
            f"keys of attributes, at most {_MOST_KEYS}: the types of their values, and the share of the sampled events "
            "that have one",
        ),
    )
}

ANALYSIS = Analysis(
    "event-catalogue",
    EventCatalogue,
    answer,
    "All events of a game, with first and last day, volume, SDKs, builds and attributes.",
    page="reference/analyses/event-catalogue.md",
    examples=(
        Example("All events, the most frequent first", {"period": JANUARY}),
        Example(
            "Design events about bosses, with their players",
            {"period": JANUARY, "category": "design", "search": "boss", "players": True},
        ),
    ),
)
