"""SQL: an editor, the answer as a table or a chart, statements that were run and saved. A link has the statement.

Nothing runs by opening a link: a statement is run by sending the form.
"""

import asyncio
import datetime as dt
import re
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.console.access import Right, needs
from questlog.console.concurrency import TooBusy
from questlog.console.definition_checks import NameNotAllowed
from questlog.console.definition_kinds import SQL
from questlog.console.response_formats import MEDIA_TYPES, ResponseFormat
from questlog.console.saved import find_saved, forget, list_saved, save
from questlog.console.saved_sql import MAX_SQL, SavedSql, SqlShown
from questlog.console.sql_tables import sql_tables
from questlog.console.table_formats import UnwritableValue, write_table
from questlog.control.audit_log import Action
from questlog.control.errors import AlreadyExists, ControlUnavailable, NotAllowed
from questlog.control.sql_history import RanStatement
from questlog.store.contract import QueryAborted, SqlValue, StoreFailed
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.reports import until_gone
from questlog.web.site import Site, ThisSite
from questlog.web.tables import Table, table_of
from questlog.web.translations import mark
from questlog.web.view import View

_PAGE = "/games/{game:str}/sql"
_MOST_SHOWN = 1_000
_MOST_NAME = 100
_MOST_VALUE = 4_096
_MOST_PARAMETERS = 100
_MOST_LISTED = 30
_MOST_SERIES = 12
_MOST_POINTS = 5_000
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAMED = re.compile(r"\$([A-Za-z_]\w*)", re.ASCII)
_FILES = {"csv": ResponseFormat.CSV, "parquet": ResponseFormat.PARQUET}
_EXAMPLE = (
    "SELECT day, count(player_no) FILTER (events > 0) AS dau\nFROM player_days\n"
    "WHERE game_id = $game AND day BETWEEN $from AND $to\nGROUP BY day\nORDER BY day"
)


class Typed(NamedTuple):
    """What is in the form: the statement, the part of it that is selected, the values of its parameters."""

    sql: str
    values: Mapping[str, str]
    shown: SqlShown = SqlShown.TABLE
    selection: str = ""
    name: str = ""

    @property
    def statement(self) -> str:
        """What is run: what is selected, else everything."""
        return self.selection.strip() or self.sql


class Ran(NamedTuple):
    """The answer to a statement."""

    table: Table
    rows: int
    took_ms: float
    spec: Mapping[str, Any] | None = None


@get(_PAGE, opt=needs(Right.SQL))
async def sql_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """The editor with the statement of the link, of the history, or that was saved."""
    view = await site.view(request, "sql")
    return await _shown(site, request, view, await asyncio.to_thread(_linked, site, request, view))


