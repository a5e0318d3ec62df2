"""The numbers of the events that are meant: comparing a number is several times faster than comparing texts."""

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.engine.context import Context
from questlog.analytics.question.query import EventMatch
from questlog.analytics.selection.filters import event_matches, id_matches, predicate

MOST = 1_000
"""Of more names than this the texts are compared: a list of numbers would be too long."""

EventIds = tuple[tuple[EventMatch, tuple[int, ...]], ...]
"""The numbers of all events of a match's category and id."""


def event_ids(context: Context, meant: frozenset[EventMatch]) -> EventIds:
    """The numbers of the matches that have few; a match of every event has none. Raises `QueryAborted`."""
    found = []
    for match in sorted(meant, key=repr):
        if match.category is None and match.event_id is None:
            continue
        rows = context.run_once(_numbers, context.game_id, match.category, match.event_id, match.is_prefix)
        if rows.num_rows <= MOST:
            found.append((match, tuple(sorted(rows["event_no"].to_pylist()))))
    return tuple(found)


def matches(match: EventMatch, events: ir.Table, ids: EventIds) -> ir.BooleanValue:
    """Whether an event is one of those meant; by its number where these are known. As `event_matches`."""
    numbers = dict(ids).get(match)
    if numbers is None:
        return event_matches(match, events)
    return _is_one_of(events.event_no, numbers) & predicate(match.filter, events)


def _is_one_of(number: ir.IntegerColumn, numbers: tuple[int, ...]) -> ir.BooleanValue:
    """`numbers` are in order: without gaps, as those of one game mostly are, two comparisons do."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return number.between(numbers[0], numbers[-1])
    return number.isin(numbers)


def _numbers(game_id: int, category: str | None, event_id: str | None, is_prefix: bool) -> ir.Table:
    names = tables.event_names
    names = names.filter(names.game_id == game_id)
    if category is not None:
        names = names.filter(names.category == category)
    if event_id is not None:
        names = names.filter(id_matches(EventMatch(event_id=event_id, is_prefix=is_prefix), names.event_id))
    return names.select("event_no").limit(MOST + 1)
