"""Segments: a builder with nested conditions and live size, saved ones with where each is used, members."""

import asyncio
import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.analytics.analyses.member_cells import Cell
from questlog.analytics.analyses.player_search import PlayerSearch
from questlog.analytics.question.definitions import (
    AllRules,
    AnyRule,
    Did,
    InCell,
    InSegment,
    Measured,
    NotRule,
    Rule,
    SegmentDefinition,
    Who,
)
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import AllOf, Condition, Operator
from questlog.analytics.selection.segments import Segment
from questlog.console.access import Right, needs
from questlog.console.concurrency import TooBusy
from questlog.console.definition_checks import InUse, check_definition, unused
from questlog.console.definition_kinds import SEGMENT, of_kind
from questlog.console.definition_uses import users_of
from questlog.control.definitions import SavedDefinition
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.model.taxonomy import CATEGORIES
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.cell_words import words_of_cell, words_of_event, words_of_filter
from questlog.web.formats import Formats
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.pages.players import LISTED_TITLES
from questlog.web.reports import ask_all, problem_of
from questlog.web.rule_edits import (
    NotReadable,
    Path,
    added,
    at,
    encoded,
    negated,
    path_of,
    removed,
    replaced,
    rule_of,
    switched,
)
from questlog.web.site import Site, ThisSite
from questlog.web.tables import table_of
from questlog.web.translations import Translate, mark
from questlog.web.who import player_url

_MOST_RULE = 16_384
_SAMPLE = 20
_COMPARED = (
    Operator.GREATER_OR_EQUAL,
    Operator.LESS,
    Operator.GREATER,
    Operator.LESS_OR_EQUAL,
    Operator.IS,
    Operator.IS_NOT,
)
_MEASURES = {
    Measured.COUNT: mark("number of events"),
    Measured.DAYS: mark("days with such an event"),
    Measured.VALUE_SUM: mark("sum of the values"),
    Measured.REVENUE: mark("US dollars spent"),
}


class Node(NamedTuple):
    """A rule as the builder shows it: `kind` is `all`, `any`, or the type of a single one."""

    path: str
    kind: str
    words: str
    is_negated: bool
    inner: Sequence["Node"]
    fields: Mapping[str, object]
    who_url: str = ""


class SegmentRow(NamedTuple):
    """A saved segment in the list."""

    name: str
    words: str
    owner: str
    updated_at: int
    uses: Sequence[SavedDefinition]
    url: str


# ---------------------------------------------------------------------------------------------------------------- words


def words_of_rule(rule: Rule, formats: Formats, translate: Translate) -> str:
    """A rule in a sentence."""
    match rule:
        case Who():
            return words_of_filter(rule.filter, translate)
        case Did():
            return _words_of_did(rule, formats, translate)
        case InSegment():
            return translate(mark("in the segment {name}")).format(name=rule.name)
        case InCell():
            return _words_of_cell_rule(rule, formats, translate)
        case NotRule():
            return translate(mark("not ({filter})")).format(filter=words_of_rule(rule.rule, formats, translate))
        case AllRules():
            return translate(mark(" and ")).join(_inner_words(each, formats, translate) for each in rule.rules)
        case AnyRule():
            return translate(mark(" or ")).join(_inner_words(each, formats, translate) for each in rule.rules)


def _inner_words(rule: Rule, formats: Formats, translate: Translate) -> str:
    words = words_of_rule(rule, formats, translate)
    return f"({words})" if isinstance(rule, AllRules | AnyRule) else words


def _words_of_did(rule: Did, formats: Formats, translate: Translate) -> str:
    said = translate(_DID[rule.measured]).format(
        event=words_of_event(rule.event, translate),
        compared=translate(_COMPARISON_WORDS[rule.operator]).format(number=formats.number(rule.value)),
    )
    if rule.last_days is None:
        return said
    return translate(mark("{what} in the last {days} days")).format(what=said, days=formats.number(rule.last_days))


