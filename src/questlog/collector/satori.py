"""Satori's API: from a request to its answer (satori.md §§3, 5)."""

from collections import OrderedDict

import msgspec

from questlog.collector.parts import Parts
from questlog.collector.satori_callers import Caller, Callers
from questlog.collector.satori_identities import Identities
from questlog.control.errors import ControlUnavailable
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import NIL_UUID, Source
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, encode_record
from questlog.model.times import first_time
from questlog.protocols.inflate import inflate
from questlog.protocols.satori import replies
from questlog.protocols.satori.auth import Claims, parse_bearer
from questlog.protocols.satori.codec import Decoded, decode_events, undeclared
from questlog.protocols.satori.routes import Auth, Operation, Route

_US = 1_000_000
_KNOWN_IDENTITIES = 20_000  # some 6 MB
_KNOWN_FOR_US = 60 * _US

_EMPTY_ANSWERS = {
    Operation.GET_FLAGS: replies.NO_FLAGS,
    Operation.GET_FLAG_OVERRIDES: replies.NO_FLAG_OVERRIDES,
    Operation.GET_EXPERIMENTS: replies.NO_EXPERIMENTS,
    Operation.GET_LIVE_EVENTS: replies.NO_LIVE_EVENTS,
    Operation.GET_MESSAGES: replies.NO_MESSAGES,
    Operation.JOIN_LIVE_EVENT: replies.LIVE_EVENT_NOT_FOUND,
    Operation.UPDATE_MESSAGE: replies.MESSAGE_NOT_FOUND,
    Operation.DELETE_MESSAGE: replies.MESSAGE_NOT_FOUND,
}
"""Features that games may ask for and that this server does not have: polite and correct answers."""


