"""What flows in and out by currency and item, and what players have left (metrics.md §§3, 5)."""

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from typing import Any

from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.events import mean_of, quantile
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.ratios import ratio


def flows(game: Game, asked: Asked, depth: int) -> dict[Key, dict[str, Any]]:
    """By bucket and the first `depth` parts of the id after the flow."""
    found: defaultdict[Key, list[Stored]] = defaultdict(list)
    for event in game.events:
        values = of_event(game, event)
        if _is_flow(event) and asked.has(event.time) and asked.where(values):
            parts = (*event.parts[1:], None, None, None)
            found[(asked.bucket(event.time), *(part or None for part in parts[:depth]))].append(event)
    return {key: _flow(events) for key, events in found.items()}


def _is_flow(event: Stored) -> bool:
    return event.sent.category == "resource" and event.parts[:1] in {("Source",), ("Sink",)}


def _flow(events: list[Stored]) -> dict[str, Any]:
    sources = [event for event in events if event.parts[0] == "Source"]
    sinks = [event for event in events if event.parts[0] == "Sink"]
    source = sum((_value(event) for event in sources), Fraction())
    sink = sum((abs(_value(event)) for event in sinks), Fraction())
    players = len({event.player for event in events} - {None})
    return {
        "source": source,
        "sink": sink,
        "flow": source - sink,
        "sources": len(sources),
        "sinks": len(sinks),
        "economy_players": players,
        "source_per_player": ratio(source, players),
        "sink_per_player": ratio(sink, players),
        "flow_per_player": ratio(source - sink, players),
    }


def _value(event: Stored) -> Fraction:
    return Fraction(event.sent.value or 0)


def balances(game: Game, day: dt.date) -> dict[str, dict[str, Any]]:
    """By currency: what the players who ever had some of it have left at the end of a day."""
    left: defaultdict[str, defaultdict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for event in game.events:
        if _is_flow(event) and event.player is not None and event.day <= day:
            is_source = event.parts[0] == "Source"
            left[event.parts[1]][event.player] += _value(event) if is_source else -abs(_value(event))
    return {currency: _balance(list(of_players.values())) for currency, of_players in left.items()}


def _balance(left: list[Fraction]) -> dict[str, Any]:
    shares = {"p05": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95}
    return {
        "players": len(left),
        "total": sum(left, Fraction()),
        "mean": mean_of(left),
        "min": min(left),
        "max": max(left),
        **{name: quantile(left, Fraction(share, 100)) for name, share in shares.items()},
    }
