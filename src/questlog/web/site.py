"""What all pages share: the services behind them, templates in each language, and how a page is answered."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from markupsafe import Markup

from questlog.analytics.question.query import Operator
from questlog.analytics.selection.dimensions import EVENT_DIMENSIONS, PLAYER_DIMENSIONS
from questlog.console.access import Caller, Right
from questlog.console.definition_kinds import SEGMENT
from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices
from questlog.control.audit_log import Action
from questlog.control.games import ListedGame
from questlog.model.game import Game
from questlog.store import named_reads
from questlog.web.assets import Assets
from questlog.web.cards import Card
from questlog.web.formats import Formats
from questlog.web.guard import GAME, caller_of, game_of
from questlog.web.log_in import AnyRequest, LogIns
from questlog.web.navigation import groups_for, title_of_page
from questlog.web.rendering import FILTERS
from questlog.web.script_texts import translated
from questlog.web.status import StatusReader
from questlog.web.tables import plain
from questlog.web.titles import OPERATOR_WORDS, title_of
from questlog.web.translations import LANGUAGES, Translate, catalogue_of, language_for
from questlog.web.view import GameHere, View, view_of

LANGUAGE_COOKIE, THEME_COOKIE = "questlog_language", "questlog_theme"
THEMES = ("light", "dark")
_JSON_IN_HTML = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Site:
    """The services of the pages, and the templates."""

    def __init__(self, services: ConsoleServices, queries: QueryService, assets: Assets, cards: Iterable[Card]) -> None:
        self.services = services
        self.queries = queries
        self.assets = assets
        self.cards = {card.name: card for card in cards}
        self.built_pages: Collection[str] = ()
        self._environments = {language: _environment(language, assets) for language in LANGUAGES}
        self.logins = LogIns(services.accounts)
        self.status = StatusReader(services)

    # What a request wants

    def language(self, request: AnyRequest) -> str:
        """The language that a request is answered in."""
        return language_for(request.cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", ""))

    def formats(self, request: AnyRequest) -> Formats:
        """How values are written for a request."""
        return Formats(self.language(request))

    def translate(self, request: AnyRequest) -> Translate:
        """Translates marked messages for a request."""
        return catalogue_of(self.language(request)).gettext

    async def game_here(self, request: AnyRequest) -> GameHere:
        """The game in the address of a guarded page, with the zone of its days. Raises `QueryAborted`."""
        asks_all = "all" in request.query_params.getall("period", [])
        return await asyncio.to_thread(self._game_here, game_of(request), asks_all)

    def _game_here(self, game: Game, asks_all: bool) -> GameHere:
        zone = self.services.analytics.state(game.game_id).zone
        first_day = named_reads.first_day(self.services.tables.query, game.game_id) if asks_all else None
        return GameHere(game.game_id, game.name, game.game_key, zone, self.services.clock.now_us(), first_day)

    async def view(self, request: AnyRequest, page: str) -> View:
        """The report that a request's address says."""
        return view_of(await self.game_here(request), page, request.query_params.multi_items())

    # Answers

    async def page(
        self,
        request: AnyRequest,
        template: str,
        status: HTTPStatus = HTTPStatus.OK,
        /,
        *,
        page: str = "",
        view: View | None = None,
        **values: Any,
    ) -> Response[str]:
        """A whole page in the frame: `page` is its name in the navigation, `view` the report that it shows."""
        caller = caller_of(request)
        game = request.scope.get(GAME)
        games = await asyncio.to_thread(self.visible_games, caller)
        frame = {
            "page": page,
            "page_title": title_of_page(page),
            "view": view,
            "game": game,
            "games": games,
            "groups": groups_for(caller, game.game_id, self.built_pages) if isinstance(game, Game) else [],
            "caller": caller,
            "form_token": await asyncio.to_thread(self.logins.form_token, request),
            "segment_names": await asyncio.to_thread(self._segment_names, game) if isinstance(game, Game) else [],
        }
        return self.html(request, template, status, **frame, **values)

    def html(
        self, request: AnyRequest, template: str, status: HTTPStatus = HTTPStatus.OK, /, **values: Any
    ) -> Response[str]:
        """A template by itself: a page without the frame, or a part of one."""
        return Response(self.render(request, template, **values), status_code=status, media_type=MediaType.HTML)

    def render(self, request: AnyRequest, template: str, /, **values: Any) -> str:
        """The text of a template."""
        language = self.language(request)
        theme = request.cookies.get(THEME_COOKIE, "")
        shared = {
            "language": language,
            "theme": theme if theme in THEMES else "",
            "formats": Formats(language),
            "now_us": self.services.clock.now_us(),
            "address": f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
        }
        return self._environments[language].get_template(template).render(**(shared | values))

    def _segment_names(self, game: Game) -> list[str]:
        saved = self.services.control.definitions_of(game.game_id)
        return sorted(each.name for each in saved if each.kind == SEGMENT)

    @staticmethod
    def done(request: AnyRequest, messages: Mapping[str, str]) -> str:
        """What the change did that led to this page: the message of `done` in its address; "" for none."""
        return messages.get(request.query_params.get("done", ""), "")

    async def record(self, request: AnyRequest, action: Action, subject: str) -> None:
        """Record a read or an export of data of the page's game, once a minute."""
        game, audit = game_of(request), self.services.audit
        named = (game.game_id, game.name)
        await asyncio.to_thread(lambda: audit.record(action, game=named, subject=subject, is_repeated=True))

    def visible_games(self, caller: Caller) -> list[ListedGame]:
        """The games that a caller may see. Blocks. Raises `ControlError`."""
        return [game for game in self.services.control.list_games() if caller.may(Right.VIEW, game.game_id)]


ThisSite = NamedDependency[SkipValidation[Site]]


def _environment(language: str, assets: Assets) -> Environment:
    """The templates of a language, with every value escaped."""
    environment = Environment(
        loader=PackageLoader("questlog.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = catalogue_of(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    environment.globals.update(
        _=lambda message, **values: catalogue.gettext(message) % values if values else catalogue.gettext(message),
        script_texts=lambda: translated(catalogue.gettext),
        asset=assets.url,
        languages=LANGUAGES,
        title_of=lambda name: catalogue.gettext(title_of(name)),
    )
    environment.globals.update(
        dimension_names=sorted(EVENT_DIMENSIONS),
        player_dimension_names=sorted(PLAYER_DIMENSIONS),
        operators=tuple(Operator),
        operator_words=lambda operator: catalogue.gettext(OPERATOR_WORDS[operator]),
    )
    environment.filters.update(json_block=json_block, plain=plain, **FILTERS)
    return environment


def json_block(value: Any) -> Markup:
    """JSON as it may stand in a `<script type="application/json">`: nothing in it ends the block."""
    return Markup(msgspec.json.encode(value).decode().translate(_JSON_IN_HTML))  # noqa: S704 - < > & are escaped
