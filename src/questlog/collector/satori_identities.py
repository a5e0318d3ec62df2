"""Satori's identities and sessions: sign in, refresh, identify, sign out, delete (satori.md §§2, 4, 6, 7)."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from questlog.collector.parts import Parts
from questlog.collector.satori_callers import Caller, Callers, refresh_token_id, token_id
from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed
from questlog.control.identities import Identity, Origin
from questlog.control.identities import Properties as StoredProperties
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import NIL_UUID
from questlog.model.exchange import Reply
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, encode_record
from questlog.protocols.satori import properties as rules
from questlog.protocols.satori import replies
from questlog.protocols.satori.auth import (
    BAD_SESSION_TOKEN,
    Claims,
    read_refresh_token,
    read_token,
    sign_refresh_token,
    sign_session_token,
)
from questlog.protocols.satori.system import SystemEvent, SystemEventName, make_system_events
from questlog.protocols.satori.wire import (
    decode_authenticate,
    decode_identify,
    decode_logout,
    decode_refresh,
    decode_update_properties,
)

_US = 1_000_000
_CREATIONS = uuid.UUID("6f2d8a52-7c3e-4a55-9d0e-2b1f5c9e8a47")
"""The namespace of the ids of `_identityCreate` events."""
_Result = TypeVar("_Result")


class TokenSettings(NamedTuple):
    """How session tokens are made; lifetimes in seconds."""

    signing_key: str
    lifetime_s: int
    refresh_lifetime_s: int


class Session(NamedTuple):
    """One session: its id and its times in Unix seconds."""

    session_id: str
    issued_at_s: int
    expires_at_s: int
    refresh_expires_at_s: int


class Identities:
    """The routes that change who a player is. The control database is asked in one thread, so writes do not compete."""

    def __init__(self, parts: Parts, control: ControlDatabase, callers: Callers, tokens: TokenSettings) -> None:
        self._parts = parts
        self._control = control
        self._callers = callers
        self._tokens = tokens
        self._thread = ThreadPoolExecutor(1, "control")

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()

    async def authenticate(self, caller: Caller, body: bytes, country: str | None) -> Reply:
        """`POST /v1/authenticate`: the identity is created or updated; a session starts unless `no_session`."""
        request = decode_authenticate(body)
        self._check_journal()
        game_id = caller.game.game_id
        given = StoredProperties(request.default or {}, request.custom or {})
        origin = self._origin(caller, country)
        identity = await self._ask(partial(self._control.get_or_create_identity, game_id, request.id, origin, given))
        now_us = self._parts.clock.now_us()
        events = _creations(game_id, _creation_to_announce(identity))
        stay = None if request.no_session else await self._new_stay(game_id, request.id)
        if stay is not None:
            events.append(_system_event(SystemEventName.SESSION_START, request.id, stay))
        has_properties = identity.announced_at is None or bool(request.default or request.custom)
        await self._journal(caller, country, now_us, events, [identity] if has_properties else [])
        await self._mark_announced(game_id, _creation_to_announce(identity))
        return await self._session_reply(caller, identity, stay)

    async def refresh(self, caller: Caller, body: bytes) -> Reply:
        """`POST /v1/authenticate/refresh`: new tokens for the same identity and session; the old ones stay good."""
        token = decode_refresh(body).refresh_token
        claims = self._callers.of_refresh_token(token, caller.api_key, self._now_s())
        identity = await self._ask(partial(self._control.identity, caller.game.game_id, claims.iid))
        if identity is None:
            raise RequestRejected(Reason.BAD_TOKEN, "Refresh token invalid or expired")
        issued_at_s = await self._first_issue_s(caller.game.game_id, claims.iid)
        return await self._session_reply(caller, identity, self._stay(claims.sid or "", issued_at_s))

    async def identify(self, caller: Caller, claims: Claims, token: str, body: bytes, country: str | None) -> Reply:
        """`PUT /v1/identify`: the session moves to another identity, the old one's missing properties with it."""
        request = decode_identify(body)
        self._check_journal()
        game_id = caller.game.game_id

        def merge(old: StoredProperties, new: StoredProperties | None) -> StoredProperties:
            own = new or StoredProperties({}, {})
            return StoredProperties(
                rules.identified(old.default, own.default, request.default),
                rules.identified(old.custom, own.custom, request.custom),
            )

        origin = self._origin(caller, country)
        identity = await self._ask(partial(self._control.identify, game_id, claims.iid, request.id, origin, merge))
        now_us = self._parts.clock.now_us()
        stay = self._stay(claims.sid or str(uuid.uuid4()), await self._first_issue_s(game_id, request.id))
        moved = _system_event(SystemEventName.IDENTIFY, request.id, stay)
        events = _creations(game_id, _creation_to_announce(identity))
        events.append(msgspec.structs.replace(moved, metadata={"fromIdentityId": claims.iid}))
        await self._journal(caller, country, now_us, events, [identity])
        await self._mark_announced(game_id, _creation_to_announce(identity))
        if request.id != claims.iid:
            await self._revoke(game_id, token_id(claims, token), claims)
        return await self._session_reply(caller, identity, stay)

    async def logout(self, caller: Caller, claims: Claims, body: bytes) -> Reply:
        """`POST /v1/authenticate/logout`: a session, a refresh token, or with neither all of the identity's tokens."""
        request = decode_logout(body)
        game_id = caller.game.game_id
        if request.token is None and request.refresh_token is None:
            await self._revoke_all(game_id, claims)
        if request.token is not None:
            other = read_token(request.token, self._tokens.signing_key, self._now_s())
            _check_same_identity(claims, other)
            await self._revoke(game_id, token_id(other, request.token), other)
        if request.refresh_token is not None:
            refresh = read_refresh_token(request.refresh_token, self._tokens.signing_key, self._now_s())
            _check_same_identity(claims, refresh)
            await self._revoke(game_id, refresh_token_id(refresh), refresh)
        return replies.EMPTY

    async def delete(self, caller: Caller, claims: Claims) -> Reply:
        """`DELETE /v1/identity`: journalled as an erasure, which the loader carries out everywhere.

        Journalled first, so that it happens whatever fails then; and again once no token is good any more, for the
        events that were taken meanwhile.
        """
        self._check_journal()
        await self._journal_erasure(caller, claims)
        await self._ask(partial(self._control.delete_identity, caller.game.game_id, claims.iid))
        await self._revoke_all(caller.game.game_id, claims)
        await self._journal_erasure(caller, claims)
        return replies.EMPTY

    async def _journal_erasure(self, caller: Caller, claims: Claims) -> None:
        envelope = Envelope(
            kind=Kind.PLAYER_ERASURE,
            game_id=caller.game.game_id,
            received_at=self._parts.clock.now_us(),
            player_id=claims.iid,
        )
        await self._parts.journal.append(encode_record(envelope, b""))

    async def list_properties(self, caller: Caller, claims: Claims) -> Reply:
        """`GET /v1/properties`."""
        identity = await self._identity(caller, claims)
        return replies.listed_properties(await self._properties(identity))

    async def update_properties(self, caller: Caller, claims: Claims, body: bytes) -> Reply:
        """`PUT /v1/properties`. Audiences follow the stored events, so `recompute` asks for nothing more."""
        request = decode_update_properties(body)
        if request.default or request.custom:
            self._check_journal()
            given = StoredProperties(request.default or {}, request.custom or {})
            game_id = caller.game.game_id
            identity = await self._ask(partial(self._control.update_properties, game_id, claims.iid, given))
            if identity is None:
                raise RequestRejected(Reason.NOT_FOUND, "Identity not found")
            await self._journal(caller, None, self._parts.clock.now_us(), [], [identity])
        return replies.EMPTY

    async def create_missing(self, caller: Caller, first_us: Mapping[str, int], country: str | None) -> None:
        """Create the identities that events name and nobody has authenticated (satori.md §5.1).

        `first_us` is when the first of an identity's events happened: who is known by what happened long ago was not
        there today.
        """
        self._check_journal()
        game_id = caller.game.game_id
        origin = self._origin(caller, country)
        unannounced = await self._ask(partial(self._control.create_identities, game_id, set(first_us), origin))
        if unannounced:
            await self._journal(
                caller, country, self._parts.clock.now_us(), _creations(game_id, unannounced, first_us), []
            )
            await self._mark_announced(game_id, unannounced)

    async def _mark_announced(self, game_id: int, created: Mapping[str, int]) -> None:
        """Once the journal has them; a crash before this announces them again, under the same ids."""
        if created:
            await self._ask(partial(self._control.mark_announced, game_id, list(created)))

    async def _new_stay(self, game_id: int, identity_id: str) -> Session:
        return self._stay(str(uuid.uuid4()), await self._first_issue_s(game_id, identity_id))

    def _stay(self, session_id: str, issued_at_s: int) -> Session:
        return Session(
            session_id,
            issued_at_s,
            issued_at_s + self._tokens.lifetime_s,
            issued_at_s + self._tokens.refresh_lifetime_s,
        )

    async def _session_reply(self, caller: Caller, identity: Identity, stay: Session | None) -> Reply:
        properties = await self._properties(identity)
        if stay is None:
            return replies.session(properties)
        claims = Claims(
            iid=identity.identity_id,
            exp=stay.expires_at_s,
            iat=stay.issued_at_s,
            sid=stay.session_id,
            api=caller.api_key.name,
            gid=identity.game_id,
        )
        refresh_claims = msgspec.structs.replace(claims, exp=stay.refresh_expires_at_s)
        key = self._tokens.signing_key
        return replies.session(properties, sign_session_token(claims, key), sign_refresh_token(refresh_claims, key))

    async def _identity(self, caller: Caller, claims: Claims) -> Identity:
        identity = await self._ask(partial(self._control.identity, caller.game.game_id, claims.iid))
        if identity is None:
            raise RequestRejected(Reason.NOT_FOUND, "Identity not found")
        return identity

    async def _properties(self, identity: Identity) -> rules.Properties:
        counted = await self._ask(partial(self._control.computed, identity.game_id, identity.identity_id))
        computed = rules.computed(counted)
        return rules.Properties(identity.properties.default, computed, identity.properties.custom)

    async def _journal(
        self,
        caller: Caller,
        country: str | None,
        now_us: int,
        events: Sequence[SystemEvent],
        identities: Sequence[Identity],
    ) -> None:
        """Make what happened durable: events made by the server, and properties as they are now.

        Nakama's system user is an identity and no player: nothing happens to it.
        """
        records = [_properties_record(identity) for identity in identities if identity.identity_id != NIL_UUID]
        events = [event for event in events if event.identity_id != NIL_UUID]
        if events:
            envelope = Envelope(
                kind=Kind.SATORI_SYSTEM_EVENTS,
                game_id=caller.game.game_id,
                received_at=now_us,
                country=country,
                api_key_name=caller.api_key.name,
            )
            records.append(encode_record(envelope, make_system_events(events, now_us)))
        await asyncio.gather(*[self._parts.journal.append(record) for record in records])

    def _origin(self, caller: Caller, country: str | None) -> Origin:
        name = caller.api_key.name
        return Origin(name, country, rules.initial_properties(name, country, self._parts.clock.now_us()))

    def _check_journal(self) -> None:
        """Refuse before anything is changed that could then not be journalled."""
        if not self._parts.journal.is_ready:
            raise JournalUnavailable("the journal cannot be written now")

    async def _revoke(self, game_id: int, revoked_id: str, claims: Claims) -> None:
        expires_at_s = self._last_expiry_s(int(self._now_s()), claims)
        await self._ask(partial(self._control.revoke_session, game_id, revoked_id, expires_at_s))

    async def _revoke_all(self, game_id: int, claims: Claims) -> None:
        now_s = int(self._now_s())
        # A token may have been issued for the second after now: see `first_issue_s`.
        through_s = max(now_s, await self._first_issue_s(game_id, claims.iid))
        expires_at_s = self._last_expiry_s(through_s, claims)
        await self._ask(partial(self._control.revoke_all, game_id, claims.iid, through_s, expires_at_s))

    def _last_expiry_s(self, issued_at_s: int, claims: Claims) -> int:
        """When the last of the tokens made until now expires, also one that another signer gave a longer life."""
        return max(claims.exp, issued_at_s + max(self._tokens.lifetime_s, self._tokens.refresh_lifetime_s))

    async def _first_issue_s(self, game_id: int, identity_id: str) -> int:
        return await self._ask(partial(self._control.first_issue_s, game_id, identity_id, int(self._now_s())))

    def _now_s(self) -> float:
        return self._parts.clock.now_us() / _US

    async def _ask(self, question: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, question)
        except NotAllowed as error:  # more properties than an identity may have
            raise RequestRejected(Reason.BAD_FIELD, str(error)) from None


