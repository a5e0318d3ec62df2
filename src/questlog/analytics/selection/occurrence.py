"""Warns of values, event ids and attribute keys that do not occur in the data asked for, and names the nearest.

Each is looked for once, and results are kept, because data do not go away. The work has limits: on the values of a
condition, on the conditions, and on the events whose attributes are read.
"""

import itertools
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from threading import Lock
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import msgspec
from cachetools import LRUCache

from questlog.analytics.engine import tables
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Warned
from questlog.analytics.question.query import Condition, EventMatch, Operator, Period
from questlog.analytics.selection.cardinality import fields_of
from questlog.analytics.selection.dimensions import ATTRIBUTE, EVENT_DIMENSIONS, Kind, dimension_column
from questlog.analytics.selection.filters import id_matches
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import ALL_TIME, Selection
from questlog.model.taxonomy import VOCABULARIES
from questlog.store.schema import DIMENSIONS

SAMPLED_EVENTS = 20_000
"""So many of the latest events are looked at for an attribute key."""

_MOST_VALUES = 20
_MOST_LOOKED_FOR = 50
_MOST_CANDIDATES = 1_000
_MOST_REMEMBERED = 100_000
_CUTOFF = 0.6
_EQUALITIES = (Operator.IS, Operator.IS_NOT, Operator.IN, Operator.NOT_IN)
_ENDLESS = frozenset({"message", "message_fingerprint", "session_id", "value_text", "ad_fail_show_reason"})
"""Texts with so many different values that the nearest one has no meaning."""


class Occurrences:
    """What was found once. May be used from any thread."""

    def __init__(self) -> None:
        self._found: LRUCache[Hashable, bool] = LRUCache(_MOST_REMEMBERED)
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._found

    def add(self, key: Hashable) -> None:
        """Remember that it occurs."""
        with self._lock:
            self._found[key] = True


class _Named(NamedTuple):
    """What a question names, and where it does: a condition's dimension and values, an event, or an attribute.

    With `is_field`, the field itself is the condition's value or the event's id.
    """

    field: str
    what: Condition | EventMatch | str
    is_field: bool = False

    def place_of(self, inner: str) -> str:
        """The path of what is inside."""
        return self.field if self.is_field else f"{self.field}.{inner}"


def unseen(question: msgspec.Struct, context: Context, known: Occurrences) -> Sequence[Warned]:
    """What the question names and the game's data of its period do not have. Raises `QueryAborted`."""
    period = getattr(question, "period", None) or ALL_TIME
    selection = Selection(context.game_id, period, context.zone, context.zone)
    found: list[Warned] = []
    for named in itertools.islice(_named("", question), _MOST_LOOKED_FOR):
        found += _unseen(named, selection, context, known)
    return found


def _unseen(named: _Named, selection: Selection, context: Context, known: Occurrences) -> Sequence[Warned]:
    if isinstance(named.what, EventMatch):
        later = Period(selection.period.start, ALL_TIME.end)
        # What follows the period counts too: steps of a funnel, days on which players return.
        return _unseen_event(named, named.what, selection.over(later), context, known)
    if isinstance(named.what, str):
        return _unseen_key(named.field, named.what, selection, context, known)
    if named.what.dimension.startswith(ATTRIBUTE):
        return _unseen_key(named.place_of("dimension"), named.what.dimension, selection, context, known)
    return _unseen_values(named, named.what, selection, context, known)


def _named(field: str, value: object) -> Iterator[_Named]:
    """Everything named in a question, in its order."""
    if isinstance(value, Condition | EventMatch):
        yield _Named(field, value)
    if isinstance(value, msgspec.Struct):
        for each in msgspec.structs.fields(value):
            inner = getattr(value, each.name)
            path = f"{field}.{each.encode_name}".lstrip(".")
            yield from _NAMING.get(each.encode_name, _nothing)(path, inner, value)
            yield from _named(path, inner)
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _named(f"{field}[{place}]", each)


def _nothing(field: str, value: object, question: msgspec.Struct) -> Iterator[_Named]:
    del field, value, question
    return iter(())


