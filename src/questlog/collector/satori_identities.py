"""Satori's identities: sign in, identify, delete, properties (satori.md §§4, 6, 7)."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from questlog.collector.operation import Received
from questlog.collector.satori_callers import Caller, KeyCaller, TokenCaller
from questlog.collector.satori_sessions import (
    Session,
    all_properties,
    new_session,
    revoke_all,
    revoke_own,
    session_reply,
)
from questlog.collector.worker import Worker
from questlog.control.database import ControlDatabase
from questlog.control.identities import Identity, Origin
from questlog.control.identities import Properties as StoredProperties
from questlog.journal.contract import JournalUnavailable
from questlog.model.event import NIL_UUID
from questlog.model.exchange import Reply
from questlog.model.reasons import Reason, RequestRejected
from questlog.model.record import Envelope, Kind, encode_record
from questlog.protocols.satori import properties as rules
from questlog.protocols.satori import replies
from questlog.protocols.satori.system import SystemEvent, SystemEventName, make_system_events
from questlog.protocols.satori.wire import AuthenticateRequest, IdentifyRequest, UpdatePropertiesRequest

_US = 1_000_000
_CREATIONS = uuid.UUID("6f2d8a52-7c3e-4a55-9d0e-2b1f5c9e8a47")
"""The namespace of the ids of `_identityCreate` events."""


async def authenticate(worker: Worker, received: Received, caller: KeyCaller, asked: AuthenticateRequest) -> Reply:
    """`POST /v1/authenticate`: the identity is created or updated; a session starts unless `no_session`."""
    _check_journal(worker)
    game_id, country = caller.game.game_id, worker.country(received.request)
    given = StoredProperties(asked.default or {}, asked.custom or {})
    origin = _origin(worker, caller, country)
    identity = await worker.control.ask(ControlDatabase.get_or_create_identity, game_id, asked.id, origin, given)
    now_us = worker.clock.now_us()
    events = _creations(game_id, _creation_to_announce(identity))
    session = None if asked.no_session else await new_session(worker, game_id, asked.id)
    if session is not None:
        events.append(_system_event(SystemEventName.SESSION_START, asked.id, session))
    has_properties = identity.announced_at is None or bool(asked.default or asked.custom)
    await _journal(worker, caller, country, now_us, events, [identity] if has_properties else [])
    await _mark_announced(worker, game_id, _creation_to_announce(identity))
    return await session_reply(worker, caller.api_key, identity, session)


async def identify(worker: Worker, received: Received, caller: TokenCaller, asked: IdentifyRequest) -> Reply:
    """`PUT /v1/identify`: the session moves to another identity, the old one's missing properties with it."""
    _check_journal(worker)
    game_id, claims, country = caller.game.game_id, caller.claims, worker.country(received.request)

    def merge(old: StoredProperties, new: StoredProperties | None) -> StoredProperties:
        own = new or StoredProperties({}, {})
        return StoredProperties(
            rules.identified(old.default, own.default, asked.default),
            rules.identified(old.custom, own.custom, asked.custom),
        )

    origin = _origin(worker, caller, country)
    identity = await worker.control.ask(ControlDatabase.identify, game_id, claims.iid, asked.id, origin, merge)
    now_us = worker.clock.now_us()
    session = await new_session(worker, game_id, asked.id, claims.sid)
    moved = _system_event(SystemEventName.IDENTIFY, asked.id, session)
    events = _creations(game_id, _creation_to_announce(identity))
    events.append(msgspec.structs.replace(moved, metadata={"fromIdentityId": claims.iid}))
    await _journal(worker, caller, country, now_us, events, [identity])
    await _mark_announced(worker, game_id, _creation_to_announce(identity))
    if asked.id != claims.iid:
        await revoke_own(worker, caller)
    return await session_reply(worker, caller.api_key, identity, session)


