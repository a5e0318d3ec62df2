import base64
import hashlib
import hmac
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori.auth import (
    Claims,
    parse_basic,
    parse_bearer,
    read_refresh_token,
    read_token,
    sign_refresh_token,
    sign_session_token,
)

KEY = "b7d6b3f0-5a51-4a0e-9a2f-0d6f6c2a9e11"
SIGNING_KEY = "a signing key that Nakama knows too"
NOW_S = 1_795_288_190
IDENTITY = "b70f78da-c784-4f5f-ab12-2c4c12ed2c95"
SESSION = "f998b3a2-e42b-4368-be42-fdc5671ee8ba"
CLAIMS = Claims(iid=IDENTITY, exp=NOW_S + 3600, iat=NOW_S, sid=SESSION, api="recorder")


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def segment(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode("latin-1")).rstrip(b"=").decode()


def token(claims: object, header: object = None, key: str = SIGNING_KEY) -> str:
    """A token as another program makes it, without our code."""
    signed = segment({"alg": "HS256", "typ": "JWT"} if header is None else header) + "." + segment(claims)
    signature = hmac.digest(key.encode(), signed.encode(), hashlib.sha256)
    return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def nakama_claims(**changes: object) -> dict[str, object]:
    return {"iid": IDENTITY, "exp": NOW_S + 3600, "iat": NOW_S, "api": "recorder"} | changes


def test_the_key_is_the_user_of_basic_with_an_empty_password() -> None:
    assert parse_basic(basic(f"{KEY}:")) == KEY
    assert parse_basic("Basic YjdkNmIzZjAtNWE1MS00YTBlLTlhMmYtMGQ2ZjZjMmE5ZTExOg==") == KEY


def test_a_key_is_compared_in_lower_case() -> None:
    assert parse_basic(basic(f"{KEY.upper()}:")) == KEY


def test_the_scheme_is_written_as_one_likes() -> None:
    assert parse_basic(basic(f"{KEY}:").replace("Basic ", "basic  ")) == KEY
    assert parse_bearer("bearer  abc") == "abc"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YjdkNmIz",
        "Bearer abc",
        basic(KEY),
        basic(f"{KEY}:password"),
        basic("not-a-uuid:"),
        basic(f"{{{KEY}}}:"),
        basic(":"),
        basic(f"{KEY}\n:"),
        "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
        "Basic " + "A" * 100_000,
        "Basic ÿÿÿÿ",
        basic(f"{KEY}:")[:-1],
    ],
)
def test_anything_else_is_no_key(header: str | None) -> None:
    assert parse_basic(header) is None


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Token abc", "Bearer é", "Bearer " + "a" * 5000])
def test_anything_else_is_no_token(header: str | None) -> None:
    assert parse_bearer(header) is None


@given(st.text())
def test_no_header_makes_the_parsers_fail(header: str) -> None:
    for text in (header, f"Basic {header}", f"Bearer {header}"):
        assert parse_basic(text) is None
        assert parse_bearer(text) is None or text.lower().lstrip(" \t").startswith("bearer")


def test_a_session_token_says_what_was_signed() -> None:
    assert read_token(sign_session_token(CLAIMS, SIGNING_KEY), SIGNING_KEY, NOW_S) == CLAIMS


def test_a_refresh_token_has_the_same_session_and_names_no_key() -> None:
    refresh_token = sign_refresh_token(CLAIMS, SIGNING_KEY)
    claims = read_refresh_token(refresh_token, SIGNING_KEY, NOW_S)
    assert (claims.sid, claims.iid, claims.api) == (SESSION, IDENTITY, None)


def test_a_token_is_a_plain_hs256_jwt() -> None:
    header, payload, _ = sign_session_token(CLAIMS, SIGNING_KEY).split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(payload + "==")) == {
        "sid": SESSION,
        "iid": IDENTITY,
        "exp": NOW_S + 3600,
        "iat": NOW_S,
        "api": "recorder",
    }


def test_nakama_signs_tokens_without_a_session() -> None:
    claims = read_token(token(nakama_claims()), SIGNING_KEY, NOW_S)
    assert claims == Claims(iid=IDENTITY, exp=NOW_S + 3600, iat=NOW_S, api="recorder")


def test_a_token_of_ours_may_name_its_game() -> None:
    claims = msgspec.structs.replace(CLAIMS, gid=7)
    assert read_token(sign_session_token(claims, SIGNING_KEY), SIGNING_KEY, NOW_S).gid == 7
    assert read_refresh_token(sign_refresh_token(claims, SIGNING_KEY), SIGNING_KEY, NOW_S).gid == 7
    assert read_token(token(nakama_claims()), SIGNING_KEY, NOW_S).gid is None