def _properties_record(identity: Identity) -> bytes:
    """Dated by the control database: of two collectors' records the newer state is stored, whichever is loaded last."""
    envelope = Envelope(
        kind=Kind.PLAYER_PROPERTIES,
        game_id=identity.game_id,
        received_at=identity.updated_at,
        player_id=identity.identity_id,
    )
    return encode_record(envelope, msgspec.json.encode(identity.properties))


def _creation_to_announce(identity: Identity) -> Mapping[str, int]:
    return {identity.identity_id: identity.created_at} if identity.announced_at is None else {}


def _creations(
    game_id: int, created: Mapping[str, int], first_us: Mapping[str, int] | None = None
) -> list[SystemEvent]:
    """Events that tell of identities by the time they were created; the loader drops those it has already."""
    return [
        SystemEvent(
            SystemEventName.IDENTITY_CREATE,
            identity_id,
            id=str(uuid.uuid5(_CREATIONS, f"{game_id} {identity_id} {created_at}")),
            time_us=(first_us or {}).get(identity_id),
        )
        for identity_id, created_at in sorted(created.items())
    ]


def _system_event(name: SystemEventName, identity_id: str, stay: Session) -> SystemEvent:
    return SystemEvent(name, identity_id, stay.session_id, stay.issued_at_s * _US, stay.expires_at_s * _US)


def _check_same_identity(claims: Claims, other: Claims) -> None:
    if other.iid != claims.iid:
        raise RequestRejected(Reason.BAD_TOKEN, BAD_SESSION_TOKEN)