_DID = {
    Measured.COUNT: mark("{event}: {compared} times"),
    Measured.DAYS: mark("{event}: on {compared} days"),
    Measured.VALUE_SUM: mark("{event}: values of {compared} together"),
    Measured.REVENUE: mark("{event}: spent {compared} US dollars"),
}
_COMPARISON_WORDS = {
    Operator.IS: mark("exactly {number}"),
    Operator.IS_NOT: mark("not {number}"),
    Operator.GREATER: mark("more than {number}"),
    Operator.GREATER_OR_EQUAL: mark("at least {number}"),
    Operator.LESS: mark("less than {number}"),
    Operator.LESS_OR_EQUAL: mark("at most {number}"),
}


def _words_of_cell_rule(rule: InCell, formats: Formats, translate: Translate) -> str:
    try:
        cell: Cell = msgspec.json.decode(msgspec.json.encode(dict(rule.of)), type=Cell)
    except msgspec.ValidationError:
        return translate(mark("players behind a number"))
    words = words_of_cell(cell, formats, translate)
    return "; ".join([words.heading, *(f"{name}: {value}" for name, value in words.facts)])


# ---------------------------------------------------------------------------------------------------------------- pages


@get("/games/{game:str}/segments", opt=needs(Right.VIEW))
async def segments_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The saved segments."""
    view = await site.view(request, "segments")
    formats, translate = site.formats(request), site.translate(request)
    saved = await asyncio.to_thread(site.services.control.list_definitions, str(view.game.game_id))
    known = of_kind(saved, SEGMENT, SegmentDefinition)
    rows = [
        SegmentRow(
            each.name,
            words_of_rule(known[each.name].rule, formats, translate) if each.name in known else "",
            each.owner,
            each.updated_at,
            users_of(SEGMENT, each.name, saved),
            segment_url(view.game.game_id, each.name),
        )
        for each in saved
        if each.kind == SEGMENT
    ]
    return await site.page(
        request,
        "segments/list.html",
        page="segments",
        view=view,
        rows=rows,
        new_url=segment_url(view.game.game_id),
        may_save=caller_of(request).may(Right.DEFINE, view.game.game_id),
    )


@get("/games/{game:str}/segment", opt=needs(Right.VIEW))
async def segment_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The builder: a saved segment, or the rule of the address."""
    return await _builder(site, request, request.query_params.get("name", ""), request.query_params.get("rule"))


async def _builder(
    site: Site,
    request: AnyRequest,
    name: str,
    rule_text: str | None,
    status: HTTPStatus = HTTPStatus.OK,
    problem: str = "",
) -> Response[str]:
    view = await site.view(request, "segments")
    game_id, formats, translate = view.game.game_id, site.formats(request), site.translate(request)
    saved = await asyncio.to_thread(site.services.control.list_definitions, str(game_id))
    segments = of_kind(saved, SEGMENT, SegmentDefinition)
    if name and rule_text is None and name not in {each.name for each in saved if each.kind == SEGMENT}:
        raise NotFound(f"the game has no segment {name[:100]!r}")
    rule, problem = _read(rule_text, segments.get(name), problem)
    text = encoded(rule) if rule is not None else ""
    return await site.page(
        request,
        "segments/builder.html",
        status,
        page="segments",
        view=view,
        name=name,
        is_saved=name in segments,
        is_changed=name in segments and rule != segments[name].rule,
        rule=text,
        words=words_of_rule(rule, formats, translate) if rule is not None else "",
        root=None if rule is None else _node(rule, (), formats, translate, game_id),
        size_url=f"/games/{game_id}/segment/size?{urllib.parse.urlencode({'rule': text})}" if text else "",
        others=sorted(each for each in segments if each != name),
        uses=users_of(SEGMENT, name, saved) if name in segments else [],
        problem=problem,
        categories=CATEGORIES,
        measures={measured.value: text for measured, text in _MEASURES.items()},
        comparisons={each.value: _COMPARISON_WORDS[each] for each in _COMPARED},
        may_save=caller_of(request).may(Right.DEFINE, game_id),
    )


