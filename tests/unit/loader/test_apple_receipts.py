import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.loader.apple_receipts import MAX_RECEIPT_LENGTH, AppleReceipts, RootsUnreadable
from questlog.model.receipt import ReceiptState
from tests.support.stores import BUNDLE_ID, Apple

APPLE = Apple()
CHECK = AppleReceipts(APPLE.root_der)


def state(receipt: object, bundle_id: str | None = BUNDLE_ID) -> ReceiptState:
    return CHECK.state(receipt, bundle_id)


def test_a_transaction_that_apple_signed_is_valid() -> None:
    assert state(APPLE.transaction()) is ReceiptState.VALID


def test_base64_of_a_transaction_is_valid() -> None:
    assert state(base64.b64encode(APPLE.transaction().encode()).decode()) is ReceiptState.VALID


def test_roots_may_be_der_or_pem_and_several() -> None:
    other = Apple()
    both = AppleReceipts(other.root_pem + APPLE.root_pem)
    assert both.state(APPLE.transaction(), BUNDLE_ID) is ReceiptState.VALID
    assert both.state(other.transaction(), BUNDLE_ID) is ReceiptState.VALID


@pytest.mark.parametrize(
    "roots", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_roots_that_are_none_are_refused(roots: bytes) -> None:
    with pytest.raises(RootsUnreadable):
        AppleReceipts(roots)


def test_another_root_signs_nothing_of_ours() -> None:
    assert state(Apple().transaction()) is ReceiptState.INVALID


def test_a_chain_that_is_put_together_from_two_is_invalid() -> None:
    other = Apple()
    for chain in ([other.chain[0], *APPLE.chain[1:]], [APPLE.chain[0], other.chain[1], APPLE.chain[2]]):
        assert state(APPLE.transaction({"x5c": chain})) is ReceiptState.INVALID


def test_what_was_signed_by_another_key_than_the_chain_says_is_invalid() -> None:
    assert state(Apple().transaction({"x5c": APPLE.chain})) is ReceiptState.INVALID


def test_a_changed_payload_is_invalid() -> None:
    header, _, signature = APPLE.transaction().split(".")
    _, payload, _ = APPLE.transaction(productId="gems_9999").split(".")
    assert state(f"{header}.{payload}.{signature}") is ReceiptState.INVALID


def test_the_app_is_checked_where_it_is_known() -> None:
    theirs = APPLE.transaction(bundleId="com.example.other")
    assert state(theirs) is ReceiptState.INVALID
    assert state(theirs, bundle_id=None) is ReceiptState.VALID


@pytest.mark.parametrize("environment", ["Sandbox", "Xcode", "LocalTesting", ""])
def test_where_nobody_pays_it_is_invalid(environment: str) -> None:
    assert state(APPLE.transaction(environment=environment)) is ReceiptState.INVALID


@pytest.mark.parametrize("field", ["transactionId", "bundleId", "environment", "signedDate"])
def test_what_is_signed_but_no_transaction_is_invalid(field: str) -> None:
    assert state(APPLE.transaction(**{field: None})) is ReceiptState.INVALID


@pytest.mark.parametrize(
    "signed_at",
    [datetime(2024, 12, 31, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
)
def test_what_was_signed_outside_the_time_of_the_certificates_is_invalid(signed_at: datetime) -> None:
    assert state(APPLE.transaction(signedDate=int(signed_at.timestamp() * 1000))) is ReceiptState.INVALID


def test_a_receipt_outlives_the_certificates_that_signed_it() -> None:
    long_ago = Apple(ends=datetime(2026, 1, 2, tzinfo=UTC))
    assert AppleReceipts(long_ago.root_der).state(long_ago.transaction(), BUNDLE_ID) is ReceiptState.VALID


@pytest.mark.parametrize("apple", [Apple(leaf_mark="1.2.3"), Apple(issuer_mark="1.2.3")])
def test_a_certificate_of_apple_for_another_use_signs_no_receipts(apple: Apple) -> None:
    assert AppleReceipts(apple.root_der).state(apple.transaction(), BUNDLE_ID) is ReceiptState.INVALID


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": None},
        {"x5c": []},
        {"x5c": APPLE.chain[:2]},
        {"x5c": [*APPLE.chain, APPLE.chain[2]]},
        {"x5c": ["AAAA"] * 3},
        {"x5c": ["é"] * 3},
        {"x5c": "chain"},
        {"x5c": [1, 2, 3]},
    ],
)
def test_a_header_of_another_kind_is_invalid(header: dict[str, object]) -> None:
    assert state(APPLE.transaction(header)) is ReceiptState.INVALID


def test_a_signature_of_another_length_is_invalid() -> None:
    signed = APPLE.transaction()
    for receipt in (signed[:-2], signed + "AA", signed.rpartition(".")[0] + "."):
        assert state(receipt) is ReceiptState.INVALID


@pytest.mark.parametrize(
    "receipt",
    ["no base64!", "a.b", "a.b.c", "...", "e30.e30.AAAA", "AAAA", 7, ["x"], {"a": 1}, "é", "\ud800", "." * 100],
)
def test_what_is_no_receipt_is_invalid(receipt: object) -> None:
    assert state(receipt) is ReceiptState.INVALID


def test_deep_nesting_is_invalid() -> None:
    deep = base64.urlsafe_b64encode(b'{"x5c":' + b"[" * 20_000).decode().rstrip("=")
    assert state(f"{deep}.{deep}.AAAA") is ReceiptState.INVALID


def test_a_receipt_above_the_limit_is_invalid_even_if_signed() -> None:
    assert state(APPLE.transaction(appAccountToken="a" * MAX_RECEIPT_LENGTH)) is ReceiptState.INVALID


@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_receipt_there_is_nothing_to_check(missing: str | None) -> None:
    assert state(missing) is ReceiptState.UNCHECKED


def test_a_receipt_of_storekit_1_is_unchecked() -> None:
    assert state(APPLE.storekit_1()) is ReceiptState.UNCHECKED
    assert state(APPLE.storekit_1() + "A" * MAX_RECEIPT_LENGTH) is ReceiptState.UNCHECKED


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
    | st.builds(
        lambda *parts: ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts),
        *[st.dictionaries(st.sampled_from(["alg", "x5c", "signedDate", "bundleId"]), st.integers() | st.text())] * 3,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_receipt_raises_and_nothing_unsigned_is_valid(receipt: object) -> None:
    assert state(receipt) is not ReceiptState.VALID
