"""GameAnalytics' collector API: from a request to its answer (gameanalytics.md §1)."""

from questlog.collector.parts import Parts
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import Source
from questlog.model.exchange import Reply, Request
from questlog.model.game import Game
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, encode_record
from questlog.protocols.gameanalytics import replies
from questlog.protocols.gameanalytics.admission import Checked, check_events
from questlog.protocols.gameanalytics.auth import is_signed_by
from questlog.protocols.gameanalytics.init import parse_init
from questlog.protocols.gameanalytics.routes import Route, RouteKind
from questlog.protocols.inflate import inflate

_US = 1_000_000


class GameAnalyticsService:
    """Answers GameAnalytics' routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def handle(self, request: Request, route: Route) -> Reply:
        """The answer. A journal that cannot take the events is answered so that SDKs keep them."""
        try:
            if route.kind is RouteKind.PREFLIGHT:
                return replies.PREFLIGHT
            game = self._authenticated(request, route)
            if route.kind is RouteKind.EVENTS:
                return await self._take_events(request, game)
            return self._initialise(request, route, game)
        except RequestRejected as rejection:
            return self.rejected(rejection)
        except JournalUnavailable as error:
            return self.rejected(RequestRejected(Reason.JOURNAL_UNAVAILABLE, str(error)))

    def rejected(self, rejection: RequestRejected) -> Reply:
        """The answer to a request that cannot be taken."""
        self._parts.counters.count_rejected(rejection.reason)
        return replies.rejected(rejection.reason, rejection.detail)

    def _authenticated(self, request: Request, route: Route) -> Game:
        game = self._parts.directory.game(route.game_key)
        if game is None:
            raise RequestRejected(Reason.UNKNOWN_GAME_KEY, "unknown game key")
        if not is_signed_by(game.secret_key, request.body, request.headers.get("authorization") or ""):
            rejection = RequestRejected(Reason.WRONG_SIGNATURE, "Authorization is not the HMAC-SHA256 of the body")
            self._keep(rejection, game, b"")
            raise rejection
        return game

    async def _take_events(self, request: Request, game: Game) -> Reply:
        if not game.is_enabled:
            raise RequestRejected(Reason.GAME_DISABLED, "the game is disabled")
        coding = request.headers.get("content-encoding") or ""
        text = request.body
        try:
            text = inflate(text, coding, self._parts.max_inflated_bytes)
            checked = check_events(text, is_lenient=game.is_lenient)
        except RequestRejected as rejection:
            self._keep(rejection, game, text)
            raise
        if not checked.good and not checked.dropped:
            return replies.EVENTS_ACCEPTED
        envelope = Envelope(
            kind=Kind.GAMEANALYTICS_EVENTS,
            game_id=game.game_id,
            received_at=self._parts.clock.now_us(),
            content_coding=coding,
            country=self._parts.country(request.client_address, request.headers.get("x-forwarded-for")),
            is_lenient=game.is_lenient and bool(checked.lenient or checked.dropped),
        )
        await self._parts.journal.append(encode_record(envelope, request.body))
        self._count(game.game_id, checked)
        return replies.events(checked.dropped)

    def _initialise(self, request: Request, route: Route, game: Game) -> Reply:
        coding = request.headers.get("content-encoding") or ""
        text = request.body
        try:
            text = inflate(text, coding, self._parts.max_inflated_bytes)
            parse_init(text)
        except RequestRejected as rejection:
            self._keep(rejection, game, text)
            raise
        server_ts = self._parts.clock.now_us() // _US
        if route.kind is RouteKind.INIT:
            return replies.init(server_ts, is_enabled=game.is_enabled)
        return replies.remote_configs_init(server_ts, route.configs_hash, is_enabled=game.is_enabled)

    def _keep(self, rejection: RequestRejected, game: Game, text: bytes) -> None:
        received_at = self._parts.clock.now_us()
        self._parts.rejected_requests.keep(rejection, Source.GAMEANALYTICS, game.game_id, received_at, text)

    def _count(self, game_id: int, checked: Checked) -> None:
        counters = self._parts.counters
        counters.count_accepted(game_id, Source.GAMEANALYTICS, checked.good, checked.lenient)
        for dropped in checked.dropped:
            counters.count_events(game_id, Source.GAMEANALYTICS, dropped.reason, 1)
