"""Satori's API: its operations (satori.md §3), and how events are taken (§5)."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from questlog.collector.events import journal_events
from questlog.collector.operation import (
    AnyOperation,
    Authenticate,
    Operation,
    Received,
    WireProtocol,
    always,
    anyone,
    no_body,
    nothing,
    optional_body,
)
from questlog.collector.satori_callers import Caller, KeyCaller, TokenCaller
from questlog.collector.satori_identities import (
    authenticate,
    create_missing,
    delete_identity,
    identify,
    list_properties,
    update_properties,
)
from questlog.collector.satori_sessions import log_out, refresh
from questlog.collector.worker import Worker
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import Source
from questlog.model.exchange import Reply, Request
from questlog.model.record import Envelope, Kind
from questlog.model.times import first_time
from questlog.protocols.satori import replies
from questlog.protocols.satori.codec import Decoded, decode_events, undeclared
from questlog.protocols.satori.wire import (
    decode_authenticate,
    decode_identify,
    decode_logout,
    decode_refresh,
    decode_update_properties,
)

_US = 1_000_000
_Sender = TypeVar("_Sender")
_Asked = TypeVar("_Asked")


class _Checked(NamedTuple):
    """A batch of events, and the places of those that a strict game does not take."""

    decoded: Decoded
    refused: tuple[int, ...]


def by_api_key(worker: Worker, request: Request, _item: str) -> KeyCaller:
    """The game of an API key. Raises as `Callers.of_api_key`."""
    return worker.callers.of_api_key(request.headers.get("authorization"), worker.clock.now_us() / _US)


def by_token(worker: Worker, request: Request, _item: str) -> TokenCaller:
    """The identity of a session token. Raises as `Callers.of_token`."""
    return worker.callers.of_token(request.headers.get("authorization"), worker.clock.now_us() / _US)


def by_either(worker: Worker, request: Request, _item: str) -> Caller:
    """Of an API key or a token, whichever is sent."""
    return worker.callers.of_either(request.headers.get("authorization"), worker.clock.now_us() / _US)


def _check_events(source: Source, text: bytes, caller: Caller) -> _Checked:
    is_lenient = caller.game.is_lenient
    decoded = decode_events(text, source=source, is_lenient=is_lenient)
    refused = undeclared(decoded, caller.game.event_names) if caller.game.is_strict else ()
    if refused:
        decoded = decode_events(text, source=source, refused=refused, is_lenient=is_lenient)
    return _Checked(decoded, refused)


async def _take_client_events(worker: Worker, received: Received, caller: TokenCaller, checked: _Checked) -> Reply:
    """`POST /v1/event`: identity and session are the token's; Nakama's tokens have no session."""
    claims = caller.claims
    has_session = claims.sid is not None
    envelope = Envelope(
        kind=Kind.SATORI_CLIENT_EVENTS,
        game_id=caller.game.game_id,
        received_at=worker.clock.now_us(),
        content_coding=received.content_coding,
        country=worker.country(received.request),
        api_key_name=caller.api_key_name,
        player_id=caller.player_id,
        session_id=claims.sid,
        session_issued_at=claims.iat * _US if has_session else None,
        session_expires_at=claims.exp * _US if has_session else None,
    )
    return await _take_events(worker, received, caller, checked, Source.SATORI_CLIENT, envelope)


async def _take_server_events(worker: Worker, received: Received, caller: KeyCaller, checked: _Checked) -> Reply:
    """`POST /v1/server-event`: each event names its own identity and session, or none.

    No country: the address is the studio's server's, and one batch may be of several players.
    """
    envelope = Envelope(
        kind=Kind.SATORI_SERVER_EVENTS,
        game_id=caller.game.game_id,
        received_at=worker.clock.now_us(),
        content_coding=received.content_coding,
        api_key_name=caller.api_key_name,
    )
    return await _take_events(worker, received, caller, checked, Source.SATORI_SERVER, envelope)


async def _take_events(
    worker: Worker, received: Received, caller: Caller, checked: _Checked, source: Source, envelope: Envelope
) -> Reply:
    decoded, refused = checked
    events, dropped = decoded.events, decoded.dropped
    if not events and not dropped:
        return replies.EMPTY
    is_lenient = caller.game.is_lenient and bool(decoded.lenient or dropped)
    if refused or is_lenient:
        envelope = msgspec.structs.replace(envelope, refused=refused, is_lenient=is_lenient)
    await _create_missing(worker, received, caller, envelope, decoded)
    await journal_events(worker, source, envelope, received.request.body, len(events), decoded.lenient, dropped)
    return replies.invalid_events(dropped) if dropped else replies.EMPTY


async def _create_missing(
    worker: Worker, received: Received, caller: Caller, envelope: Envelope, decoded: Decoded
) -> None:
    """Identities that this collector has not met lately are looked up, and created where they do not exist."""
    game_id, now_us = envelope.game_id, envelope.received_at
    named = {envelope.player_id} if envelope.player_id else {event.player_id for event in decoded.events}
    unmet = worker.recent_identities.unmet(game_id, {name for name in named if name}, now_us)
    if not unmet:
        return
    with worker.waiting.holding(received.size):
        first_us = _first_us(unmet, envelope, decoded, worker.earliest_us)
        await create_missing(worker, caller, first_us, envelope.country)
    worker.recent_identities.add(game_id, unmet, now_us)


def _first_us(names: set[str], envelope: Envelope, decoded: Decoded, earliest_us: int) -> dict[str, int]:
    """When the first event of each of these identities happened; at the latest now."""
    client_times: dict[str, list[int | None]] = {name: [] for name in names}
    for event in decoded.events:
        name = envelope.player_id or event.player_id
        if name in client_times:
            client_times[name].append(event.client_time)
    return {name: first_time(times, envelope.received_at, earliest_us) for name, times in client_times.items()}


async def _say_ready(worker: Worker, _received: Received, _sender: None, _asked: None) -> Reply:
    if not worker.journal.is_ready:
        raise JournalUnavailable("the journal cannot be written now")
    return replies.EMPTY


def _events(
    name: str,
    path: str,
    authenticate: Authenticate[_Sender],
    take: Callable[[Worker, Received, _Sender, _Checked], Awaitable[Reply]],
    source: Source,
) -> AnyOperation:
    return Operation(name, "POST", path, authenticate, partial(_check_events, source), take, source=source)


def _control(
    name: str,
    method: str,
    path: str,
    authenticate: Authenticate[_Sender],
    decode: Callable[[bytes], _Asked],
    handle: Callable[[Worker, Received, _Sender, _Asked], Awaitable[Reply]],
) -> AnyOperation:
    """An operation that waits for the control database, within the bound on all that do."""

    def decode_text(text: bytes, _sender: _Sender) -> _Asked:
        return decode(text)

    async def handle_within_bound(worker: Worker, received: Received, sender: _Sender, asked: _Asked) -> Reply:
        with worker.waiting.holding(received.size):
            return await handle(worker, received, sender, asked)

    return Operation(name, method, path, authenticate, decode_text, handle_within_bound, optional_body)


def _constant(name: str, methods: str, path: str, authenticate: Authenticate[object], reply: Reply) -> AnyOperation:
    """An operation with one answer to all."""
    return Operation(name, methods, path, authenticate, nothing, always(reply), no_body)


SATORI = WireProtocol(
    name="satori",
    operations=(
        _constant("healthcheck", "GET HEAD", "/healthcheck", anyone, replies.EMPTY),
        Operation("readycheck", "GET HEAD", "/readycheck", anyone, nothing, _say_ready, no_body),
        _events("event", "/v1/event", by_token, _take_client_events, Source.SATORI_CLIENT),
        _events("server_event", "/v1/server-event", by_api_key, _take_server_events, Source.SATORI_SERVER),
        _control("authenticate", "POST", "/v1/authenticate", by_api_key, decode_authenticate, authenticate),
        _control("authenticate_refresh", "POST", "/v1/authenticate/refresh", by_api_key, decode_refresh, refresh),
        _control("authenticate_logout", "POST", "/v1/authenticate/logout", by_token, decode_logout, log_out),
        _control("identify", "PUT", "/v1/identify", by_token, decode_identify, identify),
        _control("delete_identity", "DELETE", "/v1/identity", by_token, nothing, delete_identity),
        _control("list_properties", "GET", "/v1/properties", by_token, nothing, list_properties),
        _control("update_properties", "PUT", "/v1/properties", by_token, decode_update_properties, update_properties),
        # Features that games may ask for and that this server does not have: polite and correct answers.
        _constant("get_flags", "GET", "/v1/flag", by_either, replies.NO_FLAGS),
        _constant("get_flag_overrides", "GET", "/v1/flag/override", by_either, replies.NO_FLAG_OVERRIDES),
        _constant("get_experiments", "GET", "/v1/experiment", by_token, replies.NO_EXPERIMENTS),
        _constant("get_live_events", "GET", "/v1/live-event", by_token, replies.NO_LIVE_EVENTS),
        _constant("join_live_event", "POST", "/v1/live-event/{}/participation", by_token, replies.LIVE_EVENT_NOT_FOUND),
        _constant("get_messages", "GET", "/v1/message", by_token, replies.NO_MESSAGES),
        _constant("update_message", "PUT", "/v1/message/{}", by_token, replies.MESSAGE_NOT_FOUND),
        _constant("delete_message", "DELETE", "/v1/message/{}", by_token, replies.MESSAGE_NOT_FOUND),
    ),
    rejected=replies.rejected,
    fault=replies.FAULT,
    preflight=replies.PREFLIGHT,
    wrong_method="Method Not Allowed",
)
