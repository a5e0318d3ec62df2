"""`/api/v1/games/{game}/events`: what arrived, newest first, and what was refused and why."""

import enum
from typing import Annotated

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from questlog.analytics.question.paging import mark_of, place_of
from questlog.api.analytics import Asking
from questlog.api.errors import bad_value, not_found
from questlog.api.event_listing import check_filter
from questlog.api.games import Services
from questlog.api.parameters import After, From, To, parse_from, parse_to
from questlog.console.access import Right, needs
from questlog.console.integration import Integration
from questlog.console.table_formats import rows_of
from questlog.store.contract import Cancellation
from questlog.store.named_reads import REJECTED, STORED, WARNED, EventFilter, Page
from questlog.store.named_reads import list_events as rows_of_events

_JSON_COLUMNS = ("attributes", "errors")
FILTER_TEXT = "This text; a `*` stands for any characters."
"""Describes a parameter that filters by a text."""
FILTER_TEXTS = "Not these texts; a comma between them, `*` stands for any characters."
"""Describes a parameter that leaves out texts."""
_MOST_TEXTS = 20


class Status(enum.StrEnum):
    """How an event ended."""

    STORED = "stored"
    WARNED = "warned"
    REJECTED = "rejected"


class EventPage(msgspec.Struct, frozen=True):
    """Rows with all their columns, newest first. `next`, given as `after`, asks for those that came earlier."""

    events: list[dict[str, object]]
    next: str | None


_LISTINGS = {Status.STORED: STORED, Status.WARNED: WARNED, Status.REJECTED: REJECTED}


@get("/games/{game:str}/events", opt=needs(Right.PERSONAL_DATA))
async def list_events(  # noqa: PLR0913, PLR0917 - each is a parameter of the route
    services: Services,
    asker: Asking,
    game: FromPath[str],
    status: FromQuery[Status] = Status.STORED,
    category: Annotated[str | None, QueryParameter(name="category", description=FILTER_TEXT)] = None,
    event_id: Annotated[str | None, QueryParameter(name="event_id", description=FILTER_TEXT)] = None,
    player_id: Annotated[str | None, QueryParameter(name="player_id", description=FILTER_TEXT)] = None,
    session_id: Annotated[str | None, QueryParameter(name="session_id", description=FILTER_TEXT)] = None,
    build: Annotated[str | None, QueryParameter(name="build", description=FILTER_TEXT)] = None,
    sdk_version: Annotated[str | None, QueryParameter(name="sdk_version", description=FILTER_TEXT)] = None,
    source: Annotated[str | None, QueryParameter(name="source", description=FILTER_TEXT)] = None,
    reason: Annotated[
        str | None, QueryParameter(name="reason", description=f"Of rejected events. {FILTER_TEXT}")
    ] = None,
    not_category: Annotated[str | None, QueryParameter(name="not_category", description=FILTER_TEXTS)] = None,
    not_event_id: Annotated[str | None, QueryParameter(name="not_event_id", description=FILTER_TEXTS)] = None,
    since: From = None,
    until: To = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1000)] = 100,
    after: After = None,
) -> EventPage:
    """Events of a game by `received_at`, newest first.

    With `status=rejected`, those refused, with reasons; with `status=warned`, stored events of a lenient game with
    annotations that break their rule (`attributes.invalid`).
    """
    which = EventFilter(
        category=category,
        event_id=event_id,
        player_id=player_id,
        session_id=session_id,
        build=build,
        sdk_version=sdk_version,
        source=source,
        reason=reason,
        not_category=texts_of("not_category", not_category),
        not_event_id=texts_of("not_event_id", not_event_id),
        since=parse_from(since),
        until=parse_to(until),
    )
    page = None if after is None else Page(*place_of(after, 2))
    listing = _LISTINGS[status]

    def answer(cancellation: Cancellation) -> EventPage:
        game_id = services.control.find_game(game).game_id
        check_filter(listing, which)
        with services.tables.reading(cancellation) as reading:
            table = rows_of_events(reading.ask, listing, game_id, which, page, limit + 1)
        return EventPage(event_rows(table.slice(0, limit)), _next_page(table, listing.number, limit))

    return await asker.run(answer)


class WholeEvent(msgspec.Struct, frozen=True):
    """An event's row, and `raw`, its JSON as it was sent; null when the journal does not have it any more."""

    event: dict[str, object]
    raw: msgspec.Raw | None


@get("/games/{game:str}/events/{row_no:int}", opt=needs(Right.PERSONAL_DATA))
async def get_event(services: Services, asker: Asking, game: FromPath[str], row_no: FromPath[int]) -> WholeEvent:
    """One stored event by its `row_no`, with what was sent."""
    found = await asker.run(lambda cancellation: Integration(services).event(game, row_no, cancellation))
    if found is None:
        raise not_found(f"the game has no event {row_no}")
    (row,) = event_rows(found.row)
    return WholeEvent(row, None if found.raw is None else msgspec.Raw(found.raw.encode()))


def texts_of(name: str, text: str | None) -> tuple[str, ...]:
    """Texts with commas between them. Raises `ApiError` 400 for too many."""
    texts = tuple(part for part in map(str.strip, (text or "").split(",")) if part)
    if len(texts) > _MOST_TEXTS:
        raise bad_value(name, f"`{name}` takes at most {_MOST_TEXTS} texts")
    return texts


def event_rows(table: pa.Table) -> list[dict[str, object]]:
    """The rows as values that JSON can carry, with JSON columns as the JSON they hold."""
    rows = rows_of(table)
    for row in rows:
        for name in _JSON_COLUMNS:
            if isinstance(text := row.get(name), str):
                row[name] = msgspec.Raw(text.encode())
    return rows


def _next_page(table: pa.Table, number: str, limit: int) -> str | None:
    if table.num_rows <= limit:
        return None
    received_at = pc.cast(table["received_at"], pa.int64())[limit - 1].as_py()
    return mark_of(received_at, table[number][limit - 1].as_py())