def test_a_short_signing_key_is_the_operators_choice() -> None:
    assert read_token(sign_session_token(CLAIMS, "short"), "short", NOW_S) == CLAIMS


def test_a_session_token_is_no_refresh_token_and_the_reverse() -> None:
    with pytest.raises(RequestRejected, match="Refresh token invalid or expired"):
        read_refresh_token(sign_session_token(CLAIMS, SIGNING_KEY), SIGNING_KEY, NOW_S)
    with pytest.raises(RequestRejected, match="Auth token invalid"):
        read_token(sign_refresh_token(CLAIMS, SIGNING_KEY), SIGNING_KEY, NOW_S)


def test_a_token_expires_at_exp() -> None:
    signed = sign_session_token(CLAIMS, SIGNING_KEY)
    assert read_token(signed, SIGNING_KEY, CLAIMS.exp - 0.001).exp == CLAIMS.exp
    with pytest.raises(RequestRejected):
        read_token(signed, SIGNING_KEY, CLAIMS.exp)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        [],
        "text",
        "not json",
        '{"x":' + "[" * 2400,
        '{"iid":"' + "\xff" * 9 + '"}',
        nakama_claims(iid=None),
        nakama_claims(iid=""),
        nakama_claims(iid="short"),
        nakama_claims(iid="has spaces in it"),
        nakama_claims(iid=12345678),
        nakama_claims(exp=None),
        nakama_claims(exp="1795291790"),
        nakama_claims(exp=True),
        nakama_claims(exp=10**30),
        nakama_claims(exp=1e300),
        nakama_claims(exp=NOW_S - 1),
        nakama_claims(nbf=NOW_S + 60),
        nakama_claims(iat=-1),
        nakama_claims(iat=10**30),
        nakama_claims(api=""),
        nakama_claims(api=5),
        nakama_claims(api="a" * 129),
        nakama_claims(api="a\0b"),
        nakama_claims(sid="s" * 129),
        nakama_claims(sid="s\nt"),
    ],
)
def test_rightly_signed_claims_that_make_no_sense_are_refused(claims: object) -> None:
    with pytest.raises(RequestRejected) as rejection:
        read_token(token(claims), SIGNING_KEY, NOW_S)
    assert rejection.value.reason is Reason.BAD_TOKEN


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None", "typ": "JWT"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "hs256"},
        {"typ": "JWT"},
        {"alg": ["HS256"]},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "kid": 5},
        [],
        "[" * 2500,
        "null",
    ],
)
def test_no_other_algorithm_and_no_strange_header_is_taken(header: object) -> None:
    with pytest.raises(RequestRejected) as rejection:
        read_token(token(nakama_claims(), header), SIGNING_KEY, NOW_S)
    assert rejection.value.reason is Reason.BAD_TOKEN


def test_an_unsigned_token_is_refused() -> None:
    unsigned = segment({"alg": "none"}) + "." + segment(nakama_claims()) + "."
    with pytest.raises(RequestRejected):
        read_token(unsigned, SIGNING_KEY, NOW_S)


def test_another_key_and_a_changed_claim_are_refused() -> None:
    with pytest.raises(RequestRejected):
        read_token(token(nakama_claims(), key="another key of another server"), SIGNING_KEY, NOW_S)
    header, _, signature = token(nakama_claims()).split(".")
    with pytest.raises(RequestRejected):
        read_token(f"{header}.{segment(nakama_claims(iid='somebody-else'))}.{signature}", SIGNING_KEY, NOW_S)


def test_an_empty_signing_key_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="empty"):
        read_token(token(nakama_claims(), key=""), "", NOW_S)
    with pytest.raises(ValueError, match="empty"):
        sign_session_token(CLAIMS, "")


def test_a_session_token_must_name_its_api_key() -> None:
    with pytest.raises(ValueError, match="API key"):
        sign_session_token(Claims(iid=IDENTITY, exp=NOW_S, iat=NOW_S), SIGNING_KEY)


@given(st.one_of(st.text(), st.lists(st.binary(), min_size=3, max_size=3)))
def test_no_token_makes_reading_fail_otherwise(material: str | list[bytes]) -> None:
    text = (
        material
        if isinstance(material, str)
        else ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in material)
    )
    with pytest.raises(RequestRejected):
        read_token(text, SIGNING_KEY, NOW_S)