@post(_PAGE, opt=needs(Right.SQL))
async def run_sql(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """Run the statement of the form, and show the answer."""
    typed = _typed(await sent_form(site, request))
    view = await site.view(request, "sql")
    try:
        ran, problem = await _run(site, request, view, typed), ""
    except (QueryAborted, TooBusy, StoreFailed) as error:
        ran, problem = None, str(error)
    return await _shown(site, request, view, typed, ran, problem)


@post(f"{_PAGE}/file", opt=needs(Right.SQL))
async def sql_file(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[Any]:  # noqa: ARG001
    """The answer to the statement of the form as a file, with all rows."""
    form = await sent_form(site, request)
    typed, format_name = _typed(form), form.text("format")
    form_of_file = _FILES.get(format_name, ResponseFormat.CSV)
    view = await site.view(request, "sql")
    await asyncio.to_thread(
        site.services.audit.record, Action.SQL, subject=f"{form_of_file.value} of {typed.statement}"
    )
    try:
        async with until_gone(request) as gone:
            written = await site.queries.sql(
                typed.statement,
                lambda table: write_table(table, form_of_file),
                gone,
                caller_of(request).games_with(Right.SQL),
                _values(view, typed),
            )
    except (QueryAborted, TooBusy, StoreFailed, UnwritableValue) as error:
        return await _shown(site, request, view, typed, None, str(error))
    file = urllib.parse.quote(f"{typed.name or 'answer'}.{form_of_file.value}")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file}"}
    media_type = MEDIA_TYPES[form_of_file]
    if isinstance(written, bytes):
        return Response(written, media_type=media_type, headers=headers)
    return Stream(written, media_type=media_type, headers=headers)


@post(f"{_PAGE}/save", opt=needs(Right.DEFINE))
async def save_sql(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Save the statement of the form under a name, in place of what has it."""
    typed = _typed(await sent_form(site, request))
    view = await site.view(request, "sql")
    here, owner = game_of(request), caller_of(request).name
    names = parameter_names(typed.sql)
    values: dict[str, SqlValue] = {name: text for name, text in typed.values.items() if text and name in names}
    problem = ""
    try:
        statement = msgspec.convert({"sql": typed.sql, "parameters": values, "shown": typed.shown.value}, SavedSql)
        await asyncio.to_thread(save, site.services.control, here.game_id, SQL, typed.name, statement, owner)
    except msgspec.ValidationError:
        problem = mark("There is no statement to save.")
    except (NotAllowed, AlreadyExists, NameNotAllowed) as error:
        problem = str(error)
    if problem:
        return await _shown(site, request, view, typed, None, problem)
    return Redirect(f"/games/{here.game_id}/sql?{urllib.parse.urlencode({'saved': typed.name})}", status_code=SEE_OTHER)


@post(f"{_PAGE}/delete", opt=needs(Right.DEFINE))
async def delete_sql(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Delete a saved statement."""
    form = await sent_form(site, request)
    here = game_of(request)
    await asyncio.to_thread(forget, site.services.control, here.game_id, SQL, form.text("name", _MOST_NAME))
    return Redirect(f"/games/{here.game_id}/sql", status_code=SEE_OTHER)


@post(f"{_PAGE}/history/clear", opt=needs(Right.SQL))
async def clear_history(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Forget the statements that the caller ran."""
    await sent_form(site, request)
    await asyncio.to_thread(site.services.control.clear_statements, caller_of(request).who)
    return Redirect(f"/games/{game_of(request).game_id}/sql", status_code=SEE_OTHER)


def parameter_names(sql: str) -> Sequence[str]:
    """The named parameters of a statement, in their order; not what looks like one in a text or a comment."""
    return list(dict.fromkeys(_NAMED.findall(_QUOTED.sub(" ", sql))))[:_MOST_PARAMETERS]


def _linked(site: Site, request: AnyRequest, view: View) -> Typed:
    """What the address says. Blocks."""
    own, who = view.own, caller_of(request).who
    given = {name.removeprefix("p."): value for name, value in own.items() if name.startswith("p.")}
    if own.get("saved"):
        saved = find_saved(site.services.control, view.game.game_id, SQL, own["saved"], SavedSql)
        values = {name: _text(value) for name, value in saved.parameters.items()}
        return Typed(saved.sql, {**values, **given}, saved.shown, name=own["saved"])
    entry = own.get("entry", "")
    if entry.isascii() and entry.isdigit() and len(entry) < 18:
        ran = site.services.control.find_statement(who, int(entry))
        return Typed(ran.statement, {name: _text(value) for name, value in ran.parameters.items()})
    return Typed(own.get("sql", "")[:MAX_SQL] or _EXAMPLE, given, _shown_as(own.get("shown", "")))


def _typed(form: SentForm) -> Typed:
    sql = form.raw("sql", MAX_SQL)
    values = {name: form.raw(f"p.{name}", _MOST_VALUE) for name in parameter_names(sql)}
    return Typed(
        sql, values, _shown_as(form.text("shown")), form.raw("selection", MAX_SQL), form.text("name", _MOST_NAME)
    )


def _shown_as(text: str) -> SqlShown:
    return SqlShown(text) if text in tuple(SqlShown) else SqlShown.TABLE


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _values(view: View, typed: Typed) -> dict[str, SqlValue]:
    """The values of the parameters of what is run: those that were typed, else the page's game and period."""
    here: Mapping[str, SqlValue] = {
        "game": view.game.game_id,
        "from": view.period.start.isoformat(),
        "to": view.period.end.isoformat(),
    }
    names = parameter_names(typed.statement)
    return {name: typed.values.get(name) or here.get(name, typed.values.get(name, "")) for name in names}


async def _run(site: Site, request: AnyRequest, view: View, typed: Typed) -> Ran:
    caller, values = caller_of(request), _values(view, typed)
    await asyncio.to_thread(site.services.audit.record, Action.SQL, subject=typed.statement)
    began_s = time.monotonic()
    try:
        async with until_gone(request) as gone:
            answer = await site.queries.sql(
                typed.statement, lambda table: table, gone, caller.games_with(Right.SQL), values
            )
    except QueryAborted as error:
        await _note(site, caller.who, typed.statement, values, began_s, error=str(error))
        raise
    took_ms = await _note(site, caller.who, typed.statement, values, began_s, rows=answer.num_rows)
    formats, translate = site.formats(request), site.translate(request)
    shown = _as_answer(answer)
    titles = {column.name: column.name for column in shown.columns}  # as the statement calls them
    table = table_of(shown, formats, translate, titles=titles, most_rows=_MOST_SHOWN)
    spec = None if typed.shown is SqlShown.TABLE else chart_of(answer, typed.shown, view)
    return Ran(table, answer.num_rows, took_ms, spec)


async def _note(
    site: Site,
    who: str,
    statement: str,
    values: Mapping[str, SqlValue],
    began_s: float,
    *,
    rows: int | None = None,
    error: str | None = None,
) -> float:
    """Write into the history; how long it took. A history that cannot be written loses no answer."""
    took_ms = round((time.monotonic() - began_s) * 1000, 1)

    def write() -> None:
        site.services.control.note_statement(who, statement, values, took_ms=took_ms, rows=rows, error=error)

    with suppress(ControlUnavailable):
        await asyncio.to_thread(write)
    return took_ms


def _as_answer(table: pa.Table) -> Answer:
    """The table as cards take it; columns of one name are told apart."""
    names: list[str] = []
    for name in table.column_names:
        place, unique = 2, name
        while unique in names:
            unique, place = f"{name}_{place}", place + 1
        names.append(unique)
    shown = table.slice(0, _MOST_SHOWN).rename_columns(names)
    types = [str(field.type) for field in table.schema]
    return Answer(shown, [AnswerColumn(name, "", kind) for name, kind in zip(names, types, strict=True)])


def chart_of(table: pa.Table, shown: SqlShown, view: View) -> Mapping[str, Any] | None:
    """A chart over the first column, days or times, of each column of numbers; None where there is nothing to draw."""
    if not table.num_columns or not table.num_rows or table.num_rows > _MOST_POINTS:
        return None
    first = table.schema.field(0).type
    if not (pa.types.is_date(first) or pa.types.is_timestamp(first)):
        return None
    numbers = [
        place
        for place, field in enumerate(table.schema)
        if place
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type))
    ]
    if not numbers:
        return None
    return {
        "kind": shown.value,
        "unit": "",
        "zone": view.game.zone.name if pa.types.is_date(first) else "UTC",
        "granularity": "day" if pa.types.is_date(first) else "hour",
        "x": [_instant(value) for value in table.column(0).to_pylist()],
        "series": [
            {
                "key": f"column {place}",
                "name": table.column_names[place],
                "values": [None if value is None else float(value) for value in table.column(place).to_pylist()],
                "compared": False,
            }
            for place in numbers[:_MOST_SERIES]
        ],
        "unfinished_from": None,
        "marks": [],
    }


def _instant(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else str(value)


async def _shown(
    site: Site,
    request: AnyRequest,
    view: View,
    typed: Typed,
    ran: Ran | None = None,
    problem: str = "",
) -> Response[str]:
    caller, game_id = caller_of(request), view.game.game_id

    def lists() -> tuple[Sequence[tuple[str, SavedSql]], Sequence[RanStatement]]:
        control = site.services.control
        return list_saved(control, game_id, SQL, SavedSql), control.list_statements(caller.who, _MOST_LISTED)

    saved, history = await asyncio.to_thread(lists)
    tables = sql_tables(caller.games_with(Right.SQL))
    link = [("sql", typed.sql), *((f"p.{name}", value) for name, value in typed.values.items() if value)]
    link += [("shown", typed.shown.value)] if typed.shown is not SqlShown.TABLE else []
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return await site.page(
        request,
        "sql.html",
        status,
        page="sql",
        view=view,
        typed=typed,
        names=parameter_names(typed.sql),
        defaults={"game": str(game_id), "from": str(view.period.start), "to": str(view.period.end)},
        ran=ran,
        problem=problem,
        saved=saved,
        history=history,
        tables=tables,
        schema={table.name: [column.name for column in table.columns] for table in tables},
        link=f"/games/{game_id}/sql?{urllib.parse.urlencode(link)}",
        forms=tuple(SqlShown),
        most_shown=_MOST_SHOWN,
        may_define=caller.may(Right.DEFINE, game_id),
    )


HANDLERS = (sql_page, run_sql, sql_file, save_sql, delete_sql, clear_history)
