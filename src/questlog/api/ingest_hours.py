"""`/api/v1/games/{game}/ingest-hours`: what arrived, hour by hour, and whether it adds up."""

from typing import Annotated

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from litestar import get
from litestar.params import FromPath, QueryParameter

from questlog.analytics.question.paging import mark_of, place_of
from questlog.api.analytics import Asking
from questlog.api.games import Services
from questlog.api.parameters import After, From, To, parse_from, parse_to
from questlog.console.access import Right, needs
from questlog.console.table_formats import rows_of
from questlog.store.contract import Cancellation
from questlog.store.named_reads import ingest_hours

_DAY_US = 86_400_000_000
_MOST = 1_000


class IngestHours(msgspec.Struct, frozen=True):
    """Hours of `received_at` in which something arrived, newest first.

    `adds_up`: in every hour of the page, received = stored + rejected + duplicates. `next`, given as `after`, asks for
    earlier hours.
    """

    hours: list[dict[str, object]]
    adds_up: bool
    next: str | None


@get("/games/{game:str}/ingest-hours", opt=needs(Right.VIEW))
async def list_ingest_hours(
    services: Services,
    asker: Asking,
    game: FromPath[str],
    since: From = None,
    until: To = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=_MOST)] = _MOST,
    after: After = None,
) -> IngestHours:
    """Events received, stored, rejected and recognised as duplicates, per hour; by default of the last 24 hours."""
    until_us = parse_to(until)
    until_us = services.clock.now_us() if until_us is None else until_us
    since_us = parse_from(since)
    since_us = until_us - _DAY_US if since_us is None else since_us
    if after is not None:
        (last_us,) = place_of(after, 1)
        until_us = min(until_us, last_us)

    def answer(cancellation: Cancellation) -> IngestHours:
        game_id = services.control.find_game(game).game_id
        with services.tables.reading(cancellation) as reading:
            found = ingest_hours(reading.ask, game_id, since_us, until_us, limit + 1)
        hours = rows_of(found.slice(0, limit))
        last = pc.cast(found["hour"], pa.int64())[limit - 1].as_py() if found.num_rows > limit else None
        return IngestHours(hours, all(hour["adds_up"] for hour in hours), None if last is None else mark_of(last))

    return await asker.run(answer)
