"""A cell of an answer in words: which players are listed, and what was asked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from questlog.analytics.analyses.member_cells import (
    BalanceCell,
    BinCell,
    Cell,
    ErrorCell,
    FunnelCell,
    LevelCell,
    MetricCell,
    RetentionCell,
)
from questlog.analytics.question.query import AllOf, AnyOf, Condition, EventMatch, Filter, Not
from questlog.web.formats import NOTHING, Formats
from questlog.web.titles import OPERATOR_WORDS, title_of
from questlog.web.translations import Translate, mark


class Words(NamedTuple):
    """A heading, and facts: each a name and a value. `is_data` values come from players or games."""

    heading: str
    facts: Sequence[tuple[str, str]]


def words_of_cell(cell: Cell, formats: Formats, translate: Translate) -> Words:
    """Who is in the cell."""
    heading, facts = _own_words(cell, formats, translate)
    groups = () if isinstance(cell, ErrorCell | BalanceCell) else cell.question.group_by
    values = () if isinstance(cell, ErrorCell | BalanceCell) else cell.group
    facts += [
        (translate(title_of(name)), NOTHING if value is None else str(value))
        for name, value in zip(groups, values, strict=False)
    ]
    period = getattr(cell.question, "period", None)
    if period is not None:
        facts.append((translate(mark("Period")), formats.days(period.start, period.end)))
    if getattr(cell.question, "filter", None) is not None:
        facts.append((translate(mark("Filter")), words_of_filter(cell.question.filter, translate)))
    return Words(heading, facts)


def _own_words(cell: Cell, formats: Formats, translate: Translate) -> tuple[str, list[tuple[str, str]]]:
    match cell:
        case MetricCell():
            time = [(translate(mark("Time")), cell.bucket)] if cell.bucket else []
            return translate(title_of(cell.metric)), time
        case RetentionCell():
            facts = [(translate(mark("Cohort")), formats.day(cell.cohort))]
            if cell.age is None:
                return translate(mark("Players of a cohort")), facts
            length = translate(_AGES[cell.question.granularity.value]).format(number=cell.age)
            return translate(mark("Players who came back")), [*facts, (translate(mark("Age")), length)]
        case FunnelCell():
            heading = (
                mark("Players who dropped out after step {step}") if cell.dropped else mark("Players at step {step}")
            )
            steps = [
                (translate(mark("Step {number}")).format(number=number), words_of_event(step, translate))
                for number, step in enumerate(cell.question.steps, 1)
            ]
            bucket = [(translate(mark("Time")), formats.day(cell.bucket))] if cell.bucket else []
            return translate(heading).format(step=cell.step), [*steps, *bucket]
        case LevelCell():
            return translate(mark("Players of a level")), [
                (translate(mark("Level")), cell.level),
                (translate(mark("Status")), cell.status),
            ]
        case ErrorCell():
            return translate(mark("Players with an error")), [(translate(mark("Error")), cell.fingerprint)]
        case BinCell():
            return translate(mark("Players with a value")), [(translate(mark("Value")), _between(cell.low, cell.high))]
        case BalanceCell():
            return translate(mark("Players with a balance")), [
                (translate(mark("Balance")), _between(cell.low, cell.high))
            ]


_AGES = {"day": mark("day {number}"), "week": mark("week {number}"), "month": mark("month {number}")}


def _between(low: float | None, high: float | None) -> str:
    return f"{NOTHING if low is None else f'{low:g}'} … {NOTHING if high is None else f'{high:g}'}"


def words_of_event(match: EventMatch | Sequence[EventMatch], translate: Translate) -> str:
    """Which events are meant; of several, one of them."""
    if not isinstance(match, EventMatch):
        return translate(mark(" or ")).join(words_of_event(each, translate) for each in match)
    said = [part for part in (match.category, match.event_id) if part]
    text = " ".join(said) if said else translate(mark("any event"))
    if match.is_prefix:
        text += ":*"
    return text if match.filter is None else f"{text} ({words_of_filter(match.filter, translate)})"


def words_of_filter(condition: Filter | None, translate: Translate) -> str:
    """A filter in words."""
    match condition:
        case None:
            return ""
        case Condition():
            values: Sequence[Any] = condition.values
            shown = ", ".join(map(str, values[:5])) + (f" +{len(values) - 5}" if len(values) > 5 else "")
            return f"{condition.dimension} {translate(OPERATOR_WORDS[condition.operator])} {shown}".strip()
        case Not():
            return translate(mark("not ({filter})")).format(filter=words_of_filter(condition.filter, translate))
        case AllOf():
            return translate(mark(" and ")).join(words_of_filter(each, translate) for each in condition.filters)
        case AnyOf():
            either = translate(mark(" or ")).join(words_of_filter(each, translate) for each in condition.filters)
            return f"({either})"
