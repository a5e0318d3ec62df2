"""The kinds of events that both protocols know: categories, the parts of ids, money, and closed vocabularies.

Each word is defined here once; protocols, store and analytics take it from here (spec GameAnalytics §3, Satori §8).
"""

from collections.abc import Mapping

import msgspec

from questlog.model.event import Source
from questlog.model.receipt import ReceiptState

# ---------------------------------------------------------------------------------------------------------- categories

CUSTOM = "custom"
"""The category of all of Satori's events; their names are the event ids."""

GAMEANALYTICS_CATEGORIES = (
    "user",
    "session_end",
    "business",
    "resource",
    "progression",
    "design",
    "error",
    "ads",
    "impression",
    "sdk_init",
    "health",
    "sdk_error",
    "troubleshooting",
)
CATEGORIES = (*GAMEANALYTICS_CATEGORIES, CUSTOM)

# --------------------------------------------------------------------------------------------------------------- money


class EventName(msgspec.Struct, frozen=True):
    """Events of a category; with an `event_id`, those of that id only."""

    category: str
    event_id: str | None = None


SATORI_PURCHASE, SATORI_IMPRESSION = "purchaseCompleted", "adImpression"

PURCHASES = (EventName("business"), EventName(CUSTOM, SATORI_PURCHASE))
"""The events that are purchases, or with a negative amount refunds.

An amount above 0 is a transaction, below 0 a refund; 0, and a test purchase, which has no amount, are neither
(metrics.md §3, "Money").
"""

IMPRESSIONS = (EventName("impression"), EventName(CUSTOM, SATORI_IMPRESSION))
"""The events that tell what showing an ad earned (`ad_revenue`)."""

# ------------------------------------------------------------------------------------------------------- parts of ids

ID_PARTS: Mapping[str, Mapping[str, int]] = {
    "progression_status": {"progression": 0},
    "progression_01": {"progression": 1},
    "progression_02": {"progression": 2},
    "progression_03": {"progression": 3},
    "flow_type": {"resource": 0},
    "resource_currency": {"resource": 1},
    "item_type": {"resource": 2, "business": 0},
    "item_id": {"resource": 3, "business": 1},
    **{f"design_0{place + 1}": {"design": place} for place in range(5)},
}
"""Parts of the colon-separated ids: by name, for each category that has it, its place from 0."""

# --------------------------------------------------------------------------------------------------------- vocabularies

SEVERITIES = ("debug", "info", "warning", "error", "critical")
FLOW_TYPES = ("Source", "Sink")
PROGRESSION_STATUSES = ("Start", "Fail", "Complete")
AD_TYPES = (
    "video",
    "rewarded_video",
    "playable",
    "interstitial",
    "offer_wall",
    "banner",
    "app_open",
    "rewarded_interstitial",
)
AD_ACTIONS = ("clicked", "show", "failed_show", "reward_received", "request", "loaded")
SOURCES = tuple(source.value for source in Source if source is not Source.UNKNOWN)
RECEIPT_STATES = tuple(state.value for state in ReceiptState)
PLAYER_AGES = ("new", "returning")
PAYER = ("yes", "no")

VOCABULARIES: Mapping[str, tuple[str, ...]] = {
    "category": CATEGORIES,
    "severity": SEVERITIES,
    "flow_type": FLOW_TYPES,
    "progression_status": PROGRESSION_STATUSES,
    "ad_type": AD_TYPES,
    "ad_action": AD_ACTIONS,
    "source": SOURCES,
    "receipt_state": RECEIPT_STATES,
    "player_age": PLAYER_AGES,
    "payer": PAYER,
}
"""Dimensions that have no other values than these. (`connection_type` can have others: Satori takes any text.)"""
