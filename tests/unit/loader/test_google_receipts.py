import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from questlog.loader.google_receipts import MAX_RECEIPT_LENGTH, GoogleReceipts
from questlog.model.receipt import ReceiptState
from tests.support.stores import Google

PURCHASE = '{"orderId":"GPA.1","packageName":"com.example","productId":"gems","purchaseState":0,"naïve":"ja"}'


@pytest.fixture(name="google", scope="module")
def _google() -> Google:
    return Google()


@pytest.fixture(name="signature", scope="module")
def _signature(google: Google) -> str:
    return google.sign(PURCHASE)


def state(receipt: object, signature: object, licence_key: str | None) -> ReceiptState:
    return GoogleReceipts().state(receipt, signature, licence_key)


def test_what_google_signed_is_valid_as_text_and_as_base64(google: Google, signature: str) -> None:
    wrapped = base64.encodebytes(PURCHASE.encode()).decode()
    assert "\n" in wrapped.strip()
    for receipt in (PURCHASE, base64.b64encode(PURCHASE.encode()).decode(), wrapped):
        assert state(receipt, signature, google.licence_key) is ReceiptState.VALID


def test_a_signature_may_come_in_the_alphabet_of_urls(google: Google, signature: str) -> None:
    assert state(PURCHASE, signature.replace("+", "-").replace("/", "_").rstrip("="), google.licence_key) == "valid"


def test_a_changed_receipt_is_invalid(google: Google, signature: str) -> None:
    assert state(PURCHASE.replace("gems", "gold"), signature, google.licence_key) is ReceiptState.INVALID
    assert state(PURCHASE + " ", signature, google.licence_key) is ReceiptState.INVALID


def test_the_signature_of_another_game_is_invalid(google: Google) -> None:
    assert state(PURCHASE, Google().sign(PURCHASE), google.licence_key) is ReceiptState.INVALID


@pytest.mark.parametrize("missing", [None, ""])
def test_what_is_missing_makes_it_unchecked(google: Google, signature: str, missing: str | None) -> None:
    assert state(missing, signature, google.licence_key) is ReceiptState.UNCHECKED
    assert state(PURCHASE, missing, google.licence_key) is ReceiptState.UNCHECKED
    assert state(PURCHASE, signature, missing) is ReceiptState.UNCHECKED


def test_a_licence_key_that_is_no_rsa_key_leaves_it_unchecked(signature: str) -> None:
    public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    elliptic = base64.b64encode(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    for licence_key in ("no base64!", "bm8ga2V5", elliptic):
        assert state(PURCHASE, signature, licence_key) is ReceiptState.UNCHECKED


@pytest.mark.parametrize(
    "receipt",
    [
        "no base64!",
        "{",
        "[]",
        "\ud800{",
        "{\ud800}",
        7,
        {"orderId": "GPA.1"},
        ["x"],
        "é",
        "A" * (MAX_RECEIPT_LENGTH + 1),
    ],
)
def test_what_is_no_receipt_is_invalid(google: Google, signature: str, receipt: object) -> None:
    assert state(receipt, signature, google.licence_key) is ReceiptState.INVALID


@pytest.mark.parametrize("bad", ["no base64!", "AAAA", "A" * 10_000, 7, ["x"], "é", "\ud800"])
def test_what_is_no_signature_is_invalid(google: Google, bad: object) -> None:
    assert state(PURCHASE, bad, google.licence_key) is ReceiptState.INVALID


def test_a_receipt_above_the_limit_is_invalid_even_if_signed(google: Google) -> None:
    long = '{"a":"' + "b" * MAX_RECEIPT_LENGTH + '"}'
    assert state(long, google.sign(long), google.licence_key) is ReceiptState.INVALID
