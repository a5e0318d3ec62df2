"""Every built-in metric, declared once (metrics.md §3); those that end in a number of days are in `metric`.

Their definitions are what the API, the dashboard and docs/reference/metrics.md say.
"""

from collections.abc import Iterator, Mapping

from questlog.analytics.metrics.event_metrics import EVENT_METRICS
from questlog.analytics.metrics.formulas import difference, ratio
from questlog.analytics.metrics.measures import RECEIPT_STATES, Measure, Quantity, ReceiptState, Unit
from questlog.analytics.metrics.metric import Group, Metric, of_state

_ACTIVE = Measure(Quantity.ACTIVE_PLAYERS)
_NEW = Measure(Quantity.NEW_PLAYERS)
_SESSIONS = Measure(Quantity.SESSIONS)
_PLAYTIME = Measure(Quantity.PLAYTIME, Unit.SECONDS)
_EVENTS = Measure(Quantity.EVENTS)
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
    Metric("returning_players", Group.PLAYERS, "players", "dau − new_players.", (_ACTIVE, _NEW), difference),
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
        "Median length of the sessions started in the bucket; of an even number the mean of the middle two.",
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
    """The metrics of all purchases, or of those with receipts in one state."""
    end, of = f"_{state}" if state else "", of_state(state)
    revenue = Measure(Quantity.REVENUE, Unit.MONEY, state=state)
    transactions = Measure(Quantity.TRANSACTIONS, state=state)
    paying = Measure(Quantity.PAYING_PLAYERS, state=state)
    converting = Measure(Quantity.CONVERTING_PLAYERS, state=state)
    named = {name: f"{name}{end}" for name in ("revenue", "transactions", "paying_players")}
    declared = (
        ("revenue", "USD", f"Σ `amount_usd` of the purchases{of}; without ad revenue.", (revenue,), None),
        ("transactions", "purchases", f"Purchases{of}.", (transactions,), None),
        (
            "revenue_per_transaction",
            "USD",
            f"{named['revenue']} ÷ {named['transactions']}.",
            (revenue, transactions),
            ratio,
        ),
        ("paying_players", "players", f"Distinct players with a purchase{of} in the bucket.", (paying,), None),
        (
            "converting_players",
            "players",
            f"Players whose first purchase{of} ever is in the bucket.",
            (converting,),
            None,
        ),
        ("conversion", "share", f"{named['paying_players']} ÷ dau.", (paying, _ACTIVE), ratio),
        (
            "arpdau",
            "USD",
            f"{named['revenue']} ÷ dau; over more than a day ÷ the sum of every day's dau.",
            (revenue, _PLAYER_DAYS),
            ratio,
        ),
        ("arppu", "USD", f"{named['revenue']} ÷ {named['paying_players']}.", (revenue, paying), ratio),
    )
    for name, unit, definition, measures, formula in declared:
        made_by = {} if formula is None else {"formula": formula}
        yield Metric(f"{name}{end}", Group.MONEY, unit, definition, measures, **made_by)


MONEY_METRICS = (
    *_money(None),
    Metric(
        "ad_revenue",
        Group.MONEY,
        "USD",
        "Σ `ad_revenue_usd` of ad impressions.",
        (Measure(Quantity.AD_REVENUE, Unit.MONEY),),
    ),
    *(metric for state in RECEIPT_STATES for metric in _money(state)),
)

CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric for metric in (*PLAYER_METRICS, *ENGAGEMENT_METRICS, *MONEY_METRICS, *EVENT_METRICS)
}
"""By name, in the order of metrics.md §3."""
