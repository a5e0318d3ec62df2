"""Monetization: what players spend, on what, and who pays."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from questlog.analytics.analyses.cohort_members import CohortStart, Form
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.question.query import AllOf, Condition, Filter, Granularity, Operator, Query
from questlog.web.cards import Asked, Card, Drawing
from questlog.web.charts import curve
from questlog.web.reports import Report
from questlog.web.standard_cards import by_dimension_over_time, figures_card, over_time, top_values
from questlog.web.tables import drawn, table_of
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = (
    "revenue",
    "ad_revenue",
    "arpdau",
    "arppu",
    "conversion",
    "paying_players",
    "converting_players",
    "revenue_per_transaction",
)
_OF_ITEMS = ("revenue", "transactions", "paying_players")
_NO_PURCHASE = mark("No purchase in this period.")


def _ltv(view: View) -> Mapping[str, msgspec.Struct]:
    """Of cohorts old enough to have a curve: those of the period, and of the 30 days before it."""
    period = msgspec.structs.replace(view.period, start=view.period.start - dt.timedelta(days=30))
    return {"ltv": Cohort(period, ages=60, filter=view.filter, form=Form.CURVE)}


def _to_first_purchase(view: View) -> Mapping[str, msgspec.Struct]:
    question = Cohort(view.period, ages=30, filter=view.filter, form=Form.CURVE, cohort=CohortStart.FIRST_PURCHASE)
    return {"after": question}


def _receipts(view: View) -> Mapping[str, msgspec.Struct]:
    return {
        "receipts": Query(
            ("revenue", "transactions", "paying_players"),
            view.period,
            Granularity.ALL,
            ("receipt_state",),
            view.filter,
            totals=True,
        )
    }


def _unpriced(view: View) -> Mapping[str, msgspec.Struct]:
    unpriced: tuple[Filter, ...] = (
        Condition("category", Operator.IS, ("business",)),
        Condition("amount_usd", Operator.IS_NOT_SET),
    )
    condition = AllOf((*unpriced, view.filter) if view.filter else unpriced)
    return {"unpriced": Query(("events",), view.period, Granularity.ALL, ("currency",), condition)}


def _table(asked: Asked) -> Drawing:
    table = table_of(asked.answer, asked.formats, asked.translate)
    return drawn(table)


REPORT = Report(
    "monetization",
    "What do players spend, on what, and who pays?",
    (
        figures_card("monetization.figures", _FIGURES),
        over_time(
            "monetization.revenue",
            mark("Revenue from purchases and ads"),
            ("revenue", "ad_revenue"),
            "stacked",
            span=12,
            empty=mark("No purchase and no ad in this period."),
        ),
        over_time("monetization.arpdau", mark("ARPDAU"), ("arpdau",), compared=True, empty=_NO_PURCHASE),
        over_time("monetization.arppu", mark("ARPPU"), ("arppu",), compared=True, empty=_NO_PURCHASE),
        over_time(
            "monetization.payers",
            mark("Paying players"),
            ("paying_players", "converting_players"),
            empty=_NO_PURCHASE,
        ),
        over_time("monetization.conversion", mark("Conversion"), ("conversion",), compared=True, empty=_NO_PURCHASE),
        over_time(
            "monetization.refunds",
            mark("Gross revenue and refunds"),
            ("gross_revenue", "refunded"),
            empty=_NO_PURCHASE,
        ),
        over_time(
            "monetization.basket", mark("Revenue per purchase"), ("revenue_per_transaction",), empty=_NO_PURCHASE
        ),
        Card(
            "monetization.ltv",
            mark("Lifetime value of new players"),
            _ltv,
            lambda asked: curve(asked, "ltv", "USD", "ltv"),
            help=mark("Revenue per new player up to each day, of players of the period and of the 30 days before it."),
            empty=mark("No new player whose day is over."),
        ),
        Card(
            "monetization.after_purchase",
            mark("What payers bring after their first purchase"),
            _to_first_purchase,
            lambda asked: curve(asked, "ltv", "USD", "ltv"),
            empty=_NO_PURCHASE,
        ),
        by_dimension_over_time(
            "monetization.countries", mark("Revenue by country"), "revenue", "country", empty=_NO_PURCHASE
        ),
        by_dimension_over_time("monetization.builds", mark("Revenue by build"), "revenue", "build", empty=_NO_PURCHASE),
        top_values("monetization.items", mark("Items"), "item_id", _OF_ITEMS, empty=_NO_PURCHASE),
        top_values("monetization.currency", mark("Currencies"), "currency", _OF_ITEMS, empty=_NO_PURCHASE),
        top_values("monetization.country", mark("Countries"), "country", _OF_ITEMS, empty=_NO_PURCHASE),
        Card(
            "monetization.receipts",
            mark("Receipts"),
            _receipts,
            _table,
            help=mark("Purchases by what the check of their receipt found."),
            empty=_NO_PURCHASE,
        ),
        Card(
            "monetization.unpriced",
            mark("Purchases without a price in dollars"),
            _unpriced,
            _table,
            help=mark(
                "Their currency has no rate, or the amount is missing: they are in no sum. Rates: `questlog reprice`."
            ),
            empty=mark("Every purchase has a price in dollars."),
        ),
    ),
)
