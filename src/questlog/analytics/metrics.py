"""What a metric is, and the metric of a name: from the catalogue, of a day number, or a game's own (metrics.md §3)."""

import enum
import re
from collections.abc import Callable, Mapping

import msgspec

from questlog.analytics.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.formulas import Formula, ratio, rest_of_one, value
from questlog.analytics.measures import RECEIPT_STATES, Base, Measure, ReceiptState, Unit
from questlog.analytics.problems import unknown

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
    """The metric of that name. Raises `QuestionRefused` with the nearest name there is."""
    custom = custom or {}
    found = catalogue.get(name) or _of_day(name)
    if found is None and name in custom:
        found = custom_metric(name, custom[name])
    if found is None:
        raise unknown(field, "metric", name, [*catalogue, *custom, *_DAY_EXAMPLES])
    return found


def _of_day(name: str) -> Metric | None:
    match = _DAY_METRIC.fullmatch(name)
    family = _DAY_FAMILIES.get(match["family"]) if match else None
    if match is None or family is None:
        return None
    days, state = int(match["days"]), match["state"]
    if days > MAX_DAY or (state is not None and (match["family"] != "ltv" or state not in RECEIPT_STATES)):
        return None
    if days == 0 and match["family"] != "ltv":
        return None
    return family(days, next((each for each in RECEIPT_STATES if each == state), None))


def _retention(days: int, _: ReceiptState | None) -> Metric:
    measures = (Measure(Base.COHORTS, "returned", days=days), Measure(Base.COHORTS, "cohort", days=days))
    definition = (
        f"Share of the players first seen in the bucket who had an event exactly {days} UTC days after their first. "
        f"Counts the players whose day {days} has passed; null while there are none."
    )
    return Metric(f"retention_d{days}", Group.RETENTION, "share", definition, measures, ratio)


def _rolling(days: int, _: ReceiptState | None) -> Metric:
    definition = (
        f"Share of the players first seen in the bucket who had an event {days} or more UTC days after their first. "
        f"Counts the players whose day {days} has passed; null while there are none."
    )
    return Metric(f"rolling_d{days}", Group.RETENTION, "share", definition, _survival(days), ratio)


def _churn(days: int, _: ReceiptState | None) -> Metric:
    definition = (
        f"1 − rolling_d{days}: share of the players first seen in the bucket without an event {days} or more UTC days "
        f"after their first. Counts the players whose day {days} has passed; null while there are none."
    )
    return Metric(f"churn_d{days}", Group.RETENTION, "share", definition, _survival(days), rest_of_one)


def _survival(days: int) -> tuple[Measure, ...]:
    return Measure(Base.SURVIVAL, "survived", days=days), Measure(Base.SURVIVAL, "cohort", days=days)


def _ltv(days: int, state: ReceiptState | None) -> Metric:
    base = Base.COHORT_PURCHASES if state else Base.COHORTS
    revenue = Measure(base, "revenue", Unit.MONEY, days=days, state=state)
    definition = (
        f"Revenue{of_state(state)} of the players first seen in the bucket through their day {days} ÷ their number. "
        f"Counts the players whose day {days} has passed; null while there are none."
    )
    measures = (revenue, Measure(Base.COHORTS, "cohort", days=days))
    name = f"ltv_d{days}" + (f"_{state}" if state else "")
    return Metric(name, Group.MONEY, "USD", definition, measures, ratio)


def of_state(state: ReceiptState | None) -> str:
    """The words for a state of receipts in a definition."""
    return f" with {state} receipts" if state else ""


_DAY_FAMILIES: Mapping[str, Callable[[int, ReceiptState | None], Metric]] = {
    "retention": _retention,
    "rolling": _rolling,
    "churn": _churn,
    "ltv": _ltv,
}
_DAY_EXAMPLES = tuple(f"{family}_d{days}" for family in _DAY_FAMILIES for days in (1, 3, 7, 14, 28, 30, 60, 90))

DAY_METRICS = tuple(
    metric for name in ("retention_d1", "rolling_d1", "churn_d1", "ltv_d1") if (metric := _of_day(name))
)
"""One of each family of metrics that end in a number of days."""


def custom_metric(name: str, saved: CustomMetric) -> Metric:
    """A game's own metric."""
    measure, unit, definition = _CUSTOM[saved.kind]
    described = saved.description or definition
    return Metric(name, Group.CUSTOM, unit, described, (msgspec.structs.replace(measure, match=saved.event),))


_CUSTOM: Mapping[CustomMetricKind, tuple[Measure, str, str]] = {
    CustomMetricKind.BINOMIAL: (Measure(Base.EVENTS, "players"), "players", "Distinct players who had the event."),
    CustomMetricKind.COUNT: (Measure(Base.EVENTS, "count"), "events", "Events."),
    CustomMetricKind.SUM: (Measure(Base.EVENTS, "value_sum", Unit.TOTAL), "", "Σ value of the events."),
    CustomMetricKind.DURATION: (Measure(Base.EVENTS, "value_sum", Unit.TOTAL), "s", "Σ value of the events, seconds."),
    CustomMetricKind.REVENUE: (
        Measure(Base.EVENTS, "value_dollars", Unit.TOTAL),
        "USD",
        "Σ value of the events as US cents.",
    ),
}
