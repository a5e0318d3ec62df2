"""What a player bought, and what was refunded, newest first (metrics.md §3)."""

from typing import Annotated

import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.analyses.timeline import PlayerId, known_player, rows_answer
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.pages import newest, page
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.examples import Example
from questlog.analytics.question.paging import Mark
from questlog.store.schema import PURCHASES

MAX_PURCHASES = 1_000


class PlayerPurchases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A player's latest purchases and refunds, newest first. The totals are the number of all `purchases`.

    For the next page, `after` is the `next` of the answer.
    """

    player_id: PlayerId
    limit: Annotated[int, Meta(ge=1, le=MAX_PURCHASES)] = 50
    after: Mark | None = None


def answer(question: PlayerPurchases, context: Context) -> Answer:
    """At most `limit` purchases and refunds. Raises `InvalidQuery` for an unknown player."""
    player_no = known_player(question.player_id, context)["player_no"]
    rows = context.run(_purchases, context.game_id, player_no, question.after, question.limit)
    rows, following = page(rows, "event_time", "row_no", question.limit)
    found = rows_answer(rows, PURCHASES, context, following)
    return msgspec.structs.replace(found, totals=context.run(_count, context.game_id, player_no))


def _of_player(game_id: int, player_no: int) -> ir.Table:
    rows = tables.purchases
    return rows.filter(rows.game_id == game_id, rows.player_no == player_no)


def _purchases(game_id: int, player_no: int, after: str | None, limit: int) -> ir.Table:
    return newest(_of_player(game_id, player_no), "event_time", "row_no", after, limit)


def _count(game_id: int, player_no: int) -> ir.Table:
    rows = _of_player(game_id, player_no)
    return rows.aggregate(purchases=rows.count())


ANALYSIS = Analysis(
    "player-purchases",
    PlayerPurchases,
    answer,
    "What a player bought, and what was refunded, newest first.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(Example("A player's last purchases and refunds", {"player_id": "ada", "limit": 10}),),
)
