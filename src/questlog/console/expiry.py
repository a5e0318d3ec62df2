"""Which events of a game are too old to be kept, now or if it were changed."""

import datetime as dt

import msgspec

from questlog.console.services import ConsoleServices
from questlog.model.calendar import zone_named
from questlog.model.expiry import days_kept, first_day_kept
from questlog.model.game import Game
from questlog.store import named_reads


class Expiring(msgspec.Struct, frozen=True):
    """The events of a game that are deleted with `keep_days` (0 = for ever: none).

    They are those before `first_day_kept`, a day of the game's time zone; `days` of them have events, the first is
    `first_day`. `summary` says it in one sentence.
    """

    keep_days: int
    first_day_kept: dt.date | None
    first_day: dt.date | None
    days: int
    events: int
    summary: str


def expiring(services: ConsoleServices, game: Game, keep_days: int | None) -> Expiring:
    """What goes when the game has these days: None = what `event.keep_days` says. Raises `StoreFailed`."""
    counted = days_kept(keep_days, services.keep_days)
    today = zone_named(game.time_zone).day_of(services.clock.now_us())
    first = first_day_kept(today, counted)
    if first is None:
        return Expiring(counted, None, None, 0, 0, f"events of {game.name} are kept for ever")
    old = named_reads.events_before(services.tables.query, game.game_id, first)
    if not old.events:
        summary = f"{game.name} has no events before {first}"
    else:
        events, days = _counted(old.events, "event"), _counted(old.days, "day")
        since = f"from {old.first_day} on, all before {first}"
        summary = f"{events} of {game.name} on {days} {since}, will be deleted"
    return Expiring(counted, first, old.first_day, old.days, old.events, summary)


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