def _read(text: str | None, saved: SegmentDefinition | None, problem: str) -> tuple[Rule | None, str]:
    if text is None:
        return (None if saved is None else saved.rule), problem
    if not text.strip():
        return None, problem
    try:
        rule: Rule = msgspec.json.decode(text[:_MOST_RULE], type=Rule)
    except (msgspec.DecodeError, RecursionError) as error:
        return None, problem or mark("The rule in the address cannot be read.") + f" {error}"
    return rule, problem


def _node(rule: Rule, path: Path, formats: Formats, translate: Translate, game_id: int) -> Node:
    shown, is_negated, own_path = rule, False, path
    if isinstance(rule, NotRule):
        shown, is_negated, own_path = rule.rule, True, (*path, 0)
    text = ".".join(map(str, own_path))
    inner: Sequence[Node] = ()
    if isinstance(shown, AllRules | AnyRule):
        inner = [_node(each, (*own_path, place), formats, translate, game_id) for place, each in enumerate(shown.rules)]
    if isinstance(shown, NotRule):
        inner = [_node(shown, own_path, formats, translate, game_id)]
    who = ""
    if isinstance(shown, InCell):
        who = f"/games/{game_id}/who?{urllib.parse.urlencode({'of': msgspec.json.encode(dict(shown.of)).decode()})}"
    kind = shown.__struct_config__.tag
    words = words_of_rule(shown, formats, translate)
    return Node(text, str(kind), words, is_negated, inner, _fields(shown), who)


def _fields(rule: Rule) -> Mapping[str, object]:
    """What the form of a single rule shows; empty where no form can show it all."""
    if isinstance(rule, InSegment):
        return {"in": rule.name}
    if isinstance(rule, Who) and isinstance(rule.filter, Condition):
        return {"condition": rule.filter, "values": ", ".join(map(str, rule.filter.values))}
    if isinstance(rule, Did):
        condition = rule.event.filter
        conditions = list(condition.filters) if isinstance(condition, AllOf) else [condition] if condition else []
        if not all(isinstance(each, Condition) for each in conditions):
            return {}
        event_id = f"{rule.event.event_id}:*" if rule.event.is_prefix else rule.event.event_id or ""
        return {"did": rule, "event_id": event_id, "conditions": conditions}
    return {}


