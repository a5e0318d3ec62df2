import pytest

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori.wire import (
    AuthenticateRequest,
    IdentifyRequest,
    LogoutRequest,
    RefreshRequest,
    UpdatePropertiesRequest,
    decode_authenticate,
    decode_identify,
    decode_logout,
    decode_refresh,
    decode_update_properties,
)

ID = "7d9c476a-0000-0000-0000-000000000000"


def rejection_of(body: bytes) -> RequestRejected:
    with pytest.raises(RequestRejected) as rejection:
        decode_authenticate(body)
    return rejection.value


def test_authenticate_takes_an_id_alone() -> None:
    assert decode_authenticate(b'{"id":"%s"}' % ID.encode()) == AuthenticateRequest(ID, None, None, no_session=False)


def test_explicit_nulls_mean_unset() -> None:
    body = b'{"custom":null,"default":null,"id":"%s","no_session":null}' % ID.encode()
    assert decode_authenticate(body) == AuthenticateRequest(ID, None, None, no_session=False)


@pytest.mark.parametrize("name", ["no_session", "noSession"])
def test_both_spellings_are_taken(name: str) -> None:
    assert decode_authenticate(b'{"id":"%s","%s":true}' % (ID.encode(), name.encode())).no_session
    refresh = {"no_session": "refresh_token", "noSession": "refreshToken"}[name]
    assert decode_refresh(b'{"%s":"t"}' % refresh.encode()) == RefreshRequest("t")


def test_empty_maps_are_absent_maps() -> None:
    assert decode_identify(b'{"id":"%s","default":{},"custom":{}}' % ID.encode()) == IdentifyRequest(ID, None, None)


def test_numbers_and_booleans_in_properties_are_their_text_as_sent() -> None:
    body = b'{"default":{"a":1.50,"b":12345678901234567890,"c":true,"d":null,"e":""},"custom":{"f":-1e400}}'
    assert decode_update_properties(body) == UpdatePropertiesRequest(
        default={"a": "1.50", "b": "12345678901234567890", "c": "true", "e": ""},
        custom={"f": "-1e400"},
        recompute=False,
    )


def test_recompute_is_a_flag() -> None:
    assert decode_update_properties(b'{"recompute":true}').recompute
    assert not decode_update_properties(b'{"recompute":null}').recompute


def test_logout_may_name_no_token() -> None:
    assert decode_logout(b"{}") == LogoutRequest(None, None)
    assert decode_logout(b"") == LogoutRequest(None, None)
    assert decode_logout(b'{"token":"","refresh_token":null,"refreshToken":"r"}') == LogoutRequest(None, "r")


def test_refresh_must_name_its_token() -> None:
    with pytest.raises(RequestRejected) as rejection:
        decode_refresh(b'{"refresh_token":""}')
    assert rejection.value.reason is Reason.BAD_FIELD


@pytest.mark.parametrize(
    "identity",
    ["abc", "a" * 7, "a" * 129, "a" * 2_800, "has space", "tab\\there", "nul\\u0000nul", "ümlaut-id", "semi;colon", ""],
)
def test_an_identity_id_has_8_to_128_letters_digits_underscores_or_hyphens(identity: str) -> None:
    rejection = rejection_of(b'{"id":"%s"}' % identity.encode())
    assert rejection.reason is Reason.BAD_IDENTITY_ID
    assert rejection.detail == "Identity ID must be 8-128 characters: letters, digits, '_' or '-'"


@pytest.mark.parametrize("identity", ["a" * 8, "A_z-0189", "f" * 128])
def test_identity_ids_at_the_limits_are_taken(identity: str) -> None:
    assert decode_authenticate(b'{"id":"%s"}' % identity.encode()).id == identity


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b'"text"', Reason.NOT_AN_OBJECT),
        (b"5", Reason.NOT_AN_OBJECT),
        (b"{", Reason.NOT_JSON),
        (b"{}{}", Reason.NOT_JSON),
        (b"{'id':1}", Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'{"id":"\xff\xfe\xfd"}', Reason.NOT_JSON),
        (b'{"id":"\\ud800"}', Reason.NOT_JSON),
        (b'{"id":"\\ud800________"}', Reason.NOT_JSON),
        (b'{"id":NaNs}', Reason.NOT_JSON),
        (b'{"custom":{"a":"\xff"},"id":"' + ID.encode() + b'"}', Reason.NOT_JSON),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.TOO_DEEP),
        (b'{"x":' + b'{"a":' * 100_000, Reason.TOO_DEEP),
        (b'{"custom":{"a":' + b"[" * 100_000, Reason.TOO_DEEP),
        (b'{"id":5}', Reason.BAD_FIELD),
        (b'{"id":["' + ID.encode() + b'"]}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","no_session":"true"}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":[]}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"a":{"b":"c"}}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"a":["b"]}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"":"b"}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"a\\u0000":"b"}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"a":"\\u0000"}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"a":"' + b"x" * 4097 + b'"}}', Reason.BAD_FIELD),
        (b'{"id":"' + ID.encode() + b'","default":{"' + b"x" * 129 + b'":"a"}}', Reason.BAD_FIELD),
        (
            b'{"id":"' + ID.encode() + b'","custom":{' + b",".join(b'"k%d":""' % n for n in range(257)) + b"}}",
            Reason.BAD_FIELD,
        ),
    ],
)
def test_an_unreadable_body_is_rejected_with_its_reason(body: bytes, reason: Reason) -> None:
    assert rejection_of(body).reason is reason


def test_a_long_token_is_rejected() -> None:
    with pytest.raises(RequestRejected) as rejection:
        decode_logout(b'{"token":"' + b"x" * 5000 + b'"}')
    assert rejection.value.reason is Reason.BAD_FIELD


def test_of_a_repeated_name_the_last_counts_and_unknown_ones_are_passed_over() -> None:
    body = b'{"id":"first-one","id":"%s","extra":{"a":[1,2,{}]},"no_session":false,"noSession":true}' % ID.encode()
    assert decode_authenticate(body) == AuthenticateRequest(ID, None, None, no_session=True)


def test_a_long_name_of_a_property_is_not_said_back() -> None:
    body = b'{"default":{"%s":{}}}' % (b"x" * 100_000)
    with pytest.raises(RequestRejected) as caught:
        decode_update_properties(body)
    assert caught.value.reason is Reason.BAD_FIELD
    assert len(caught.value.detail) < 200