class SatoriService:
    """Answers Satori's routes."""

    def __init__(self, parts: Parts, callers: Callers, identities: Identities) -> None:
        self._parts = parts
        self._callers = callers
        self._identities = identities
        self._known: OrderedDict[tuple[int, str], int] = OrderedDict()

    async def handle(self, request: Request, route: Route) -> Reply:
        """The answer; faults of the journal or the control database are 503, which clients try again."""
        try:
            return await self._answer(request, route)
        except RequestRejected as rejection:
            return self.rejected(rejection)
        except JournalUnavailable as error:
            return self.rejected(RequestRejected(Reason.JOURNAL_UNAVAILABLE, str(error)))
        except ControlUnavailable:
            return self.rejected(RequestRejected(Reason.OVERLOADED, "The control database is not available"))

    def rejected(self, rejection: RequestRejected) -> Reply:
        """The answer to a request that cannot be taken."""
        self._parts.counters.count_rejected(rejection.reason)
        return replies.rejected(rejection)

    async def _answer(self, request: Request, route: Route) -> Reply:
        operation = route.operation
        if operation is Operation.PREFLIGHT:
            return replies.PREFLIGHT
        if operation is Operation.HEALTHCHECK:
            return replies.EMPTY
        if operation is Operation.READYCHECK:
            if not self._parts.journal.is_ready:
                raise JournalUnavailable("the journal cannot be written now")
            return replies.EMPTY
        caller = self._caller(request, route.auth)
        if operation in _EMPTY_ANSWERS:
            return _EMPTY_ANSWERS[operation]
        if operation is Operation.SERVER_EVENT:
            return await self._server_events(request, caller)
        if operation is Operation.EVENT:
            return await self._client_events(request, caller, _claims(caller))
        body = self._inflated(request) if request.body else b""
        with self._parts.waiting.holding(max(len(body), len(request.body))):
            return await self._answer_identity(request, operation, caller, body)

    async def _answer_identity(self, request: Request, operation: Operation, caller: Caller, body: bytes) -> Reply:
        """The routes about identities and sessions: they wait for the control database."""
        match operation:
            case Operation.AUTHENTICATE:
                return await self._identities.authenticate(caller, body, self._country(request))
            case Operation.AUTHENTICATE_REFRESH:
                return await self._identities.refresh(caller, body)
            case Operation.IDENTIFY:
                token = parse_bearer(request.headers.get("authorization")) or ""
                return await self._identities.identify(caller, _claims(caller), token, body, self._country(request))
            case Operation.AUTHENTICATE_LOGOUT:
                return await self._identities.logout(caller, _claims(caller), body)
            case Operation.DELETE_IDENTITY:
                self._known.pop((caller.game.game_id, _claims(caller).iid), None)
                return await self._identities.delete(caller, _claims(caller))
            case Operation.UPDATE_PROPERTIES:
                return await self._identities.update_properties(caller, _claims(caller), body)
            case _:
                return await self._identities.list_properties(caller, _claims(caller))

    async def _client_events(self, request: Request, caller: Caller, claims: Claims) -> Reply:
        """`POST /v1/event`: identity and session are the token's; Nakama's tokens have no session."""
        has_session = claims.sid is not None
        envelope = Envelope(
            kind=Kind.SATORI_CLIENT_EVENTS,
            game_id=caller.game.game_id,
            received_at=self._parts.clock.now_us(),
            content_coding=request.headers.get("content-encoding") or "",
            country=self._country(request),
            api_key_name=caller.api_key.name,
            player_id=None if claims.iid == NIL_UUID else claims.iid,
            session_id=claims.sid,
            session_issued_at=claims.iat * _US if has_session else None,
            session_expires_at=claims.exp * _US if has_session else None,
        )
        return await self._take_events(request, caller, envelope, Source.SATORI_CLIENT)

    async def _server_events(self, request: Request, caller: Caller) -> Reply:
        """`POST /v1/server-event`: each event names its own identity and session, or none.

        No country: the address is the studio's server's, and one batch may be of several players.
        """
        envelope = Envelope(
            kind=Kind.SATORI_SERVER_EVENTS,
            game_id=caller.game.game_id,
            received_at=self._parts.clock.now_us(),
            content_coding=request.headers.get("content-encoding") or "",
            api_key_name=caller.api_key.name,
        )
        return await self._take_events(request, caller, envelope, Source.SATORI_SERVER)

    async def _take_events(self, request: Request, caller: Caller, envelope: Envelope, source: Source) -> Reply:
        text = request.body
        try:
            text = self._inflated(request)
            decoded, refused = self._decode(text, caller, source)
        except RequestRejected as rejection:
            self._keep(rejection, source, envelope, text)
            raise
        if not decoded.events and not decoded.dropped:
            return replies.EMPTY
        is_lenient = caller.game.is_lenient and bool(decoded.lenient or decoded.dropped)
        if refused or is_lenient:
            envelope = msgspec.structs.replace(envelope, refused=refused, is_lenient=is_lenient)
        await self._create_missing(caller, envelope, decoded, max(len(text), len(request.body)))
        await self._parts.journal.append(encode_record(envelope, request.body))
        self._count(caller.game.game_id, source, decoded)
        return replies.invalid_events(decoded.dropped) if decoded.dropped else replies.EMPTY

    def _decode(self, text: bytes, caller: Caller, source: Source) -> tuple[Decoded, tuple[int, ...]]:
        is_lenient = caller.game.is_lenient
        decoded = decode_events(text, source=source, is_lenient=is_lenient)
        refused = undeclared(decoded, caller.game.event_names) if caller.game.is_strict else ()
        if refused:
            decoded = decode_events(text, source=source, refused=refused, is_lenient=is_lenient)
        return decoded, refused

    async def _create_missing(self, caller: Caller, envelope: Envelope, decoded: Decoded, size: int) -> None:
        """Identities that this collector has not met lately are looked up, and created where they do not exist.

        `size` is what the request holds meanwhile, in bytes.
        """
        game_id, now = caller.game.game_id, envelope.received_at
        named = {envelope.player_id} if envelope.player_id else {event.player_id for event in decoded.events}
        unmet = {name for name in named if name and self._known.get((game_id, name), 0) < now - _KNOWN_FOR_US}
        if not unmet:
            return
        with self._parts.waiting.holding(size):
            first_us = _first_us(unmet, envelope, decoded, self._parts.earliest_us)
            await self._identities.create_missing(caller, first_us, envelope.country)
        for name in unmet:
            self._known[game_id, name] = now
            self._known.move_to_end((game_id, name))
        while len(self._known) > _KNOWN_IDENTITIES:
            self._known.popitem(last=False)

    def _caller(self, request: Request, auth: Auth) -> Caller:
        authorization = request.headers.get("authorization")
        if auth is Auth.API_KEY:
            return self._callers.of_api_key(authorization)
        now_s = self._parts.clock.now_us() / _US
        if auth is Auth.API_KEY_OR_TOKEN:
            return self._callers.of_either(authorization, now_s)
        return self._callers.of_token(authorization, now_s)

    def _keep(self, rejection: RequestRejected, source: Source, envelope: Envelope, text: bytes) -> None:
        self._parts.rejected_requests.keep(
            rejection,
            source,
            envelope.game_id,
            envelope.received_at,
            text,
            api_key_name=envelope.api_key_name,
            player_id=envelope.player_id,
        )

    def _count(self, game_id: int, source: Source, decoded: Decoded) -> None:
        counters = self._parts.counters
        if decoded.events:
            counters.count_accepted(game_id, source, len(decoded.events), decoded.lenient)
        for dropped in decoded.dropped:
            counters.count_events(game_id, source, dropped.reason, 1)

    def _inflated(self, request: Request) -> bytes:
        coding = request.headers.get("content-encoding") or ""
        return inflate(request.body, coding, self._parts.max_inflated_bytes)

    def _country(self, request: Request) -> str | None:
        return self._parts.country(request.client_address, request.headers.get("x-forwarded-for"))


def _first_us(names: set[str], envelope: Envelope, decoded: Decoded, earliest_us: int) -> dict[str, int]:
    """When the first event of each of these identities happened; at the latest now."""
    client_times: dict[str, list[int | None]] = {name: [] for name in names}
    for event in decoded.events:
        name = envelope.player_id or event.player_id
        if name in client_times:
            client_times[name].append(event.client_time)
    return {name: first_time(times, envelope.received_at, earliest_us) for name, times in client_times.items()}


def _claims(caller: Caller) -> Claims:
    if caller.claims is None:  # an API key alone, on a route that takes a token alone
        raise RequestRejected(Reason.UNAUTHENTICATED, "Auth token required")
    return caller.claims
