"""Addresses of the players behind a number: from any number on a page, one click leads to who it counts."""

import urllib.parse

import msgspec

from questlog.analytics.analyses.member_cells import Cell
from questlog.web.view import View


def who_url(view: View, cell: Cell) -> str:
    """The page with the players of a cell."""
    text = msgspec.json.encode(cell).decode()
    return f"/games/{view.game.game_id}/who?{urllib.parse.urlencode({'of': text})}"


def player_url(view: View, player_id: str) -> str:
    """The page of a player, with the period and without filters: they are of the reports."""
    return view.url("player", conditions=(), nested=None, segment="", own={"id": player_id})
