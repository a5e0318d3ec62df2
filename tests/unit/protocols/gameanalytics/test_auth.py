import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.protocols.gameanalytics.auth import is_signed_by, signature
from tests.support.gameanalytics import SANDBOX_SECRET_KEY, recordings

BODY = b'{"test": "test"}'
# The example of the old REST documentation, and of most clients' own tests.
SIGNATURE = b"slnR8CKJtKtFDaESSrqnqQeUvp5FaVV7d5XHxt50N5A="


def test_the_documented_example_is_signed() -> None:
    assert signature(SANDBOX_SECRET_KEY.encode(), BODY) == SIGNATURE
    assert is_signed_by(SANDBOX_SECRET_KEY, BODY, SIGNATURE)
    assert is_signed_by(SANDBOX_SECRET_KEY.encode(), BODY, SIGNATURE.decode())


def test_every_recorded_request_is_signed_over_its_bytes_as_sent() -> None:
    signed = [recording for recording in recordings() if recording.method == "POST"]
    assert len(signed) == 17
    for recording in signed:
        authorization = recording.headers["authorization"]
        assert is_signed_by(SANDBOX_SECRET_KEY, recording.body, authorization), recording.name
        assert not is_signed_by(SANDBOX_SECRET_KEY, recording.body + b" ", authorization)
        assert not is_signed_by("0" * 40, recording.body, authorization)


@pytest.mark.parametrize("authorization", ["", "é", "\ud800", b"\xff" * 44, "x" * 44, SIGNATURE[:-1], b"a" * 9999])
def test_a_wrong_header_is_only_wrong(authorization: str | bytes) -> None:
    assert not is_signed_by(SANDBOX_SECRET_KEY, BODY, authorization)


@given(st.binary(max_size=80), st.binary(max_size=80), st.text(max_size=80) | st.binary(max_size=80))
def test_no_header_raises(secret_key: bytes, body: bytes, authorization: str | bytes) -> None:
    assert isinstance(is_signed_by(secret_key, body, authorization), bool)
