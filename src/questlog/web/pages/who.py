"""Who: the players behind a number of any page. They are exported, opened one by one, or saved as a segment."""

from collections.abc import Mapping

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from questlog.analytics.analyses.member_cells import Cell
from questlog.analytics.analyses.members import MAX_LISTED, Members
from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import Right, needs
from questlog.console.table_formats import csv_bytes
from questlog.control.audit_log import Action
from questlog.web.cell_words import words_of_cell
from questlog.web.guard import caller_of
from questlog.web.log_in import AnyRequest
from questlog.web.pages.players import LISTED_TITLES
from questlog.web.reports import ask_all
from questlog.web.site import ThisSite
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import player_url

_A_PAGE = 100
_MAX_ID = 1_024


@get("/games/{game:str}/who", opt=needs(Right.PERSONAL_DATA))
async def who_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The players of a cell."""
    view = await site.view(request, "who")
    cell = _cell_of(view.own)
    question = Members(cell, _A_PAGE, view.own.get("after", "")[:_MAX_ID] or None)
    answer = (await ask_all(site, request, {"members": question}))["members"]
    formats, translate = site.formats(request), site.translate(request)
    links = {"player_id": lambda row: player_url(view, str(row["player_id"]))}
    table = table_of(answer, formats, translate, links=links, titles=LISTED_TITLES)
    [totals] = answer.totals.to_pylist() if answer.totals is not None else [{"players": answer.table.num_rows}]
    rows = answer.table["player_id"].to_pylist()
    return await site.page(
        request,
        "players/who.html",
        page="players",
        view=view,
        words=words_of_cell(cell, formats, translate),
        table=table._replace(totals=None),
        totals=totals,
        next_url=view.with_own(after=rows[-1]) if len(rows) == _A_PAGE else None,
        first_url=view.with_own(after=None) if view.own.get("after") else None,
        rule=msgspec.json.encode({"type": "in_cell", "of": cell}).decode(),
        csv_url=view.url().replace("/who", "/who/csv", 1),
        may_save=caller_of(request).may(Right.DEFINE, view.game.game_id),
        most=MAX_LISTED,
    )


@get("/games/{game:str}/who/csv", opt=needs(Right.PERSONAL_DATA))
async def who_csv(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[bytes]:  # noqa: ARG001
    """The players of a cell as CSV."""
    view: View = await site.view(request, "who")
    question = Members(_cell_of(view.own), MAX_LISTED)
    answer = (await ask_all(site, request, {"members": question}))["members"]
    await site.record(request, Action.EXPORT, "csv of players behind a number")
    headers = {"Content-Disposition": 'attachment; filename="players.csv"'}
    return Response(csv_bytes(answer.table), headers=headers, media_type="text/csv; charset=utf-8")


def _cell_of(own: Mapping[str, str]) -> Cell:
    """The cell of the address. Raises `InvalidQuery`."""
    try:
        found: Cell = msgspec.json.decode(own.get("of", ""), type=Cell)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidQuery("of", mark("the address names no number whose players can be listed")) from None
    return found


HANDLERS = (who_page, who_csv)
