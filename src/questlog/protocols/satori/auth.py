"""Who calls: Basic API keys and Bearer tokens (satori.md §2).

A session token is an HS256 JWT with the claims `sid`, `iid`, `exp`, `iat` and `api`; a refresh token has no `api`.
Nakama signs tokens of its own with the same key, without a `sid`.
"""

import base64
import binascii
import re
from typing import NoReturn

import msgspec

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.hidden import hidden
from questlog.protocols.satori.limits import MAX_ID_LENGTH, MAX_TOKEN_LENGTH, is_identity_id
from questlog.protocols.satori.timestamps import MAX_UNIX_S

with hidden("cryptography"):  # PyJWT would load it for other algorithms than ours: 10 MB in every collector
    import jwt
    from jwt.algorithms import HMACAlgorithm

LEEWAY_S = 0
"""How long after `exp` a token is still taken: not at all. Both times are those of servers, and tokens live an hour."""

BAD_SESSION_TOKEN = "Auth token invalid"  # noqa: S105
BAD_REFRESH_TOKEN = "Refresh token invalid or expired"  # noqa: S105

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_BASIC = 512


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token says: session id, identity id, Unix seconds of expiry and issue, name of the API key.

    `sid` is absent from Nakama's tokens, `api` from refresh tokens. `gid` is our own: the game, since games may have
    API keys of the same name; clients pass it over.
    """

    iid: str
    exp: int
    iat: int
    sid: str | None = None
    api: str | None = None
    gid: int | None = None


class _ReceivedClaims(msgspec.Struct):
    """Claims as another signer may write them: NumericDates may have a fraction, `iat` may be absent."""

    iid: str
    exp: int | float
    iat: int | float | None = None
    nbf: int | float | None = None
    sid: str | None = None
    api: str | None = None
    gid: int | None = None


class _Hs256(HMACAlgorithm):
    """HS256 that takes keys under 32 bytes in silence: the key is the operator's, shared with Nakama."""

    def check_key_length(self, key: bytes) -> str | None:
        """No complaint."""
        del key
        return None


def _hs256_only() -> jwt.PyJWS:
    """A verifier that knows no other algorithm: neither `none` nor a confusion of key kinds can be asked of it."""
    jws = jwt.PyJWS(algorithms=[])
    jws.register_algorithm("HS256", _Hs256(HMACAlgorithm.SHA256))
    return jws


_jws = _hs256_only()
_claims_encoder = msgspec.json.Encoder()
_claims_decoder = msgspec.json.Decoder(_ReceivedClaims)


def parse_basic(authorization: str | None) -> str | None:
    """The API key of `Authorization: Basic base64("<key>:")` in lower case; None for anything else.

    The password must be empty and the key a UUID.
    """
    credentials = _after_scheme("basic", authorization)
    if credentials is None or len(credentials) > _LONGEST_BASIC:
        return None
    try:
        decoded = base64.b64decode(credentials, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    key, colon, password = decoded.partition(":")
    if not colon or password or _UUID.fullmatch(key) is None:
        return None
    return key.lower()


def parse_bearer(authorization: str | None) -> str | None:
    """The token of `Authorization: Bearer <token>`; None for anything else, also for an empty token."""
    token = _after_scheme("bearer", authorization)
    if not token or len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        return None
    return token


def sign_session_token(claims: Claims, signing_key: str) -> str:
    """A session token. `claims.api` must be set: without it the token would be a refresh token."""
    if claims.api is None:
        raise ValueError("a session token names its API key")
    return _sign(claims, signing_key)


def sign_refresh_token(claims: Claims, signing_key: str) -> str:
    """A refresh token: `claims` without `api`."""
    return _sign(msgspec.structs.replace(claims, api=None), signing_key)


def read_token(token: str, signing_key: str, now_s: float) -> Claims:
    """The claims of a session token that we or Nakama signed with `signing_key` and that is valid at `now_s`.

    An `iid` that may be an identity's id, an `api` and an unexpired `exp` are required; `sid` is optional; an absent
    `iat` is taken as 0. Raises `RequestRejected(BAD_TOKEN)`, and `ValueError` for an empty signing key.
    """
    claims = _read(token, signing_key, now_s, BAD_SESSION_TOKEN)
    if not claims.api:
        _reject(BAD_SESSION_TOKEN)
    return claims


def read_refresh_token(token: str, signing_key: str, now_s: float) -> Claims:
    """The claims of a refresh token: as `read_token`, but `sid` is required and `api` must be absent."""
    claims = _read(token, signing_key, now_s, BAD_REFRESH_TOKEN)
    if claims.api or not claims.sid:
        _reject(BAD_REFRESH_TOKEN)
    return claims


def _after_scheme(scheme: str, authorization: str | None) -> str | None:
    if authorization is None:
        return None
    name, _, rest = authorization.strip(" \t").partition(" ")
    return rest.strip(" \t") if name.lower() == scheme else None


def _sign(claims: Claims, signing_key: str) -> str:
    return _jws.encode(_claims_encoder.encode(claims), _key(signing_key), algorithm="HS256", headers={"typ": "JWT"})


def _key(signing_key: str) -> bytes:
    if not signing_key:
        raise ValueError("the signing key is empty")
    return signing_key.encode()


def _read(token: str, signing_key: str, now_s: float, message: str) -> Claims:
    key = _key(signing_key)
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        _reject(message)
    try:
        received = _claims_decoder.decode(_jws.decode(token, key, algorithms=["HS256"]))
    except (jwt.PyJWTError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _reject(message)
    if received.exp + LEEWAY_S <= now_s or (received.nbf or 0) > now_s:
        _reject(message)
    claims = Claims(
        received.iid,
        int(received.exp),
        int(received.iat or 0),
        received.sid or None,
        received.api or None,
        received.gid,
    )
    if not _is_plausible(claims):
        _reject(message)
    return claims


def _is_plausible(claims: Claims) -> bool:
    return (
        is_identity_id(claims.iid)
        and 0 <= claims.iat <= MAX_UNIX_S
        and claims.exp <= MAX_UNIX_S
        and _is_short_text(claims.sid)
        and _is_short_text(claims.api)
    )


def _is_short_text(text: str | None) -> bool:
    return text is None or (len(text) <= MAX_ID_LENGTH and text.isprintable())


def _reject(message: str) -> NoReturn:
    raise RequestRejected(Reason.BAD_TOKEN, message) from None
