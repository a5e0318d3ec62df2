"""Which values a dimension has, and which events there are (metrics.md §5)."""

import datetime as dt
from fractions import Fraction
from typing import Any

from tests.support.oracle.asked import Asked, Where
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.game import Game


def of_dimension(game: Game, asked: Asked, dimension: str, prefix: str) -> dict[str, dict[str, Any]]:
    """Events and players of each value that begins with the prefix, in capitals or not, the most frequent first."""
    told = [
        (str(value), event)
        for event in game.events
        if asked.has(event.time)
        and asked.where(of_event(game, event))
        and (value := of_event(game, event)(dimension)) is not None
    ]
    everything = sum(asked.has(event.time) and asked.where(of_event(game, event)) for event in game.events)
    found = {value: [event for other, event in told if other == value] for value, _ in told}
    return {
        value: {
            "events": len(found[value]),
            "players": len({event.player for event in found[value]} - {None}),
            "share": Fraction(len(found[value]), everything),
        }
        for value in sorted(found, key=lambda value: (-len(found[value]), value))
        if value.lower().startswith(prefix.lower())
    }


def catalogue(game: Game, start: dt.date, end: dt.date) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Of every category and id there ever was: its first and last day, and the period's events and players."""
    names = {(event.sent.category, event.sent.event_id) for event in game.events}
    return {name: _of_name(game, name, start, end) for name in names}


def _of_name(game: Game, name: tuple[str, str | None], start: dt.date, end: dt.date) -> dict[str, Any]:
    mine = [event for event in game.events if (event.sent.category, event.sent.event_id) == name]
    now = [event for event in mine if start <= event.day <= end]
    return {
        "first_day": min(event.day for event in mine),
        "last_day": max(event.day for event in mine),
        "events": len(now),
        "players": len({event.player for event in now} - {None}),
    }


def error_groups(game: Game, start: dt.date, end: dt.date, where: Where) -> dict[str, dict[str, Any]]:
    """Of the errors of the period with a message: by what it says before the first number."""
    errors = [event for event in game.events if event.sent.category == "error" and event.sent.message]
    found = {}
    for group in {_like(event.sent.message) for event in errors}:
        mine = sorted((each for each in errors if _like(each.sent.message) == group), key=lambda each: each.order)
        now = [each for each in mine if start <= each.day <= end and where(of_event(game, each))]
        if now:
            found[group] = {
                "message": now[-1].sent.message,
                "severity": now[-1].sent.severity,
                "events": len(now),
                "players": len({each.player for each in now} - {None}),
                "first_build": mine[0].sent.build,
                "is_new": start <= mine[0].day <= end,
            }
    return found


def releases(game: Game, start: dt.date, end: dt.date, min_players: int, min_share: float) -> dict[str, dict[str, Any]]:
    """Of each build: the first day with enough players, if it is in the period and not long after its first event."""
    start_of_game = min((event.day for event in game.events if event.sent.build is not None), default=start)
    found = {}
    for build in {event.sent.build for event in game.events} - {None}:
        mine = [event for event in game.events if event.sent.build == build]
        first_seen = min(event.day for event in mine)
        by_day = {day: {each.player for each in mine if each.day == day} - {None} for day in {e.day for e in mine}}
        active = {day: {each.player for each in game.events if each.day == day} - {None} for day in by_day}
        days = [
            day
            for day, players in sorted(by_day.items())
            if len(players) >= min_players and players and len(players) / len(active[day]) >= min_share
        ]
        is_new = first_seen > start_of_game and days and days[0] <= first_seen + dt.timedelta(days=30)
        if is_new and start <= days[0] <= end:
            players = len(by_day[days[0]])
            share = Fraction(players, len(active[days[0]]))
            found[str(build)] = {"day": days[0], "players": players, "share": share, "first_seen": first_seen}
    return found


def _like(message: str | None) -> str:
    return (message or "").split("0x")[0]