@get("/games/{game:str}/segment/change", opt=needs(Right.VIEW))
async def change_segment(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """The builder after one change: nothing is stored, the address says it all."""
    fields: dict[str, list[str]] = {}
    for key, value in request.query_params.multi_items():
        fields.setdefault(key, []).append(value)
    name, text = fields.get("name", [""])[-1], fields.get("rule", [""])[-1]
    whole, problem = _read(text, None, "")
    if problem:
        return await _builder(site, request, name, "", HTTPStatus.BAD_REQUEST, problem)
    try:
        changed = _change(whole, fields)
    except NotReadable as error:
        return await _builder(site, request, name, text, HTTPStatus.BAD_REQUEST, str(error))
    except IndexError:
        said = mark("There is no such condition any more.")
        return await _builder(site, request, name, text, HTTPStatus.BAD_REQUEST, said)
    return Redirect(segment_url(game_of(request).game_id, name, changed), status_code=SEE_OTHER)


def _change(whole: Rule | None, fields: Mapping[str, Sequence[str]]) -> Rule | None:
    """The rule after what the pressed button says. Raises `NotReadable`, `IndexError`."""
    operation, path = (fields.get("do") or [""])[-1], path_of((fields.get("path") or [""])[-1])
    if operation == "add":
        return added(whole, path, rule_of(fields))
    if whole is None:
        raise NotReadable("there is no condition yet")
    if operation == "replace":
        return replaced(whole, path, rule_of(fields))
    if operation == "remove":
        # Of "not X" the place is X's.
        above = path[:-1]
        return removed(whole, above if path and isinstance(at(whole, above), NotRule) else path)
    if operation == "negate":
        above = path[:-1]
        return negated(whole, above if path and isinstance(at(whole, above), NotRule) else path)
    if operation == "switch":
        return switched(whole, path)
    raise NotReadable("there is no such change")


@get("/games/{game:str}/segment/size", opt=needs(Right.VIEW))
async def segment_size(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """How many players are in a segment now, and some of them: a part of a page."""
    view = await site.view(request, "segments")
    own = request.query_params
    is_short = "short" in own
    may_list = caller_of(request).may(Right.PERSONAL_DATA, view.game.game_id) and not is_short
    problem, size, table = None, None, None
    try:
        segment: str | SegmentDefinition = own.get("name", "")
        if rule_text := own.get("rule"):
            segment = SegmentDefinition(msgspec.json.decode(rule_text[:_MOST_RULE], type=Rule))
        questions: dict[str, msgspec.Struct] = {"size": Segment(segment)}
        if may_list:
            questions["players"] = PlayerSearch(segment=segment, limit=_SAMPLE)
        answers = await ask_all(site, request, questions)
        [size] = answers["size"].table.to_pylist()
        if may_list:
            links = {"player_id": lambda row: player_url(view, str(row["player_id"]))}
            columns = ("player_id", "last_seen", "events", "revenue_usd")
            table = table_of(
                answers["players"],
                site.formats(request),
                site.translate(request),
                columns=columns,
                links=links,
                titles=LISTED_TITLES,
            )._replace(totals=None)
    except msgspec.DecodeError as error:
        problem = problem_of(InvalidQuery("rule", str(error)))
    except (InvalidQuery, TooBusy, QueryAborted, StoreFailed) as error:
        problem = problem_of(error)
    template = "segments/short_size.html" if is_short else "segments/size.html"
    return site.html(request, template, view=view, size=size, table=table, problem=problem, most=_SAMPLE)


@post("/games/{game:str}/segment/save", opt=needs(Right.DEFINE))
async def save_segment(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Save the rule of the form under its name; as a new one, or in place of what is there."""
    form = await sent_form(site, request)
    name, text = form.text("name", 300), form.raw("rule", _MOST_RULE)
    rule, problem = _read(text, None, "")
    if rule is None:
        said = problem or mark("A segment needs a condition.")
        return await _builder(site, request, "", text, HTTPStatus.BAD_REQUEST, said)
    definition = SegmentDefinition(rule)
    control, owner = site.services.control, caller_of(request).name
    save = control.create_definition if form.is_set("is_new") else control.put_definition

    def check(others: Sequence[SavedDefinition]) -> None:
        check_definition(name, definition, others)

    reference = str(game_of(request).game_id)
    try:
        made = msgspec.to_builtins(definition)
        await asyncio.to_thread(save, reference, SEGMENT, name, made, owner, check)
    except AlreadyExists:
        said = mark("There is a segment of this name already. Choose another name, or open that one.")
        return await _builder(site, request, "", text, HTTPStatus.CONFLICT, said)
    except (InvalidQuery, NotAllowed) as error:
        return await _builder(site, request, "", text, HTTPStatus.BAD_REQUEST, str(error))
    return Redirect(segment_url(game_of(request).game_id, name), status_code=SEE_OTHER)


@post("/games/{game:str}/segment/delete", opt=needs(Right.DEFINE))
async def delete_segment(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """Delete a segment that nothing is made of."""
    form = await sent_form(site, request)
    name, reference = form.text("name", 300), str(game_of(request).game_id)
    delete = site.services.control.delete_definition
    try:
        with suppress(NotFound):  # it was sent twice
            await asyncio.to_thread(delete, reference, SEGMENT, name, unused(SEGMENT, name))
    except InUse as error:
        return await _builder(site, request, name, None, HTTPStatus.CONFLICT, str(error))
    return Redirect(f"/games/{reference}/segments", status_code=SEE_OTHER)


def segment_url(game_id: int, name: str = "", rule: Rule | None = None) -> str:
    """The builder's address."""
    parameters = {"name": name} if name else {}
    if rule is not None or not name:
        parameters["rule"] = "" if rule is None else encoded(rule)
    return f"/games/{game_id}/segment?{urllib.parse.urlencode(parameters)}"


HANDLERS = (segments_page, segment_page, change_segment, segment_size, save_segment, delete_segment)
