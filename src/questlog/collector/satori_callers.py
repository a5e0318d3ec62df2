"""Who calls a Satori route: an API key's game, or the identity of a session token."""

import hashlib
from collections import OrderedDict
from typing import NamedTuple, Protocol

from questlog.collector.directory import Directory
from questlog.model.event import NIL_UUID
from questlog.model.game import ApiKey, Game
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori.auth import (
    BAD_REFRESH_TOKEN,
    BAD_SESSION_TOKEN,
    Claims,
    parse_basic,
    parse_bearer,
    read_refresh_token,
    read_token,
)

_US = 1_000_000
_CACHED_TOKENS = 5_000  # some 6 MB
_LONGEST_CACHED_TOKEN = 1_024  # ours have some 300 characters


class RevocationList(Protocol):
    """The part of the control database that this asks; quick enough for the event loop."""

    def is_revoked(self, game_id: int, identity_id: str, token_id: str, issued_at_s: int) -> bool:
        """Whether a token is refused."""
        ...


class TokenSettings(NamedTuple):
    """How session tokens are made; lifetimes in seconds."""

    signing_key: str
    lifetime_s: int
    refresh_lifetime_s: int


class KeyCaller(NamedTuple):
    """Who calls with an API key: a game's server, or a client that signs in."""

    game: Game
    api_key: ApiKey

    @property
    def api_key_name(self) -> str:
        """The name of the API key."""
        return self.api_key.name

    @property
    def player_id(self) -> None:
        """A server speaks for many."""
        return


class TokenCaller(NamedTuple):
    """Who calls with a session token: an identity of a game."""

    game: Game
    api_key: ApiKey
    claims: Claims
    token: str

    @property
    def api_key_name(self) -> str:
        """The name of the API key that the token was made with."""
        return self.api_key.name

    @property
    def player_id(self) -> str | None:
        """The identity; None for Nakama's system user, who is no player."""
        return None if self.claims.iid == NIL_UUID else self.claims.iid


Caller = KeyCaller | TokenCaller


class Callers:
    """Turns `Authorization` into a caller. Verified tokens are remembered, revocations are not."""

    def __init__(self, directory: Directory, revocations: RevocationList, signing_key: str) -> None:
        self._directory = directory
        self._revocations = revocations
        self._signing_key = signing_key
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def of_api_key(self, authorization: str | None, now_s: float) -> KeyCaller:
        """Raises `RequestRejected`: UNAUTHENTICATED, UNKNOWN_API_KEY, GAME_DISABLED."""
        key = parse_basic(authorization)
        if key is None:
            raise RequestRejected(Reason.UNAUTHENTICATED, "API key required: Basic auth with the key and no password")
        api_key = self._directory.api_key(key)
        if api_key is None or (api_key.ends_at is not None and api_key.ends_at <= now_s * _US):
            raise RequestRejected(Reason.UNKNOWN_API_KEY, "API key invalid")
        return KeyCaller(self._enabled_game(api_key), api_key)

    def of_token(self, authorization: str | None, now_s: float) -> TokenCaller:
        """Raises `RequestRejected`: UNAUTHENTICATED, BAD_TOKEN, GAME_DISABLED."""
        token = parse_bearer(authorization)
        if token is None:
            raise RequestRejected(Reason.UNAUTHENTICATED, "Auth token required")
        return self.of_session_token(token, now_s)

    def of_either(self, authorization: str | None, now_s: float) -> Caller:
        """An API key or a token; raises as both do."""
        if authorization is not None and authorization[:6].lower() == "basic ":
            return self.of_api_key(authorization, now_s)
        return self.of_token(authorization, now_s)

    def of_session_token(self, token: str, now_s: float) -> TokenCaller:
        """The caller that a session token names. Raises `RequestRejected`: BAD_TOKEN, GAME_DISABLED."""
        claims = self._verified.get(token)
        if claims is None or claims.exp <= now_s:
            claims = read_token(token, self._signing_key, now_s)
            self._remember(token, claims)
        api_key = self._directory.api_key_named(claims.api or "", claims.gid)
        if api_key is None:
            raise RequestRejected(Reason.BAD_TOKEN, BAD_SESSION_TOKEN)
        self._check_not_revoked(api_key.game_id, claims, token_id(claims, token), BAD_SESSION_TOKEN)
        return TokenCaller(self._enabled_game(api_key), api_key, claims, token)

    def of_refresh_token(self, token: str, api_key: ApiKey, now_s: float) -> Claims:
        """What a refresh token says, for the game of `api_key`. Raises `RequestRejected(BAD_TOKEN)`."""
        claims = read_refresh_token(token, self._signing_key, now_s)
        if claims.gid not in (None, api_key.game_id):
            raise RequestRejected(Reason.BAD_TOKEN, BAD_REFRESH_TOKEN)
        self._check_not_revoked(api_key.game_id, claims, token_id(claims, token), BAD_REFRESH_TOKEN)
        self._check_not_revoked(api_key.game_id, claims, refresh_token_id(claims), BAD_REFRESH_TOKEN)
        return claims

    def _check_not_revoked(self, game_id: int, claims: Claims, revoked_id: str, detail: str) -> None:
        if self._revocations.is_revoked(game_id, claims.iid, revoked_id, claims.iat):
            raise RequestRejected(Reason.BAD_TOKEN, detail)

    def _enabled_game(self, api_key: ApiKey) -> Game:
        game = self._directory.game_of(api_key)
        if not game.is_enabled:
            raise RequestRejected(Reason.GAME_DISABLED, "Game disabled")
        return game

    def _remember(self, token: str, claims: Claims) -> None:
        if len(token) > _LONGEST_CACHED_TOKEN:
            return
        self._verified[token] = claims
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)


def token_id(claims: Claims, token: str) -> str:
    """By what a session is refused: its id with its identity, since identify keeps the id; a hash without an id."""
    if claims.sid is None:
        return hashlib.sha256(token.encode()).hexdigest()
    return f"{claims.sid}:{claims.iid}"


def refresh_token_id(claims: Claims) -> str:
    """By what a refresh token alone is refused, its session going on."""
    return f"refresh:{claims.sid}:{claims.iid}"
