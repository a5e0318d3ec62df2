"""Questions as one would ask them: shown in the schema at `/api/schema`. A test asks each."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Example(NamedTuple):
    """A body, as JSON, and what it asks for."""

    summary: str
    body: Mapping[str, Any]


_JANUARY = {"start": "2026-01-01", "end": "2026-01-31"}
_IS_IOS = {"type": "condition", "dimension": "platform", "operator": "is", "values": ["ios"]}
_PURCHASE = {"category": "business"}
_PAYERS = {"rule": {"type": "did", "event": _PURCHASE, "operator": "greater_or_equal", "value": 3, "last_days": 30}}

QUESTIONS: Mapping[str, Sequence[Example]] = {
    "query": (
        Example("Players and revenue, day by day", {"metrics": ["dau", "revenue"], "period": _JANUARY}),
        Example(
            "The five countries with the most revenue, beside the month before",
            {
                "metrics": ["revenue", "paying_players", "arppu"],
                "period": _JANUARY,
                "granularity": "all",
                "group_by": ["country"],
                "top": 5,
                "compare": "previous_period",
                "totals": True,
            },
        ),
        Example(
            "Day-1 and day-7 retention on iOS, week by week",
            {
                "metrics": ["new_players", "retention_d1", "retention_d7"],
                "period": _JANUARY,
                "granularity": "week",
                "filter": _IS_IOS,
            },
        ),
    ),
    "explore": (
        Example("What happens below `Combat`, two levels deep", {"period": _JANUARY, "nodes": ["Combat"], "depth": 2}),
        Example(
            "How the values of one id are spread",
            {"period": _JANUARY, "nodes": ["Combat:Damage"], "histogram": {"bins": 10}},
        ),
        Example(
            "On which devices the game runs how smoothly",
            {
                "period": _JANUARY,
                "category": "health",
                "group_by": "device",
                "histogram": {"edges": [0, 15, 30, 45, 60]},
                "histogram_of": "fps",
            },
        ),
        Example(
            "Progression by platform, with the players reached",
            {
                "period": _JANUARY,
                "category": "progression",
                "measures": ["count", "players"],
                "group_by": "platform",
            },
        ),
    ),
    "retention": (
        Example("The triangle by day of install", {"period": _JANUARY, "ages": 14}),
        Example(
            "The curve of those who came back to buy, by country",
            {"period": _JANUARY, "form": "curve", "returned": _PURCHASE, "group_by": "country"},
        ),
        Example(
            "Who was still there, by week of the first purchase",
            {"period": _JANUARY, "granularity": "week", "cohort": "first_purchase", "kind": "rolling"},
        ),
    ),
    "cohorts": (
        Example("LTV, playtime and sessions by week of install", {"period": _JANUARY, "granularity": "week"}),
        Example("The same, added up by platform", {"period": _JANUARY, "form": "curve", "group_by": "platform"}),
    ),
    "funnel": (
        Example(
            "From the tutorial to the first purchase within three days, by platform",
            {
                "period": _JANUARY,
                "steps": [
                    {"category": "design", "event_id": "Tutorial:Done"},
                    {"category": "progression", "event_id": "Complete:world01", "is_prefix": True},
                    _PURCHASE,
                ],
                "window_s": 259_200,
                "group_by": "platform",
            },
        ),
        Example(
            "Who began a level and did not complete it",
            {
                "period": _JANUARY,
                "steps": [
                    {"category": "progression", "event_id": "Start", "is_prefix": True},
                    {"category": "progression", "event_id": "Complete", "is_prefix": True},
                ],
                "dropped_after": 1,
                "limit": 20,
            },
        ),
    ),
    "progression": (
        Example("Every level, with drop-off and difficulty", {"period": _JANUARY}),
        Example("Worlds on iOS", {"period": _JANUARY, "depth": 1, "parts": ["counts", "scores"], "filter": _IS_IOS}),
    ),
    "economy": (
        Example("What flows in and out of each currency, day by day", {"period": _JANUARY, "granularity": "day"}),
        Example(
            "The ten items that most gems are spent on",
            {"period": _JANUARY, "by": "item_id", "currency": "gems", "largest": "sink", "top": 10},
        ),
    ),
    "balances": (
        Example("What players have left of each currency", {"day": "2026-01-31"}),
        Example(
            "How many players have how many gems", {"day": "2026-01-31", "currency": "gems", "histogram": {"bins": 10}}
        ),
    ),
    "realtime": (
        Example("The last hour, minute by minute", {}),
        Example("The last day, hour by hour", {"span": "day"}),
    ),
    "cardinality": (Example("Fields with too many values in January", {"period": _JANUARY}),),
    "player": (Example("A player's first and last event, revenue and properties", {"player_id": "ada"}),),
    "sessions": (Example("A player's last ten sessions", {"player_id": "ada", "limit": 10}),),
    "timeline": (
        Example("What a player did last", {"player_id": "ada"}),
        Example(
            "What a player bought on iOS in January",
            {"player_id": "ada", "period": _JANUARY, "event": {**_PURCHASE, "filter": _IS_IOS}},
        ),
    ),
    "segments": (
        Example("How many bought three times in the last 30 days", {"segment": _PAYERS}),
        Example(
            "Who has not played for two weeks",
            {
                "segment": {"rule": {"type": "did", "event": {}, "operator": "less", "value": 1, "last_days": 14}},
                "players": 100,
            },
        ),
    ),
}
"""By the last part of the route."""

_NEVER_SAVED = ("segments", "realtime", "cardinality", "player", "sessions", "timeline")

DEFINITIONS: Mapping[str, Example] = {
    **{name: examples[0] for name, examples in QUESTIONS.items() if name not in _NEVER_SAVED},
    "segment": Example("Players who bought three times in the last 30 days", _PAYERS),
    "custom_metric": Example(
        "Bosses killed on iOS",
        {"kind": "count", "event": {"category": "design", "event_id": "Boss:Killed", "filter": _IS_IOS}},
    ),
}
"""By kind."""
