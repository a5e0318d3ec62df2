"""How the server is: which program, how much room, and what the checks find."""

from collections.abc import Iterator, Sequence

import msgspec

from questlog.console.expiry import expiring
from questlog.console.services import ConsoleServices
from questlog.control.errors import ControlError
from questlog.loader.maintenance.task import MaintenanceStatus
from questlog.model.expiry import FOR_EVER, days_kept
from questlog.model.finding import Finding, Level
from questlog.model.vitals import Vitals
from questlog.store.contract import StoreFailed


class ServerState(msgspec.Struct, frozen=True):
    """The server as of `as_of` (UTC microseconds). The order of `findings`: what others depend on comes first."""

    as_of: int
    vitals: Vitals
    findings: Sequence[Finding]
    maintenance: Sequence[MaintenanceStatus]


def server_state(services: ConsoleServices) -> ServerState:
    """Look at everything now: some tens of milliseconds. Raises `OSError`."""
    return ServerState(
        as_of=services.clock.now_us(),
        vitals=services.progress.vitals(),
        findings=[*services.progress.findings(), *_expiry(services)],
        maintenance=services.progress.maintenance(),
    )


def _expiry(services: ConsoleServices) -> Iterator[Finding]:
    """Which events the server deletes, of games that do not keep all."""
    try:
        games = [services.control.find_game(game.game_key) for game in services.control.list_games()]
        for game in games:
            days = days_kept(game.keep_days, services.keep_days)
            if days == FOR_EVER:
                continue
            text = expiring(services, game, game.keep_days).summary
            unit = "day" if days == 1 else "days"
            yield Finding(Level.OK, "expiry", f"{game.name} keeps events for {days} {unit}; {text}")
    except (ControlError, StoreFailed):
        return  # the checks of the two say why
