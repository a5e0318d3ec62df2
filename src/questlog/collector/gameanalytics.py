"""GameAnalytics' collector API: its operations (gameanalytics.md §1)."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from questlog.collector.events import journal_events
from questlog.collector.operation import Authenticate, Operation, Received, WireProtocol
from questlog.collector.worker import Worker
from questlog.model.event import Source
from questlog.model.exchange import Reply, Request
from questlog.model.game import Game
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind
from questlog.protocols.gameanalytics import replies
from questlog.protocols.gameanalytics.auth import is_signed_by
from questlog.protocols.gameanalytics.codec import Checked, check_events
from questlog.protocols.gameanalytics.init import InitRequest, parse_init

_US = 1_000_000
_Decoded = TypeVar("_Decoded")


class SignedGame(NamedTuple):
    """The game with whose secret key a request is signed."""

    game: Game
    configs_hash: str = ""  # of the remote configs that the client has

    @property
    def api_key_name(self) -> None:
        """GameAnalytics has no API keys."""
        return

    @property
    def player_id(self) -> None:
        """Each event names its own player."""
        return


def _by_key_in_path(worker: Worker, request: Request, game_key: str) -> SignedGame:
    return SignedGame(_signed_game(worker, request, game_key))


def _by_key_in_path_if_enabled(worker: Worker, request: Request, game_key: str) -> SignedGame:
    game = _signed_game(worker, request, game_key)
    if not game.is_enabled:
        raise RequestRejected(Reason.GAME_DISABLED, "the game is disabled")
    return SignedGame(game)


def _by_key_in_query(worker: Worker, request: Request, _item: str) -> SignedGame:
    parameters = dict(part.partition("=")[::2] for part in request.query.split("&"))
    game = _signed_game(worker, request, parameters.get("game_key", ""))
    return SignedGame(game, parameters.get("configs_hash", ""))


def _signed_game(worker: Worker, request: Request, game_key: str) -> Game:
    game = worker.directory.game(game_key)
    if game is None:
        raise RequestRejected(Reason.UNKNOWN_GAME_KEY, "unknown game key")
    authorization = request.headers.get("authorization") or ""
    if is_signed_by(game.secret_key, request.body, authorization):
        return game
    now_us = worker.clock.now_us()
    old_key = game.old_secret_key_at(now_us)
    if old_key is None or not is_signed_by(old_key, request.body, authorization):
        rejection = RequestRejected(Reason.WRONG_SIGNATURE, "Authorization is not the HMAC-SHA256 of the body")
        worker.rejected_requests.keep(rejection, Source.GAMEANALYTICS, SignedGame(game), now_us, b"")
        raise rejection
    return game


def _check_events(text: bytes, sender: SignedGame) -> Checked:
    return check_events(text, is_lenient=sender.game.is_lenient)


def _read_init(text: bytes, _sender: SignedGame) -> InitRequest:
    return parse_init(text)


async def _take_events(worker: Worker, received: Received, sender: SignedGame, checked: Checked) -> Reply:
    if not checked.good and not checked.dropped:
        return replies.EVENTS_ACCEPTED
    game = sender.game
    envelope = Envelope(
        kind=Kind.GAMEANALYTICS_EVENTS,
        game_id=game.game_id,
        received_at=worker.clock.now_us(),
        content_coding=received.content_coding,
        country=worker.country(received.request),
        is_lenient=game.is_lenient and bool(checked.lenient or checked.dropped),
    )
    body, dropped = received.request.body, checked.dropped
    await journal_events(worker, Source.GAMEANALYTICS, envelope, body, checked.good, checked.lenient, dropped)
    return replies.events(dropped)


async def _initialise(worker: Worker, _received: Received, sender: SignedGame, _init: InitRequest) -> Reply:
    return replies.init(worker.clock.now_us() // _US, is_enabled=sender.game.is_enabled)


async def _send_remote_configs(worker: Worker, _received: Received, sender: SignedGame, _init: InitRequest) -> Reply:
    server_ts = worker.clock.now_us() // _US
    return replies.remote_configs_init(server_ts, sender.configs_hash, is_enabled=sender.game.is_enabled)


def _signed(
    name: str,
    path: str,
    authenticate: Authenticate[SignedGame],
    decode: Callable[[bytes, SignedGame], _Decoded],
    handle: Callable[[Worker, Received, SignedGame, _Decoded], Awaitable[Reply]],
) -> Operation[SignedGame, _Decoded]:
    return Operation(name, "POST", path, authenticate, decode, handle, source=Source.GAMEANALYTICS)


GAMEANALYTICS = WireProtocol(
    name="gameanalytics",
    operations=(
        _signed("events", "/v2/{}/events", _by_key_in_path_if_enabled, _check_events, _take_events),
        _signed("init", "/v2/{}/init", _by_key_in_path, _read_init, _initialise),
        _signed("remote_configs_init", "/remote_configs/v1/init", _by_key_in_query, _read_init, _send_remote_configs),
    ),
    rejected=replies.rejected,
    fault=replies.FAULT,
    preflight=replies.PREFLIGHT,
    wrong_method="use POST for {path}",
)
