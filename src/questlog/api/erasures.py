"""`/api/v1/games/{game}/erasures` and `/player-export`: what is stored of a player, given out or erased.

Erasures wait, so that they can be undone.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from questlog.api.analytics import Asking
from questlog.api.authentication import ThisAccess
from questlog.api.games import Services
from questlog.console.access import Right, needs
from questlog.console.erasures import MOST_UNDO_HOURS, UNDO_HOURS, check_player, request_erasure
from questlog.console.player_export import begin_export, export_of
from questlog.control.audit_log import Action
from questlog.control.player_erasures import RequestedErasure
from questlog.store.contract import Cancellation

_MAX_ID = 1_024

PlayerOfAddress = Annotated[str, QueryParameter(name="player_id", min_length=1, max_length=_MAX_ID)]


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
    player_id: PlayerOfAddress,
) -> None:
    """Undo an erasure that waits. One that has begun cannot be undone."""
    services.control.undo_erasure(game, player_id)


@get("/games/{game:str}/player-export", opt=needs(Right.PERSONAL_DATA))
async def export_player(
    services: Services, asker: Asking, access: ThisAccess, game: FromPath[str], player_id: PlayerOfAddress
) -> Stream:
    """Everything that is stored about a player, as one JSON file: to hand out, or to keep before erasing."""
    export = await asker.run(lambda cancellation: begin_export(services, game, player_id, cancellation))
    await access.record(Action.EXPORT, f"player/{player_id}")
    return Stream(export_of(services, export, Cancellation()), media_type=MediaType.JSON)


ERASURE_HANDLERS = [list_erasures, erase_player, undo_erasure, export_player]
