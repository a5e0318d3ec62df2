"""Satori's sessions: their tokens, refreshed and refused (satori.md §§2, 4)."""

import uuid
from typing import NamedTuple

import msgspec

from questlog.collector.operation import Received
from questlog.collector.satori_callers import KeyCaller, TokenCaller, TokenSettings, refresh_token_id, token_id
from questlog.collector.worker import Worker
from questlog.control.database import ControlDatabase
from questlog.control.identities import Identity
from questlog.model.exchange import Reply
from questlog.model.game import ApiKey
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori import properties as rules
from questlog.protocols.satori import replies
from questlog.protocols.satori.auth import (
    BAD_REFRESH_TOKEN,
    BAD_SESSION_TOKEN,
    Claims,
    read_refresh_token,
    read_token,
    sign_refresh_token,
    sign_session_token,
)
from questlog.protocols.satori.wire import LogoutRequest, RefreshRequest

_US = 1_000_000


class Session(NamedTuple):
    """One session: its id and its times in Unix seconds."""

    session_id: str
    issued_at_s: int
    expires_at_s: int
    refresh_expires_at_s: int


async def new_session(worker: Worker, game_id: int, identity_id: str, session_id: str | None = None) -> Session:
    """A session of the identity from now on; with a `session_id`, one that goes on under that id."""
    return _session(worker.tokens, session_id or str(uuid.uuid4()), await _first_issue_s(worker, game_id, identity_id))


async def session_reply(worker: Worker, api_key: ApiKey, identity: Identity, session: Session | None) -> Reply:
    """The identity's properties, and the tokens of the session if there is one."""
    properties = await all_properties(worker, identity)
    if session is None:
        return replies.session(properties)
    claims = Claims(
        iid=identity.identity_id,
        exp=session.expires_at_s,
        iat=session.issued_at_s,
        sid=session.session_id,
        api=api_key.name,
        gid=identity.game_id,
    )
    refresh_claims = msgspec.structs.replace(claims, exp=session.refresh_expires_at_s)
    key = worker.tokens.signing_key
    return replies.session(properties, sign_session_token(claims, key), sign_refresh_token(refresh_claims, key))


async def all_properties(worker: Worker, identity: Identity) -> rules.Properties:
    """The identity's properties: those that were set, and those computed from its events."""
    counted = await worker.control.ask(ControlDatabase.computed, identity.game_id, identity.identity_id)
    computed = rules.computed(counted)
    return rules.Properties(identity.properties.default, computed, identity.properties.custom)


async def refresh(worker: Worker, _received: Received, caller: KeyCaller, asked: RefreshRequest) -> Reply:
    """`POST /v1/authenticate/refresh`: new tokens for the same identity and session; the old ones stay good."""
    claims = worker.callers.of_refresh_token(asked.refresh_token, caller.api_key, _now_s(worker))
    game_id = caller.game.game_id
    identity = await worker.control.ask(ControlDatabase.identity, game_id, claims.iid)
    if identity is None:
        raise RequestRejected(Reason.BAD_TOKEN, BAD_REFRESH_TOKEN)
    issued_at_s = await _first_issue_s(worker, game_id, claims.iid)
    session = _session(worker.tokens, claims.sid or "", issued_at_s)
    return await session_reply(worker, caller.api_key, identity, session)


async def log_out(worker: Worker, _received: Received, caller: TokenCaller, asked: LogoutRequest) -> Reply:
    """`POST /v1/authenticate/logout`: a session, a refresh token, or with neither all of the identity's tokens."""
    if asked.token is None and asked.refresh_token is None:
        await revoke_all(worker, caller)
    signing_key, now_s = worker.tokens.signing_key, _now_s(worker)
    if asked.token is not None:
        claims = read_token(asked.token, signing_key, now_s)
        _check_same_identity(caller.claims, claims)
        await _revoke(worker, caller.game.game_id, token_id(claims, asked.token), claims)
    if asked.refresh_token is not None:
        claims = read_refresh_token(asked.refresh_token, signing_key, now_s)
        _check_same_identity(caller.claims, claims)
        await _revoke(worker, caller.game.game_id, refresh_token_id(claims), claims)
    return replies.EMPTY


async def revoke_own(worker: Worker, caller: TokenCaller) -> None:
    """Refuse the caller's token from now on."""
    await _revoke(worker, caller.game.game_id, token_id(caller.claims, caller.token), caller.claims)


async def revoke_all(worker: Worker, caller: TokenCaller) -> None:
    """Refuse all tokens of the caller's identity that were made until now."""
    game_id, claims = caller.game.game_id, caller.claims
    # A token may have been issued for the second after now: see `first_issue_s`.
    through_s = max(int(_now_s(worker)), await _first_issue_s(worker, game_id, claims.iid))
    expires_at_s = _last_expiry_s(worker.tokens, through_s, claims)
    await worker.control.ask(ControlDatabase.revoke_all, game_id, claims.iid, through_s, expires_at_s)


async def _revoke(worker: Worker, game_id: int, revoked_id: str, claims: Claims) -> None:
    expires_at_s = _last_expiry_s(worker.tokens, int(_now_s(worker)), claims)
    await worker.control.ask(ControlDatabase.revoke_session, game_id, revoked_id, expires_at_s)


def _session(tokens: TokenSettings, session_id: str, issued_at_s: int) -> Session:
    return Session(session_id, issued_at_s, issued_at_s + tokens.lifetime_s, issued_at_s + tokens.refresh_lifetime_s)


def _last_expiry_s(tokens: TokenSettings, issued_at_s: int, claims: Claims) -> int:
    """When the last of the tokens made until now expires, also one that another signer gave a longer life."""
    return max(claims.exp, issued_at_s + max(tokens.lifetime_s, tokens.refresh_lifetime_s))


async def _first_issue_s(worker: Worker, game_id: int, identity_id: str) -> int:
    return await worker.control.ask(ControlDatabase.first_issue_s, game_id, identity_id, int(_now_s(worker)))


def _now_s(worker: Worker) -> float:
    return worker.clock.now_us() / _US


def _check_same_identity(claims: Claims, other: Claims) -> None:
    if other.iid != claims.iid:
        raise RequestRejected(Reason.BAD_TOKEN, BAD_SESSION_TOKEN)