def _named_nodes(field: str, nodes: object, question: msgspec.Struct) -> Iterator[_Named]:
    """Nodes of Explore; "" is all of them."""
    for place, node in enumerate(nodes if isinstance(nodes, tuple) else ()):
        if node:
            match = EventMatch(getattr(question, "category", None), node, is_prefix=True)
            yield _Named(f"{field}[{place}]", match, is_field=True)


def _named_currency(field: str, currency: object, question: msgspec.Struct) -> Iterator[_Named]:
    """A currency of the game's economy."""
    del question
    if isinstance(currency, str):
        yield _Named(field, Condition("resource_currency", Operator.IS, (currency,)), is_field=True)


def _named_groups(field: str, groups: object, question: msgspec.Struct) -> Iterator[_Named]:
    del question
    names = groups if isinstance(groups, tuple) else (groups,)
    for place, name in enumerate(names):
        if isinstance(name, str) and name.startswith(ATTRIBUTE):
            yield _Named(f"{field}[{place}]" if isinstance(groups, tuple) else field, name)


_NAMING: Mapping[str, Callable[[str, object, msgspec.Struct], Iterator[_Named]]] = {
    "group_by": _named_groups,
    "nodes": _named_nodes,
    "currency": _named_currency,
}
"""Fields of questions whose values are names, too."""


# ------------------------------------------------------------------------------------------------------------- values


def _unseen_values(
    named: _Named, condition: Condition, selection: Selection, context: Context, known: Occurrences
) -> Sequence[Warned]:
    name = condition.dimension
    if condition.operator not in _EQUALITIES or name in VOCABULARIES or name in _ENDLESS:
        return ()
    if name not in EVENT_DIMENSIONS or EVENT_DIMENSIONS[name].kind is not Kind.TEXT:
        return ()
    keys = {value: (selection, name, value) for value in map(str, condition.values[:_MOST_VALUES])}
    missing = [value for value, key in keys.items() if key not in known]
    for build in _places(name):
        if missing:
            rows = context.run_once(build, selection, name, tuple(missing))
            for value in rows["value"].to_pylist():
                known.add(keys[value])
            missing = [value for value in missing if keys[value] not in known]
    if not missing:
        return ()
    candidates = context.run_once(_frequent_values, selection, name)["value"].to_pylist()
    places = list(map(str, condition.values))
    return [
        Warned(
            named.place_of(f"values[{places.index(value)}]"),
            f"no event of the period has the {name} {value[:100]!r}{_nearest(value, candidates)}",
        )
        for value in missing
    ]


def _places(name: str) -> Sequence[Callable[[Selection, str, tuple[str, ...]], ir.Table]]:
    """Where to look for values, the cheapest place first."""
    if fields_of(name):
        return (_in_field_values, _in_events)
    return (_in_players, _in_events) if name in DIMENSIONS else (_in_events,)


def _in_field_values(selection: Selection, name: str, values: tuple[str, ...]) -> ir.Table:
    rows = tables.field_values
    rows = rows.filter(rows.game_id == selection.game_id, rows.field.isin(fields_of(name)), rows.value.isin(values))
    return rows.filter(selection.days.holds_day(rows.day)).select("value").distinct()


def _in_players(selection: Selection, name: str, values: tuple[str, ...]) -> ir.Table:
    """Those who were installed in the period; an event of theirs had the value."""
    rows = tables.players
    rows = rows.filter(rows.game_id == selection.game_id, rows[name].isin(values))
    rows = rows.filter(selection.days.holds_day(rows.first_day))
    return rows.select(value=rows[name]).distinct().limit(len(values))


def _in_events(selection: Selection, name: str, values: tuple[str, ...]) -> ir.Table:
    rows = events_with(selection, [name])
    value = rows[dimension_column(name)]
    return rows.filter(value.isin(values)).select(value=value).distinct().limit(len(values))


def _frequent_values(selection: Selection, name: str) -> ir.Table:
    rows = events_with(selection, [name]).select(value=dimension_column(name))
    rows = rows.filter(rows["value"].notnull())
    found = rows.group_by("value").aggregate(events=rows.count())
    return found.order_by(found["events"].desc(), found["value"]).limit(_MOST_CANDIDATES)


