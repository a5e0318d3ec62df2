"""`/api/v1/games/{game}/ingest-hours`: what arrived, hour by hour, and whether it adds up."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from questlog.api.analytics import Asking
from questlog.api.games import Services
from questlog.api.parameters import parse_time
from questlog.console.access import Right, needs
from questlog.console.table_formats import rows_of
from questlog.store.contract import Cancellation
from questlog.store.named_reads import ingest_hours

_DAY_US = 86_400_000_000


class IngestHours(msgspec.Struct, frozen=True):
    """Hours of `received_at` in which something arrived, newest first.

    `adds_up`: in every hour, received = stored + rejected + duplicates.
    """

    hours: list[dict[str, object]]
    adds_up: bool


@get("/games/{game:str}/ingest-hours", opt=needs(Right.VIEW))
async def list_ingest_hours(
    services: Services,
    asker: Asking,
    game: FromPath[str],
    since: Annotated[str | None, QueryParameter(name="from", description="RFC 3339; a day before `to`.")] = None,
    until: Annotated[str | None, QueryParameter(name="to", description="RFC 3339, exclusive; now.")] = None,
) -> IngestHours:
    """Events received, stored, rejected and recognised as duplicates, per hour."""
    until_us = parse_time("to", until)
    until_us = services.clock.now_us() if until_us is None else until_us
    since_us = parse_time("from", since)
    since_us = until_us - _DAY_US if since_us is None else since_us

    def answer(cancellation: Cancellation) -> IngestHours:
        game_id = services.control.find_game(game).game_id
        with services.tables.reading(cancellation) as reading:
            hours = rows_of(ingest_hours(reading.ask, game_id, since_us, until_us))
        return IngestHours(hours, all(hour["adds_up"] for hour in hours))

    return await asker.run(answer)
