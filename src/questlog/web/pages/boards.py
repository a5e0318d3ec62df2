"""Boards: cards of any page, put together by people. Changes of a board are forms; what is shown is in the address.

The address names the board (`board`); its other parameters are the period and the filters that it is shown with. Where
it has none (`v` says that they were chosen), the board's own are taken.
"""

import asyncio
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console import boards
from questlog.console.access import Right, needs
from questlog.console.boards import Board, BoardFull, CardItem, Item, Move, TextItem
from questlog.console.definition_kinds import BOARD
from questlog.console.saved import find_saved, forget, list_saved, save
from questlog.control.errors import AlreadyExists, NotAllowed
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.reports import Drawn, draw
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark
from questlog.web.view import View, view_of

_PAGE = "/games/{game:str}/boards"
_MOST_NAME = 100
_MOST_JSON = 65_536
_OWN = ("board", "v", "edit", "full")
_OVERRIDDEN = frozenset({"period", "compare", "by", "segment"})
_TITLE = "card_title"


class Line(NamedTuple):
    """A line of a text: a heading (`h`), an item of a list (`li`) or a paragraph (`p`)."""

    kind: str
    text: str


class Placed(NamedTuple):
    """An item where it stands. `title`, `url` and `drawn` are of a card; `lines` of a text."""

    row: int
    place: int
    span: int
    item: Item
    title: str = ""
    height: str = "middle"
    url: str = ""
    page_url: str = ""
    drawn: Drawn | None = None
    lines: Sequence[Line] = ()
    is_known: bool = True

    @property
    def element_id(self) -> str:
        """The id of its element."""
        return f"item-{self.row}-{self.place}"


@get(_PAGE, opt=needs(Right.VIEW))
async def boards_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """The list of boards, or one of them."""
    view = await site.view(request, "boards")
    name = view.own.get("board", "")
    if not name:
        return await _list(site, request, view)
    board = await asyncio.to_thread(find_saved, site.services.control, view.game.game_id, BOARD, name, Board)
    return await _show(site, request, _view_of_board(view, name, board), name, board)


