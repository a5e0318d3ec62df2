"""Annotations: what happened on which day, for charts to mark. Releases mark themselves."""

import asyncio
import datetime as dt
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Right, needs
from questlog.console.annotations import MAX_TEXT, Annotation
from questlog.console.definition_kinds import ANNOTATION
from questlog.console.marks import Mark, marks_of
from questlog.console.saved import forget, list_saved, save
from questlog.control.errors import AlreadyExists, NotAllowed
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.reports import until_gone
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark
from questlog.web.view import View

_MOST_NAME = 100
_PAGE = "/games/{game:str}/annotations"


class Listed(NamedTuple):
    """An annotation of the list."""

    name: str
    day: dt.date
    text: str
    build: str | None


@get(_PAGE, opt=needs(Right.VIEW))
async def annotations_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """All annotations, and the releases of the period."""
    view = await site.view(request, "annotations")
    return await _shown(site, request, view, {"day": view.own.get("day", ""), "name": view.own.get("name", "")})


@post(_PAGE, opt=needs(Right.DEFINE))
async def save_annotation(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Save an annotation, under the name it has or a new one."""
    form = await sent_form(site, request)
    here = game_of(request)
    problem = await asyncio.to_thread(_save, site, here.game_id, form, caller_of(request).name)
    if problem:
        view = await site.view(request, "annotations")
        return await _shown(site, request, view, form.typed, problem, HTTPStatus.BAD_REQUEST)
    return Redirect(f"/games/{here.game_id}/annotations", status_code=SEE_OTHER)


@post(f"{_PAGE}/delete", opt=needs(Right.DEFINE))
async def delete_annotation(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Delete an annotation."""
    form = await sent_form(site, request)
    here = game_of(request)
    await asyncio.to_thread(forget, site.services.control, here.game_id, ANNOTATION, form.text("name"))
    return Redirect(f"/games/{here.game_id}/annotations", status_code=SEE_OTHER)


def _save(site: Site, game_id: int, form: SentForm, owner: str) -> str:
    """What is wrong with what was typed; empty once it is saved."""
    text = form.text("text", MAX_TEXT)
    try:
        annotation = msgspec.convert(
            {"day": form.text("day"), "text": text, "build": form.text("build", 256) or None}, Annotation
        )
    except msgspec.ValidationError:
        return mark("An annotation needs a day and a text.")
    name = form.text("name", _MOST_NAME)
    try:
        save(
            site.services.control, game_id, ANNOTATION, name or _name_of(annotation), annotation, owner, is_new=not name
        )
    except (AlreadyExists, NotAllowed) as error:
        return str(error)
    return ""


def _name_of(annotation: Annotation) -> str:
    """A name for a new one: its day and the beginning of its text."""
    start = re.sub(r"[\s/\x00-\x1f\x7f]+", " ", annotation.text).strip()
    return f"{annotation.day} {start}"[:_MOST_NAME].strip()


async def _shown(
    site: Site,
    request: AnyRequest,
    view: View,
    typed: Mapping[str, str],
    problem: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response[str]:
    game_id = view.game.game_id
    saved = await asyncio.to_thread(list_saved, site.services.control, game_id, ANNOTATION, Annotation)
    listed = [Listed(name, each.day, each.text, each.build) for name, each in saved]
    async with until_gone(request) as gone:
        marks = await marks_of(site.services, site.queries, game_id, view.period, gone)
    return await site.page(
        request,
        "annotations.html",
        status,
        page="annotations",
        view=view,
        annotations=sorted(listed, key=lambda each: each.day, reverse=True),
        releases=[each for each in reversed(marks) if _is_by_itself(each)],
        typed={name: typed.get(name, "") for name in ("name", "day", "text", "build")},
        problem=problem,
        may_define=caller_of(request).may(Right.DEFINE, game_id),
        host=f"{request.url.scheme}://{request.headers.get('host', '')}",
    )


def _is_by_itself(each: Mark) -> bool:
    return not each.name


HANDLERS = (annotations_page, save_annotation, delete_annotation)
