"""What a metric is, and the metric of a name: from the catalogue, of a day number, or a game's own (metrics.md §3)."""

import enum
import re
from collections.abc import Callable, Mapping

import msgspec

from questlog.analytics.metrics.formulas import Formula, ratio, rest_of_one, value
from questlog.analytics.metrics.measures import RECEIPT_STATES, Measure, Quantity, ReceiptState, Unit
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.problems import unknown

MAX_DAY = 365
_DAY_METRIC = re.compile(r"(?P<family>[a-z]+)_d(?P<days>0|[1-9]\d{0,2})(?:_(?P<state>[a-z]+))?", re.ASCII)


class Group(enum.StrEnum):
    """The groups of metrics.md §3."""

    PLAYERS = "players"
    ENGAGEMENT = "engagement"
    RETENTION = "retention"
    MONEY = "money"
    PROGRESSION = "progression"
    ECONOMY = "economy"
    DESIGN = "design"
    ERRORS = "errors"
    ADS = "ads"
    HEALTH = "health"
    CUSTOM = "custom"


class Metric(msgspec.Struct, frozen=True):
    """A number of a game. `unit` is that of its values; `formula` makes them of the `measures`, in their order."""

    name: str
    group: Group
    unit: str
    definition: str
    measures: tuple[Measure, ...]
    formula: Formula = value


def metric_named(
    field: str, name: str, catalogue: Mapping[str, Metric], custom: Mapping[str, CustomMetric] | None = None
) -> Metric:
    """The metric of that name. Raises `InvalidQuery` with the nearest name there is."""
    custom = custom or {}
    found = catalogue.get(name) or _of_day(name)
    if found is None and name in custom:
        found = custom_metric(name, custom[name])
    if found is None:
        raise unknown(field, "metric", name, [*catalogue, *custom, *_DAY_EXAMPLES])
    return found


def _of_day(name: str) -> Metric | None:
    match = _DAY_METRIC.fullmatch(name)
    family = DAY_FAMILIES.get(match["family"]) if match else None
    if match is None or family is None:
        return None
    days, state = int(match["days"]), match["state"]
    if not family.first_day <= days <= MAX_DAY or (state is not None and state not in family.states):
        return None
    return family.metric(name, days, next((each for each in family.states if each == state), None))


class DayFamily(msgspec.Struct, frozen=True):
    """Metrics whose names end in a number of days, as `retention_d1`.

    The definition has {day}, and {of} where purchases may be of a state of receipts only.
    """

    group: Group
    unit: str
    definition: str
    measures: Callable[[int, ReceiptState | None], tuple[Measure, ...]]
    formula: Formula
    first_day: int = 1
    states: tuple[ReceiptState, ...] = ()

    def defined(self, day: int | str, state: ReceiptState | None = None) -> str:
        """The definition for a day."""
        return f"{self.definition} {_PASSED}".format(day=day, of=of_state(state))

    def metric(self, name: str, days: int, state: ReceiptState | None) -> Metric:
        """The metric of a number of days."""
        definition = self.defined(days, state)
        return Metric(name, self.group, self.unit, definition, self.measures(days, state), self.formula)


_PASSED = "Only players whose day {day} is over count; null without such players."


def _returned(days: int, _: ReceiptState | None) -> tuple[Measure, ...]:
    return Measure(Quantity.COHORT_RETURNED, days=days), Measure(Quantity.COHORT_SIZE, days=days)


def _survived(days: int, _: ReceiptState | None) -> tuple[Measure, ...]:
    return Measure(Quantity.COHORT_SURVIVED, days=days), Measure(Quantity.COHORT_SIZE, days=days)


def _spent(days: int, state: ReceiptState | None) -> tuple[Measure, ...]:
    revenue = Measure(Quantity.COHORT_REVENUE, Unit.MONEY, days=days, state=state)
    return revenue, Measure(Quantity.COHORT_SIZE, days=days)


def of_state(state: ReceiptState | None) -> str:
    """The words for a state of receipts in a definition."""
    return f" with {state} receipts" if state else ""


DAY_FAMILIES: Mapping[str, DayFamily] = {
    "retention": DayFamily(
        Group.RETENTION,
        "share",
        "Share of the players first seen in the bucket who had an event on day {day} after their first day.",
        _returned,
        ratio,
    ),
    "rolling": DayFamily(
        Group.RETENTION,
        "share",
        "Share of the players first seen in the bucket who had an event on day {day} after their first day, or later.",
        _survived,
        ratio,
    ),
    "churn": DayFamily(
        Group.RETENTION,
        "share",
        "1 − rolling_d{day}: share of the players first seen in the bucket who had no event on day {day} after"
        " their first day, or later.",
        _survived,
        rest_of_one,
    ),
    "ltv": DayFamily(
        Group.MONEY,
        "USD",
        "Revenue{of} of the players first seen in the bucket, from their first day to day {day} after it, ÷ their"
        " number.",
        _spent,
        ratio,
        first_day=0,
        states=RECEIPT_STATES,
    ),
}
"""By the beginning of their names."""

DAY_METRICS = tuple(family.metric(f"{name}_d1", 1, None) for name, family in DAY_FAMILIES.items())
"""One of each."""

_DAY_EXAMPLES = tuple(f"{family}_d{days}" for family in DAY_FAMILIES for days in (1, 3, 7, 14, 28, 30, 60, 90))


def custom_metric(name: str, saved: CustomMetric) -> Metric:
    """A game's own metric."""
    measure, unit, definition = _CUSTOM[saved.kind]
    described = saved.description or definition
    return Metric(name, Group.CUSTOM, unit, described, (msgspec.structs.replace(measure, match=saved.event),))


_CUSTOM: Mapping[CustomMetricKind, tuple[Measure, str, str]] = {
    CustomMetricKind.BINOMIAL: (Measure(Quantity.EVENT_PLAYERS), "players", "Distinct players who had the event."),
    CustomMetricKind.COUNT: (Measure(Quantity.EVENTS), "events", "Events."),
    CustomMetricKind.SUM: (Measure(Quantity.VALUE_SUM, Unit.TOTAL), "", "Σ value of the events."),
    CustomMetricKind.DURATION: (Measure(Quantity.VALUE_SUM, Unit.TOTAL), "s", "Σ value of the events, seconds."),
    CustomMetricKind.REVENUE: (
        Measure(Quantity.CUSTOM_REVENUE, Unit.TOTAL),
        "USD",
        "Σ of what purchases and ad impressions brought (a test purchase: nothing); of others the value as US cents.",
    ),
}
