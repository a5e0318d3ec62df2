"""What the address of a report says: the game, the period, what it is compared with, filters, and the page's own words.

A link reproduces the page, and Back undoes a change. Nonsense in an address is left out, and the page says so.
"""

import datetime as dt
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import (
    AllOf,
    Compare,
    Comparison,
    Condition,
    Filter,
    Granularity,
    Operator,
    Period,
    check_size,
)
from questlog.analytics.selection.dimensions import SEGMENT, YES
from questlog.console import short_forms
from questlog.model.calendar import Zone

DEFAULT_PERIOD: Final = "28d"
PREVIOUS, WEEKDAYS, YEAR, NOTHING = "previous", "weekdays", "year", "none"
_NAMED_COMPARISONS = {
    PREVIOUS: Comparison.PREVIOUS_PERIOD,
    WEEKDAYS: Comparison.PREVIOUS_WEEKDAYS,
    YEAR: Comparison.PREVIOUS_YEAR,
}
COMPARISONS = (PREVIOUS, WEEKDAYS, YEAR, NOTHING)
GRANULARITIES = ("hour", "day", "week", "month")
_SHARED = frozenset({"period", "from", "to", "compare", "by", "f", "fd", "fo", "fv", "filter", "segment", "cards"})
_MOST_OWN_BYTES = 16_384
_MOST_FILTERS = 50
_DAY = dt.timedelta(days=1)


class GameHere(msgspec.Struct, frozen=True):
    """The game of a page. `zone` is that of its days, `first_day` the first day with an event, None without any."""

    game_id: int
    name: str
    game_key: str
    zone: Zone
    now_us: int
    first_day: dt.date | None = None

    @property
    def today(self) -> dt.date:
        """The game's day that runs."""
        return self.zone.day_of(self.now_us)


class View(msgspec.Struct, frozen=True, dict=True):
    """A report as its address says it. `notices` are about what could not be read in the address."""

    game: GameHere
    page: str
    period_text: str = DEFAULT_PERIOD
    compare_text: str = PREVIOUS
    by_text: str = ""
    conditions: tuple[Condition, ...] = ()
    nested: Filter | None = None
    segment: str = ""
    own: Mapping[str, str] = {}
    is_inline: bool = False
    notices: tuple[str, ...] = ()

    @cached_property
    def period(self) -> Period:
        """The days."""
        if self.period_text == "all":
            return Period(min(self.game.first_day or self.game.today, self.game.today), self.game.today)
        return short_forms.period_named(self.period_text, self.game.today)

    @cached_property
    def compare(self) -> Compare | None:
        """What answers are compared with, as questions say it."""
        if self.compare_text == NOTHING:
            return None
        named = _NAMED_COMPARISONS.get(self.compare_text)
        return named or short_forms.period_named(self.compare_text, self.game.today)

    @cached_property
    def compared(self) -> Period | None:
        """The days that they are compared with."""
        return None if self.compare is None else self.period.compared(self.compare)

    @cached_property
    def granularity(self) -> Granularity:
        """How long one point of a chart is: as chosen, else what suits the period."""
        if self.by_text:
            return Granularity(self.by_text)
        days = self.period.days
        return Granularity.HOUR if days <= 2 else Granularity.DAY if days <= 120 else Granularity.WEEK

    @cached_property
    def filter(self) -> Filter | None:
        """Everything that rows must satisfy: the chips, the nested filter and the segment."""
        segment = [Condition(f"{SEGMENT}{self.segment}", Operator.IS, (YES,))] if self.segment else []
        nested = [self.nested] if self.nested is not None else []
        every: list[Filter] = [*self.conditions, *nested, *segment]
        return AllOf(tuple(every)) if len(every) > 1 else every[0] if every else None

    @property
    def is_running(self) -> bool:
        """Whether the period's last day is not over."""
        return self.period.end >= self.game.today

    def parameters(self) -> list[tuple[str, str]]:
        """The address's parameters, without those that are as by default."""
        found: list[tuple[str, str]] = []
        if self.period_text != DEFAULT_PERIOD:
            found.append(("period", self.period_text))
        if self.compare_text != PREVIOUS:
            found.append(("compare", self.compare_text))
        if self.by_text:
            found.append(("by", self.by_text))
        shorts = [short_forms.in_short(each) for each in self.conditions]
        found += [("f", short) for short in shorts if short is not None]
        long: list[Filter] = [each for each, short in zip(self.conditions, shorts, strict=True) if short is None]
        long += [self.nested] if self.nested is not None else []
        found += [("filter", msgspec.json.encode(each).decode()) for each in long]
        if self.segment:
            found.append(("segment", self.segment))
        if self.is_inline:
            found.append(("cards", "inline"))
        return [*found, *self.own.items()]

    def url(self, page: str | None = None, **changes: Any) -> str:
        """The address of this view, or of another page, with changes of its fields.

        Another page gets the period and the filters, and not this page's own parameters.
        """
        if page is not None and page != self.page:
            changes = {"page": page, "own": {}, **changes}
        return _address(f"/games/{self.game.game_id}/{page or self.page}", self.changed(**changes).parameters())

    def card_url(self, card: str, suffix: str = "") -> str:
        """The address of a card with this view."""
        parameters = self.changed(is_inline=False).parameters()
        return _address(f"/games/{self.game.game_id}/cards/{card}{suffix}", parameters)

    def changed(self, **changes: Any) -> "View":
        """The view with other fields."""
        return msgspec.structs.replace(self, **changes) if changes else self

    def with_own(self, **own: str | None) -> str:
        """The address with some of the page's own parameters changed; None takes one away."""
        kept = {**self.own, **{name: value for name, value in own.items() if value is not None}}
        return self.url(own={name: value for name, value in kept.items() if own.get(name, "") is not None})

    def adding(self, dimension: str, value: object, operator: Operator = Operator.IS) -> str:
        """The address with one more condition; one on the same dimension is replaced."""
        made = Condition(dimension, operator, (str(value),))
        others = tuple(each for each in self.conditions if each.dimension != dimension)
        return self.url(conditions=(*others, made))

    def without(self, place: int) -> str:
        """The address without one of the conditions."""
        return self.url(conditions=(*self.conditions[:place], *self.conditions[place + 1 :]))

    def moved(self, steps: int) -> str:
        """The address with the period moved by its own length, whole months by months."""
        return self.url(period_text=_moved(self.period, steps))


