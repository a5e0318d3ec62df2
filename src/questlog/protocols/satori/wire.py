"""The shapes of Satori's request bodies (satori.md §4.1, §4.2) and how leniently they are read.

Both spellings of a name are taken, camelCase and snake_case, also mixed in one object; of two spellings of one field
the first that is set wins, snake_case before camelCase. Null, `""`, `{}` and 0 mean unset. Unknown fields are passed
over.
"""

from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.numbers import with_nulls
from questlog.protocols.satori.limits import (
    IDENTITY_ID_RULE,
    MAX_PROPERTIES,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_PROPERTY_VALUE_LENGTH,
    MAX_TOKEN_LENGTH,
    is_identity_id,
)

TextMap = Mapping[str, str]
UnixSeconds = int | float | str | None
_Request = TypeVar("_Request")


class AuthenticateRequest(Struct, frozen=True):
    """Who signs in. An absent map (None) leaves the stored properties alone."""

    id: str
    default: TextMap | None
    custom: TextMap | None
    no_session: bool


class IdentifyRequest(Struct, frozen=True):
    """The identity that the session moves to."""

    id: str
    default: TextMap | None
    custom: TextMap | None


class UpdatePropertiesRequest(Struct, frozen=True):
    """Properties to merge; `recompute` asks for the audiences to be computed again."""

    default: TextMap | None
    custom: TextMap | None
    recompute: bool


class LogoutRequest(Struct, frozen=True):
    """The tokens to refuse from now on; with neither, all of the identity's."""

    token: str | None
    refresh_token: str | None


class RefreshRequest(Struct, frozen=True):
    """The refresh token to exchange."""

    refresh_token: str


class ClientEvent(Struct, gc=False):
    """An event on `/v1/event`: identity and session come from the token, so the body's are passed over."""

    name: str | None = None
    id: str | None = None
    metadata: dict[str, str] | None = None
    value: str | None = None
    timestamp: str | None = None


class ServerEvent(ClientEvent, gc=False):
    """An event on `/v1/server-event`. `*_expired_at` is the spelling of the vendor's field table."""

    identity_id: str | None = None
    session_id: str | None = None
    session_issued_at: UnixSeconds = None
    session_expires_at: UnixSeconds = None
    session_expired_at: UnixSeconds = None
    identity_id_camel: str | None = field(default=None, name="identityId")
    session_id_camel: str | None = field(default=None, name="sessionId")
    session_issued_at_camel: UnixSeconds = field(default=None, name="sessionIssuedAt")
    session_expires_at_camel: UnixSeconds = field(default=None, name="sessionExpiresAt")
    session_expired_at_camel: UnixSeconds = field(default=None, name="sessionExpiredAt")


class _Properties(Struct):
    default: dict[str, Raw] | None = None
    custom: dict[str, Raw] | None = None


class _Authenticate(_Properties):
    id: str | None = None
    no_session: bool | None = None
    no_session_camel: bool | None = field(default=None, name="noSession")


class _Identify(_Properties):
    id: str | None = None


class _UpdateProperties(_Properties):
    recompute: bool | None = None


class _Refresh(Struct):
    refresh_token: str | None = None
    refresh_token_camel: str | None = field(default=None, name="refreshToken")


class _Logout(_Refresh):
    token: str | None = None


def read_body(decode: Callable[[bytes], _Request], body: bytes) -> _Request:
    """Decode a body that must be one JSON object; an empty one is `{}`, as for the vendor's gateway.

    What is no JSON is read once more with null in place of NaN and infinities. Raises `RequestRejected`: NOT_JSON,
    TOO_DEEP, NOT_AN_OBJECT or BAD_FIELD.
    """
    try:
        return _read(decode, body)
    except RequestRejected as rejected:
        if rejected.reason is not Reason.NOT_JSON or (mended := with_nulls(body)) == body:
            raise
    return _read(decode, mended)


def _read(decode: Callable[[bytes], _Request], body: bytes) -> _Request:
    try:
        return decode(body or b"{}")
    except RecursionError:
        _reject(Reason.TOO_DEEP, "The body is nested too deeply")
    except msgspec.ValidationError as error:
        text = str(error)
        if " - at `" in text:
            _reject(Reason.BAD_FIELD, text)
        _reject(Reason.NOT_AN_OBJECT, "The body must be a JSON object")
    except UnicodeDecodeError:
        _reject(Reason.NOT_JSON, "The body is not UTF-8")
    except msgspec.DecodeError as error:
        _reject(Reason.NOT_JSON, str(error))