async def delete_identity(worker: Worker, _received: Received, caller: TokenCaller, _asked: None) -> Reply:
    """`DELETE /v1/identity`: journalled as an erasure, which the loader carries out everywhere.

    Journalled first, so that it happens whatever fails then; and again once no token is good any more, for the events
    that were taken meanwhile.
    """
    game_id, identity_id = caller.game.game_id, caller.claims.iid
    worker.recent_identities.forget(game_id, identity_id)
    _check_journal(worker)
    await _journal_erasure(worker, game_id, identity_id)
    await worker.control.ask(ControlDatabase.delete_identity, game_id, identity_id)
    await revoke_all(worker, caller)
    await _journal_erasure(worker, game_id, identity_id)
    return replies.EMPTY


async def list_properties(worker: Worker, _received: Received, caller: TokenCaller, _asked: None) -> Reply:
    """`GET /v1/properties`."""
    identity = await worker.control.ask(ControlDatabase.identity, caller.game.game_id, caller.claims.iid)
    return replies.listed_properties(await all_properties(worker, _found(identity)))


async def update_properties(
    worker: Worker, _received: Received, caller: TokenCaller, asked: UpdatePropertiesRequest
) -> Reply:
    """`PUT /v1/properties`. Audiences follow the stored events, so `recompute` asks for nothing more."""
    if asked.default or asked.custom:
        _check_journal(worker)
        given = StoredProperties(asked.default or {}, asked.custom or {})
        game_id, identity_id = caller.game.game_id, caller.claims.iid
        identity = await worker.control.ask(ControlDatabase.update_properties, game_id, identity_id, given)
        await _journal(worker, caller, None, worker.clock.now_us(), [], [_found(identity)])
    return replies.EMPTY


async def create_missing(worker: Worker, caller: Caller, first_us: Mapping[str, int], country: str | None) -> None:
    """Create the identities that events name and nobody has authenticated (satori.md §5.1).

    `first_us` is when the first of an identity's events happened: who is known by what happened long ago was not there
    today.
    """
    _check_journal(worker)
    game_id = caller.game.game_id
    origin = _origin(worker, caller, country)
    unannounced = await worker.control.ask(ControlDatabase.create_identities, game_id, set(first_us), origin)
    if unannounced:
        events = _creations(game_id, unannounced, first_us)
        await _journal(worker, caller, country, worker.clock.now_us(), events, [])
        await _mark_announced(worker, game_id, unannounced)


def _found(identity: Identity | None) -> Identity:
    if identity is None:
        raise RequestRejected(Reason.NOT_FOUND, "Identity not found")
    return identity


async def _mark_announced(worker: Worker, game_id: int, created: Mapping[str, int]) -> None:
    """Once the journal has them; a crash before this announces them again, under the same ids."""
    if created:
        await worker.control.ask(ControlDatabase.mark_announced, game_id, list(created))


async def _journal(
    worker: Worker,
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
            api_key_name=caller.api_key_name,
        )
        records.append(encode_record(envelope, make_system_events(events, now_us)))
    await asyncio.gather(*[worker.journal.append(record) for record in records])


async def _journal_erasure(worker: Worker, game_id: int, identity_id: str) -> None:
    envelope = Envelope(
        kind=Kind.PLAYER_ERASURE,
        game_id=game_id,
        received_at=worker.clock.now_us(),
        player_id=identity_id,
    )
    await worker.journal.append(encode_record(envelope, b""))


def _origin(worker: Worker, caller: Caller, country: str | None) -> Origin:
    name = caller.api_key_name
    return Origin(name, country, rules.initial_properties(name, country, worker.clock.now_us()))


def _check_journal(worker: Worker) -> None:
    """Refuse before anything is changed that could then not be journalled."""
    if not worker.journal.is_ready:
        raise JournalUnavailable("the journal cannot be written now")


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


def _system_event(name: SystemEventName, identity_id: str, session: Session) -> SystemEvent:
    return SystemEvent(name, identity_id, session.session_id, session.issued_at_s * _US, session.expires_at_s * _US)
