"""Every built-in metric, declared once (metrics.md §3); those that end in a number of days are in `metric`.

Their definitions are what the API, the dashboard and docs/reference/metrics.md say.
"""

from collections.abc import Iterator, Mapping

from questlog.analytics.metrics.event_metrics import EVENT_METRICS
from questlog.analytics.metrics.formulas import added, ratio, value
from questlog.analytics.metrics.measures import RECEIPT_STATES, Measure, Quantity, ReceiptState, Unit
from questlog.analytics.metrics.metric import Group, Metric, of_state

_ACTIVE = Measure(Quantity.ACTIVE_PLAYERS)
_NEW = Measure(Quantity.NEW_PLAYERS)
_SESSIONS = Measure(Quantity.SESSIONS)
_PLAYTIME = Measure(Quantity.PLAYTIME, Unit.SECONDS)
_EVENTS = Measure(Quantity.EVENTS)
_AD_REVENUE = Measure(Quantity.AD_REVENUE, Unit.MONEY)
_PLAYER_DAYS = Measure(Quantity.ACTIVE_PLAYER_DAYS)
_WEEK, _MONTH, _LAST_DAY = (Measure(Quantity.PLAYERS_OF_DAYS, days=days) for days in (7, 30, 1))

PLAYER_METRICS = (
    Metric("dau", Group.PLAYERS, "players", "Distinct players with an event in the bucket.", (_ACTIVE,)),
    Metric(
        "wau",
        Group.PLAYERS,
        "players",
        "Distinct players with an event in the 7 days that end with the bucket's last day.",
        (_WEEK,),
    ),
    Metric(
        "mau",
        Group.PLAYERS,
        "players",
        "Distinct players with an event in the 30 days that end with the bucket's last day.",
        (_MONTH,),
    ),
    Metric(
        "stickiness",
        Group.PLAYERS,
        "share",
        "Players active on the bucket's last day ÷ mau.",
        (_LAST_DAY, _MONTH),
        ratio,
    ),
    Metric("new_players", Group.PLAYERS, "players", "Players whose first event ever is in the bucket.", (_NEW,)),
    Metric(
        "returning_players",
        Group.PLAYERS,
        "players",
        "Distinct players with an event in the bucket whose first event ever is before it (dau − new_players).",
        (Measure(Quantity.RETURNING_PLAYERS),),
    ),
)

ENGAGEMENT_METRICS = (
    Metric("sessions", Group.ENGAGEMENT, "sessions", "Sessions started in the bucket.", (_SESSIONS,)),
    Metric("sessions_per_player", Group.ENGAGEMENT, "sessions", "sessions ÷ dau.", (_SESSIONS, _ACTIVE), ratio),
    Metric(
        "session_length",
        Group.ENGAGEMENT,
        "s",
        "Mean length of the sessions started in the bucket.",
        (_PLAYTIME, _SESSIONS),
        ratio,
    ),
    Metric(
        "session_length_median",
        Group.ENGAGEMENT,
        "s",
        "Median length of the sessions started in the bucket; of an even number, the mean of the two in the middle.",
        (Measure(Quantity.MEDIAN_LENGTH, Unit.NUMBER),),
    ),
    Metric("playtime", Group.ENGAGEMENT, "s", "Σ length of the sessions started in the bucket.", (_PLAYTIME,)),
    Metric("playtime_per_player", Group.ENGAGEMENT, "s", "playtime ÷ dau.", (_PLAYTIME, _ACTIVE), ratio),
    Metric(
        "events_per_session",
        Group.ENGAGEMENT,
        "events",
        "Events ÷ sessions.",
        (_EVENTS, _SESSIONS),
        ratio,
    ),
)


def _money(state: ReceiptState | None) -> Iterator[Metric]:
    """The metrics of all purchases and refunds, or of those with receipts in one state."""
    end, of = f"_{state}" if state else "", of_state(state)

    def money(quantity: Quantity) -> Measure:
        return Measure(quantity, Unit.MONEY, state=state)

    def count(quantity: Quantity) -> Measure:
        return Measure(quantity, state=state)

    revenue, paying = money(Quantity.REVENUE), count(Quantity.PAYING_PLAYERS)
    declared = (
        ("revenue", "USD", f"Σ `amount_usd` of purchases{of}, net of refunds; without ad revenue.", (revenue,), value),
        ("gross_revenue", "USD", f"Σ `amount_usd` of purchases{of}.", (money(Quantity.GROSS_REVENUE),), value),
        ("refunds", "refunds", f"Refunds{of} (amount below 0).", (count(Quantity.REFUNDS),), value),
        (
            "refunded",
            "USD",
            f"Σ `amount_usd` of refunds{of}, as a positive number.",
            (money(Quantity.REFUNDED),),
            value,
        ),
        ("total_revenue", "USD", f"revenue{end} + ad_revenue.", (revenue, _AD_REVENUE), added),
        ("transactions", "purchases", f"Purchases{of} (amount above 0).", (count(Quantity.TRANSACTIONS),), value),
        (
            "revenue_per_transaction",
            "USD",
            f"revenue{end} ÷ transactions{end} that have a price in US dollars.",
            (revenue, count(Quantity.PRICED_TRANSACTIONS)),
            ratio,
        ),
        ("paying_players", "players", f"Distinct players with a purchase{of} in the bucket.", (paying,), value),
        (
            "converting_players",
            "players",
            f"Players whose first purchase{of} ever is in the bucket.",
            (count(Quantity.CONVERTING_PLAYERS),),
            value,
        ),
        ("conversion", "share", f"paying_players{end} ÷ dau.", (paying, _ACTIVE), ratio),
        (
            "arpdau",
            "USD",
            f"revenue{end} ÷ dau; for more than one day, ÷ the sum of the dau of all days.",
            (revenue, _PLAYER_DAYS),
            ratio,
        ),
        (
            "arppu",
            "USD",
            f"revenue{end} ÷ paying_players{end} with a purchase that has a price in US dollars.",
            (revenue, count(Quantity.PRICED_PAYERS)),
            ratio,
        ),
    )
    for name, unit, definition, measures, formula in declared:
        yield Metric(f"{name}{end}", Group.MONEY, unit, definition, measures, formula)


MONEY_METRICS = (
    *_money(None),
    Metric(
        "ad_revenue",
        Group.MONEY,
        "USD",
        "Σ `ad_revenue_usd` of ad impressions.",
        (_AD_REVENUE,),
    ),
    *(metric for state in RECEIPT_STATES for metric in _money(state)),
)

CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric for metric in (*PLAYER_METRICS, *ENGAGEMENT_METRICS, *MONEY_METRICS, *EVENT_METRICS)
}
"""By name, in the order of metrics.md §3."""