def view_of(game: GameHere, page: str, parameters: Iterable[tuple[str, str]]) -> View:
    """The view that an address says; what cannot be read is left out, with a notice."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name, []).append(value)
    notices: list[str] = []
    conditions, nested = _filters(given, notices)
    return View(
        game=game,
        page=page,
        period_text=_read_period(given, game, notices),
        compare_text=_read_comparison(given, game, notices),
        by_text=_read_granularity(given, notices),
        conditions=conditions,
        nested=nested,
        segment=given.get("segment", [""])[-1][:256],
        own=_own(given, notices),
        is_inline="inline" in given.get("cards", []),
        notices=tuple(notices),
    )


def _read_period(given: Mapping[str, list[str]], game: GameHere, notices: list[str]) -> str:
    text = given.get("period", [DEFAULT_PERIOD])[-1].strip()
    if given.get("from", [""])[-1] and given.get("to", [""])[-1]:  # of the form, which works without a script
        text = f"{given['from'][-1].strip()}..{given['to'][-1].strip()}"
    if text == "all":
        return text
    try:
        short_forms.period_named(text, game.today).check()
    except InvalidQuery as error:
        notices.append(error.detail)
        return DEFAULT_PERIOD
    except ValueError as error:
        notices.append(str(error))
        return DEFAULT_PERIOD
    return text


def _read_comparison(given: Mapping[str, list[str]], game: GameHere, notices: list[str]) -> str:
    text = given.get("compare", [PREVIOUS])[-1].strip()
    if text in COMPARISONS:
        return text
    try:
        short_forms.period_named(text, game.today).check()
    except (InvalidQuery, ValueError):
        notices.append(f"a comparison is {', '.join(COMPARISONS)} or a period, not {text[:100]!r}")
        return PREVIOUS
    return text


def _read_granularity(given: Mapping[str, list[str]], notices: list[str]) -> str:
    text = given.get("by", [""])[-1].strip()
    if not text or text in GRANULARITIES:
        return text
    notices.append(f"a point of a chart is one of {', '.join(GRANULARITIES)}, not {text[:100]!r}")
    return ""


def _filters(given: Mapping[str, list[str]], notices: list[str]) -> tuple[tuple[Condition, ...], Filter | None]:
    conditions: list[Condition] = []
    nested: list[Filter] = []
    for text in given.get("f", [])[:_MOST_FILTERS]:
        try:
            conditions.append(short_forms.condition_of(text))
        except ValueError as error:
            notices.append(str(error))
    if added := _added(given, notices):
        conditions.append(added)
    for text in given.get("filter", [])[:_MOST_FILTERS]:
        try:
            found = msgspec.json.decode(text, type=Filter)
            check_size(found)
        except (msgspec.DecodeError, InvalidQuery, RecursionError):
            notices.append("a filter in the address cannot be read; it is left out")
            continue
        if isinstance(found, Condition):
            conditions.append(found)
        else:
            nested.append(found)
    return tuple(conditions), AllOf(tuple(nested)) if len(nested) > 1 else nested[0] if nested else None


def _added(given: Mapping[str, list[str]], notices: list[str]) -> Condition | None:
    """The condition of the form that adds one: a dimension, an operator, and values on lines or between commas."""
    dimension, operator, text = (given.get(name, [""])[-1].strip() for name in ("fd", "fo", "fv"))
    if not dimension:
        return None
    try:
        chosen = Operator(operator or Operator.IS)
    except ValueError:
        notices.append(f"there is no operator {operator[:100]!r}")
        return None
    if chosen in (Operator.IS_SET, Operator.IS_NOT_SET):
        return Condition(dimension, chosen)
    values = tuple(short_forms.names(text.replace("\n", ","))) if chosen in (Operator.IN, Operator.NOT_IN) else (text,)
    return Condition(dimension, chosen, values)


def _own(given: Mapping[str, list[str]], notices: list[str]) -> Mapping[str, str]:
    # In order: the same report has the same address, whatever order its parameters came in.
    own = {name: values[-1] for name, values in sorted(given.items()) if name not in _SHARED}
    if sum(len(name) + len(value) for name, value in own.items()) > _MOST_OWN_BYTES:
        notices.append("the address is too long; parts of it are left out")
        return {}
    return own


def _address(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urllib.parse.urlencode(parameters)}" if parameters else path


def _moved(period: Period, steps: int) -> str:
    """The text of the period so many lengths later; of a whole month, months later."""
    is_month = period.start.day == 1 and (period.end + _DAY).day == 1 and period.days <= 31
    if is_month:
        months = period.start.year * 12 + period.start.month - 1 + steps
        return f"{months // 12:04d}-{months % 12 + 1:02d}"
    length = dt.timedelta(days=period.days * steps)
    return f"{period.start + length}..{period.end + length}"