# ------------------------------------------------------------------------------------------------------------- events


def _unseen_event(
    named: _Named, match: EventMatch, selection: Selection, context: Context, known: Occurrences
) -> Sequence[Warned]:
    if match.category is None and match.event_id is None:
        return ()
    bare = EventMatch(match.category, match.event_id, match.is_prefix)
    key = (selection, bare)
    if key in known:
        return ()
    if context.run_once(_event_found, selection, bare).num_rows:
        known.add(key)
        return ()
    since = "" if selection.period.start == ALL_TIME.start else f" since {selection.period.start}"
    if match.event_id is None:
        return [Warned(named.place_of("category"), f"there is no event of category {match.category!r}{since}")]
    names = context.run_once(_frequent_events, selection, match.category)["event_id"].to_pylist()
    of = f" of category {match.category!r}" if match.category else ""
    nearest = _nearest(match.event_id, _with_beginnings(names) if match.is_prefix else names)
    return [Warned(named.place_of("event_id"), f"there is no event {match.event_id[:100]!r}{of}{since}{nearest}")]


def _with_beginnings(event_ids: Sequence[str]) -> Collection[str]:
    """The ids, and the ids of all nodes above them."""
    found = dict.fromkeys(event_ids)
    for event_id in event_ids:
        parts = event_id.split(":")
        found.update(dict.fromkeys(":".join(parts[:count]) for count in range(1, len(parts))))
    return found


def _event_found(selection: Selection, match: EventMatch) -> ir.Table:
    return _event_days(selection, match).select("event_no").limit(1)


def _frequent_events(selection: Selection, category: str | None) -> ir.Table:
    days = _event_days(selection, EventMatch(category))
    days = days.filter(days.event_id.notnull())
    found = days.group_by("event_id").aggregate(events=days.events.sum())
    return found.order_by(found.events.desc(), found.event_id).limit(_MOST_CANDIDATES)


def _event_days(selection: Selection, match: EventMatch) -> ir.Table:
    days = tables.event_days
    days = days.filter(days.game_id == selection.game_id, selection.days.holds_day(days.day), days.events > 0)
    if match.category is not None:
        days = days.filter(days.category == match.category)
    return days if match.event_id is None else days.filter(id_matches(match, days.event_id))


# --------------------------------------------------------------------------------------------------------- attributes


def _unseen_key(field: str, name: str, selection: Selection, context: Context, known: Occurrences) -> Sequence[Warned]:
    key = (selection, name)
    if key in known:
        return ()
    sample = context.run(_latest_attributes, selection)["attributes"].to_pylist()
    keys, attribute = _keys_of(sample), name.removeprefix(ATTRIBUTE)
    if attribute in keys:
        known.add(key)
        return ()
    looked_at = f"the {len(sample):,} latest events" if len(sample) == SAMPLED_EVENTS else "the period's events"
    return [Warned(field, f"none of {looked_at} has the attribute {attribute[:100]!r}{_nearest(attribute, keys)}")]


def _latest_attributes(selection: Selection) -> ir.Table:
    rows = events_with(selection)
    rows = rows.filter(rows.attributes.notnull()).select("row_no", "attributes")
    return rows.order_by(ibis.desc("row_no")).limit(SAMPLED_EVENTS).select("attributes")


def _keys_of(sample: Sequence[str]) -> Collection[str]:
    """The keys that these attributes have; `custom_fields.KEY` of the fields of GameAnalytics' SDKs."""
    found: dict[str, None] = {}
    for text in sample:
        attributes = msgspec.json.decode(text)
        if not isinstance(attributes, dict):
            continue
        for key, value in attributes.items():
            found[key] = None
            if key == "custom_fields" and isinstance(value, dict):
                found.update(dict.fromkeys(f"{key}.{inner}" for inner in value))
    return found


def _nearest(text: str, candidates: Collection[str]) -> str:
    """In other letters' sizes first, then by similarity."""
    same = [each for each in candidates if each.casefold() == text.casefold()]
    matches = same or get_close_matches(text, list(candidates)[:_MOST_CANDIDATES], n=1, cutoff=_CUTOFF)
    return f"; the nearest is {matches[0]!r}" if matches else ""
