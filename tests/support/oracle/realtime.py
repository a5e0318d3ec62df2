"""The last hour by minute, the last day by hour (metrics.md §5): what happened in each bucket."""

from typing import Any

from tests.support.oracle import money
from tests.support.oracle.game import Game


def told(game: Game, start: int, width: int) -> dict[str, Any]:
    """Of the bucket that begins at `start`; both in microseconds."""

    def is_in(time: int) -> bool:
        return start <= time < start + width

    events = [event for event in game.events if is_in(event.time)]
    return {
        "active": len({event.player for event in events} - {None}),
        "new": sum(is_in(game.of(player)[0].time) for player in game.players),
        "sessions": sum(is_in(session.start) for session in game.sessions),
        "revenue": money.net_usd(events),
        "errors": sum(event.sent.category == "error" for event in events),
    }