def decode_authenticate(body: bytes) -> AuthenticateRequest:
    """Read the body of `POST /v1/authenticate`. Raises `RequestRejected`."""
    request = read_body(_authenticate.decode, body)
    return AuthenticateRequest(
        id=_identity_id(request.id),
        default=_text_map("default", request.default),
        custom=_text_map("custom", request.custom),
        no_session=bool(request.no_session or request.no_session_camel),
    )


def decode_identify(body: bytes) -> IdentifyRequest:
    """Read the body of `PUT /v1/identify`. Raises `RequestRejected`."""
    request = read_body(_identify.decode, body)
    return IdentifyRequest(
        id=_identity_id(request.id),
        default=_text_map("default", request.default),
        custom=_text_map("custom", request.custom),
    )


def decode_update_properties(body: bytes) -> UpdatePropertiesRequest:
    """Read the body of `PUT /v1/properties`. Raises `RequestRejected`."""
    request = read_body(_update_properties.decode, body)
    return UpdatePropertiesRequest(
        default=_text_map("default", request.default),
        custom=_text_map("custom", request.custom),
        recompute=bool(request.recompute),
    )


def decode_logout(body: bytes) -> LogoutRequest:
    """Read the body of `POST /v1/authenticate/logout`. Raises `RequestRejected`."""
    request = read_body(_logout.decode, body)
    return LogoutRequest(
        token=_token("token", request.token),
        refresh_token=_token("refresh_token", request.refresh_token or request.refresh_token_camel),
    )


def decode_refresh(body: bytes) -> RefreshRequest:
    """Read the body of `POST /v1/authenticate/refresh`. Raises `RequestRejected`."""
    request = read_body(_refresh.decode, body)
    refresh_token = _token("refresh_token", request.refresh_token or request.refresh_token_camel)
    if refresh_token is None:
        _reject(Reason.BAD_FIELD, "Refresh token is required")
    return RefreshRequest(refresh_token)


def quoted(raw: Raw) -> Raw:
    """A number or a boolean as the JSON string of its text, as sent; anything else as it is.

    Protobuf JSON has strings in the maps of properties and metadata and refuses these; some senders write them.
    """
    literal = bytes(raw)
    return raw if literal[:1] in _NO_SCALAR else Raw(b'"' + literal + b'"')


def is_null(raw: Raw) -> bool:
    """Whether a value is JSON's null, which means unset."""
    return bytes(raw) == b"null"


def _identity_id(text: str | None) -> str:
    if text is None or not is_identity_id(text):
        _reject(Reason.BAD_IDENTITY_ID, IDENTITY_ID_RULE)
    return text


def _token(name: str, text: str | None) -> str | None:
    if text and len(text) > MAX_TOKEN_LENGTH:
        _reject(Reason.BAD_FIELD, f"{name} is longer than {MAX_TOKEN_LENGTH} characters")
    return text or None


def _text_map(name: str, values: dict[str, Raw] | None) -> TextMap | None:
    """A map of properties with text values; a null value is left out. None for an absent or empty map."""
    if not values:
        return None
    if len(values) > MAX_PROPERTIES:
        _reject(Reason.BAD_FIELD, f"{name} has more than {MAX_PROPERTIES} properties")
    for key in values:
        if not key or len(key) > MAX_PROPERTY_NAME_LENGTH or not key.isprintable():
            rule = f"1 to {MAX_PROPERTY_NAME_LENGTH} printable characters"
            _reject(Reason.BAD_FIELD, f"The name of a property in {name} must be {rule}")
    texts = {key: _text(f"{name}.{key}", value) for key, value in values.items() if not is_null(value)}
    for key, text in texts.items():
        if len(text) > MAX_PROPERTY_VALUE_LENGTH or "\0" in text:
            rule = f"at most {MAX_PROPERTY_VALUE_LENGTH} characters, none of them NUL"
            _reject(Reason.BAD_FIELD, f"{name}.{key} must be {rule}")
    return texts or None


def _text(path: str, value: Raw) -> str:
    try:
        return _string.decode(quoted(value))
    except msgspec.ValidationError:
        _reject(Reason.BAD_FIELD, f"{path} must be a string")
    except (msgspec.DecodeError, UnicodeDecodeError):
        _reject(Reason.NOT_JSON, f"{path} is no readable string")


def _reject(reason: Reason, detail: str) -> NoReturn:
    raise RequestRejected(reason, detail) from None


_NO_SCALAR = frozenset((b'"', b"{", b"[", b"n"))
_string = msgspec.json.Decoder(str)
_authenticate = msgspec.json.Decoder(_Authenticate)
_identify = msgspec.json.Decoder(_Identify)
_update_properties = msgspec.json.Decoder(_UpdateProperties)
_logout = msgspec.json.Decoder(_Logout)
_refresh = msgspec.json.Decoder(_Refresh)
