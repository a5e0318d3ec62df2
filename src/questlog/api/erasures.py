"""`/api/v1/games/{game}/erasures`: have players erased, see which wait, and undo it in time."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from questlog.api.analytics import Asking
from questlog.api.games import Services
from questlog.console.access import Right, needs
from questlog.console.erasures import MOST_UNDO_HOURS, UNDO_HOURS, check_player, request_erasure
from questlog.control.player_erasures import RequestedErasure

_MAX_ID = 1_024


class ErasePlayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which player, and for how many hours it can be undone; with 0 it begins within seconds."""

    player_id: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_ID)]
    undo_hours: Annotated[int, msgspec.Meta(ge=0, le=MOST_UNDO_HOURS)] = UNDO_HOURS


@get("/games/{game:str}/erasures", sync_to_thread=True, opt=needs(Right.PERSONAL_DATA))
def list_erasures(services: Services, game: FromPath[str]) -> Sequence[RequestedErasure]:
    """The erasures that wait and can be undone, the first due first. Times are UTC microseconds."""
    return services.control.list_erasures(game)


@post("/games/{game:str}/erasures", status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE))
async def erase_player(
    services: Services, asker: Asking, game: FromPath[str], data: JSONBody[ErasePlayer]
) -> RequestedErasure:
    """Have everything of a player erased, at `due_at`: events, sessions, properties, identity, rejected events."""
    await asker.run(lambda cancellation: check_player(services, game, data.player_id, cancellation))
    return await asyncio.to_thread(request_erasure, services, game, data.player_id, data.undo_hours)


@delete("/games/{game:str}/erasures", sync_to_thread=True, status_code=HTTPStatus.NO_CONTENT, opt=needs(Right.MANAGE))
def undo_erasure(
    services: Services,
    game: FromPath[str],
    player_id: Annotated[str, QueryParameter(name="player_id", min_length=1, max_length=_MAX_ID)],
) -> None:
    """Undo an erasure that waits. One that has begun cannot be undone."""
    services.control.undo_erasure(game, player_id)


ERASURE_HANDLERS = [list_erasures, erase_player, undo_erasure]