@post(_PAGE, opt=needs(Right.DEFINE))
async def create_board(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Make a board: an empty one, or one from its JSON."""
    form = await sent_form(site, request)
    name, text = form.text("name", _MOST_NAME), form.text("json", _MOST_JSON)
    try:
        board = msgspec.json.decode(text, type=Board) if text else Board(description=form.text("description", 1_000))
    except msgspec.DecodeError as error:
        return await _refused(site, request, form, f"{site.translate(request)(mark('This is no board:'))} {error}")
    problem = await asyncio.to_thread(_save, site, request, name, board, is_new=True)
    if problem:
        return await _refused(site, request, form, problem)
    return _to_board(request, name, edit="" if text else "1")


@get(f"{_PAGE}/add", opt=needs(Right.DEFINE))
async def add_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """Choose the board that a card is added to."""
    view = await site.view(request, "boards")
    address = view.own.get("card", "")
    item = _item_of(address)
    if item is None or item.card not in site.cards:
        raise NotFoundException(detail="there is no such card")
    saved = await asyncio.to_thread(list_saved, site.services.control, view.game.game_id, BOARD, Board)
    title = site.cards[item.card].title
    return await site.page(
        request, "board_add.html", page="boards", view=view, card=address, card_title=title, names=[n for n, _ in saved]
    )


@post(f"{_PAGE}/add", opt=needs(Right.DEFINE))
async def add_card(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Add a card to a board, or to a new one."""
    form = await sent_form(site, request)
    item = _item_of(form.text("card", 20_000))
    if item is None or item.card not in site.cards:
        raise NotFoundException(detail="there is no such card")
    new = form.text("new_board", _MOST_NAME)
    name = new or form.text("board", _MOST_NAME)
    if form.text("title", 200):
        item = msgspec.structs.replace(item, title=form.text("title", 200))

    def add() -> str:
        found = Board() if new else find_saved(site.services.control, game_of(request).game_id, BOARD, name, Board)
        try:
            return _save(site, request, name, boards.with_item(found, item), is_new=bool(new))
        except BoardFull as error:
            return str(error)

    problem = await asyncio.to_thread(add) if name else mark("A board needs a name.")
    if problem:
        return await _refused(site, request, form, problem)
    return _to_board(request, name)


@post(f"{_PAGE}/change", opt=needs(Right.DEFINE))
async def change_board(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Change a board as a button says."""
    form = await sent_form(site, request)
    name, done = form.text("board", _MOST_NAME), form.text("do")

    def change() -> str:
        board = find_saved(site.services.control, game_of(request).game_id, BOARD, name, Board)
        try:
            changed = _CHANGES[done](board, form) if done in _CHANGES else _moved(board, form, done)
        except BoardFull as error:
            return str(error)
        except msgspec.ValidationError:
            return mark("This change cannot be made.")
        return _save(site, request, name, changed) if changed != board else ""

    problem = await asyncio.to_thread(change)
    if problem:
        return await _refused(site, request, form, problem)
    return _to_board(request, name, edit="" if done == "view" else "1", parameters=form.text("parameters", 16_384))


@post(f"{_PAGE}/delete", opt=needs(Right.DEFINE))
async def delete_board(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Delete a board."""
    form = await sent_form(site, request)
    here = game_of(request)
    await asyncio.to_thread(forget, site.services.control, here.game_id, BOARD, form.text("board", _MOST_NAME))
    return Redirect(f"/games/{here.game_id}/boards", status_code=SEE_OTHER)


@post(f"{_PAGE}/star", opt=needs(Right.VIEW))
async def star_board(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Star a board, or take its star away."""
    form = await sent_form(site, request)
    here, who, name = game_of(request), caller_of(request).who, form.text("board", _MOST_NAME)

    def star() -> None:
        starred = [each for each in _starred(site, who, here.game_id) if each != name]
        added = [name] if form.is_set("star") else []
        site.services.control.set_preference(who, _preference(here.game_id), [*starred, *added] or None)

    await asyncio.to_thread(star)
    return Redirect(f"/games/{here.game_id}/boards", status_code=SEE_OTHER)


@get(f"{_PAGE}/json", opt=needs(Right.VIEW))
async def board_json(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[bytes]:  # noqa: ARG001
    """A board as JSON, as the API has it."""
    name = request.query_params.get("board", "")[:_MOST_NAME]
    board = await asyncio.to_thread(find_saved, site.services.control, game_of(request).game_id, BOARD, name, Board)
    content = msgspec.json.format(msgspec.json.encode(board), indent=2)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{urllib.parse.quote(name)}.json"}
    return Response(content, headers=headers, media_type=MediaType.JSON)


# What is shown


async def _list(
    site: Site,
    request: AnyRequest,
    view: View,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response[str]:
    game_id, who = view.game.game_id, caller_of(request).who
    saved = await asyncio.to_thread(list_saved, site.services.control, game_id, BOARD, Board)
    starred = await asyncio.to_thread(_starred, site, who, game_id)
    ordered = sorted(saved, key=lambda each: (each[0] not in starred, each[0].casefold()))
    return await site.page(
        request,
        "boards.html",
        status,
        page="boards",
        view=view,
        boards=ordered,
        starred=frozenset(starred),
        may_define=caller_of(request).may(Right.DEFINE, game_id),
        typed={name: (typed or {}).get(name, "") for name in ("name", "description", "json")},
        problem=problem,
    )


async def _refused(site: Site, request: AnyRequest, form: SentForm, problem: str) -> Response[str]:
    """The list again, with what is wrong and what was typed."""
    view = await site.view(request, "boards")
    return await _list(site, request, view.changed(own={}), form.typed, problem, HTTPStatus.BAD_REQUEST)


async def _show(site: Site, request: AnyRequest, view: View, name: str, board: Board) -> Response[str]:
    may_define = caller_of(request).may(Right.DEFINE, view.game.game_id)
    rows = [
        [_placed(site, view, (row, place), item, len(items)) for place, item in enumerate(items)]
        for row, items in enumerate(board.rows)
    ]
    if view.is_inline:
        rows = [[await _drawn(site, request, view, each) for each in items] for items in rows]
    own = dict(_board_parameters(view))
    return await site.page(
        request,
        "board.html",
        page="boards",
        view=view,
        name=name,
        board=board,
        rows=rows,
        may_define=may_define,
        is_edited=may_define and bool(view.own.get("edit")),
        is_full=bool(view.own.get("full")),
        parameters=urllib.parse.urlencode(_board_parameters(view)),
        is_changed=own != dict(_shared(view_of(view.game, "boards", urllib.parse.parse_qsl(board.parameters)))),
        moves=tuple(Move),
        board_url=f"/games/{view.game.game_id}/boards?{urllib.parse.urlencode({'board': name})}",
    )


def _placed(site: Site, view: View, at: tuple[int, int], item: Item, in_row: int) -> Placed:
    row, place = at
    span = 12 // in_row
    if isinstance(item, TextItem):
        return Placed(row, place, span, item, lines=[_line(text) for text in item.text.split("\n") if text.strip()])
    card = site.cards.get(item.card)
    if card is None:
        return Placed(row, place, span, item, title=item.title or item.card, is_known=False)
    shown = _view_of_item(view, item)
    page_url = shown.changed(own={key: value for key, value in shown.own.items() if key != _TITLE}).url()
    return Placed(
        row, place, span, item, item.title or card.title, card.height.value, shown.card_url(item.card), page_url
    )


async def _drawn(site: Site, request: AnyRequest, view: View, placed: Placed) -> Placed:
    """A card with its numbers, for a page without a script."""
    if not isinstance(placed.item, CardItem) or not placed.is_known:
        return placed
    shown = _view_of_item(view, placed.item)
    return placed._replace(drawn=await draw(site, request, site.cards[placed.item.card], shown))


def _line(text: str) -> Line:
    for start, kind in (("# ", "h"), ("- ", "li")):
        if text.startswith(start):
            return Line(kind, text.removeprefix(start).strip())
    return Line("p", text.strip())


def _view_of_item(view: View, item: CardItem) -> View:
    """The view of a card: its own parameters, and what the board is shown with."""
    of_board = _board_parameters(view)
    named = {name for name, _ in of_board} & _OVERRIDDEN
    own = [each for each in urllib.parse.parse_qsl(item.parameters) if each[0] not in named]
    title = [(_TITLE, item.title)] if item.title else []
    return view_of(view.game, item.card.partition(".")[0], [*own, *of_board, *title]).changed(is_inline=view.is_inline)


def _view_of_board(view: View, name: str, board: Board) -> View:
    """The view that the address says; without choices of its own, the board's."""
    own = {"board": name, "v": "1", **{key: value for key, value in view.own.items() if key in _OWN[2:]}}
    if view.own.get("v") or _board_parameters(view):
        return view.changed(own=own)
    saved = view_of(view.game, "boards", urllib.parse.parse_qsl(board.parameters))
    return saved.changed(own=own, is_inline=view.is_inline, notices=view.notices)


def _board_parameters(view: View) -> list[tuple[str, str]]:
    return _shared(view.changed(own={}, is_inline=False))


def _shared(view: View) -> list[tuple[str, str]]:
    return view.changed(own={}, is_inline=False).parameters()


def _item_of(address: str) -> CardItem | None:
    """The card of an address of a card; None for another address."""
    parts = urllib.parse.urlsplit(address)
    name = urllib.parse.unquote(parts.path).rpartition("/cards/")[2]
    pairs = [each for each in urllib.parse.parse_qsl(parts.query) if each[0] not in ("cards", _TITLE)]
    try:
        return msgspec.convert({"type": "card", "card": name, "parameters": urllib.parse.urlencode(pairs)}, CardItem)
    except msgspec.ValidationError:
        return None


# What is changed


def _save(site: Site, request: AnyRequest, name: str, board: Board, *, is_new: bool = False) -> str:
    """What keeps a board from being saved; empty once it is. Blocks."""
    game, owner = game_of(request), caller_of(request).name
    try:
        save(site.services.control, game.game_id, BOARD, name, board, owner, is_new=is_new)
    except (AlreadyExists, NotAllowed) as error:
        return str(error)
    return ""


def _at(form: SentForm) -> tuple[int, int]:
    row, place = form.number("row"), form.number("place")
    return (-1 if row is None else row, -1 if place is None else place)


def _moved(board: Board, form: SentForm, done: str) -> Board:
    row, place = _at(form)
    return boards.moved(board, row, place, Move(done)) if done in tuple(Move) else board


def _with_title(board: Board, form: SentForm) -> Board:
    row, place = _at(form)
    if not (0 <= row < len(board.rows) and 0 <= place < len(board.rows[row])):
        return board
    item = board.rows[row][place]
    if isinstance(item, TextItem):
        return boards.with_changed(board, row, place, _text(form))
    return boards.with_changed(board, row, place, msgspec.structs.replace(item, title=form.text("title", 200)))


def _text(form: SentForm) -> TextItem:
    return msgspec.convert({"type": "text", "text": form.text("text", boards.MAX_TEXT)}, TextItem)


def _in_order(board: Board, form: SentForm) -> Board:
    """The rows in the order of the fields `row.0.from`, `row.1.from`, …; a row that is missing stays, at the end."""
    wanted = [form.number(f"row.{place}.from") for place in range(len(board.rows))]
    order = list(dict.fromkeys(row for row in wanted if row is not None and row < len(board.rows)))
    rest = [row for row in range(len(board.rows)) if row not in order]
    return msgspec.structs.replace(board, rows=tuple(board.rows[row] for row in [*order, *rest]))


_CHANGES: Mapping[str, Callable[[Board, SentForm], Board]] = {
    "remove": lambda board, form: boards.without_item(board, *_at(form)),
    "title": _with_title,
    "text": lambda board, form: boards.with_item(board, _text(form)),
    "order": _in_order,
    "view": lambda board, form: msgspec.structs.replace(board, parameters=form.text("parameters", 16_384)),
    "describe": lambda board, form: msgspec.structs.replace(board, description=form.text("description", 1_000)),
}


def _to_board(request: AnyRequest, name: str, edit: str = "", parameters: str = "") -> Redirect:
    fields: list[tuple[str, Any]] = [("board", name), *urllib.parse.parse_qsl(parameters)]
    fields += [("v", "1")] if parameters else []
    fields += [("edit", edit)] if edit else []
    url = f"/games/{game_of(request).game_id}/boards?{urllib.parse.urlencode(fields)}"
    return Redirect(url, status_code=SEE_OTHER)


def _preference(game_id: int) -> str:
    return f"starred boards {game_id}"


def _starred(site: Site, who: str, game_id: int) -> list[str]:
    found = site.services.control.preference(who, _preference(game_id))
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


HANDLERS = (boards_page, create_board, add_page, add_card, change_board, delete_board, star_board, board_json)
