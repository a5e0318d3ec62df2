"""Receipts of Google Play: an RSA signature over the text of the purchase's JSON (docs/reference/receipts.md)."""

from typing import TYPE_CHECKING

from questlog.control.licence_key import read_licence_key
from questlog.model.receipt import ReceiptState, from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_RECEIPT_LENGTH = 65_536
_MAX_SIGNATURE_LENGTH = 4_096


class GoogleReceipts:
    """Checks receipts; remembers the keys it has read."""

    def __init__(self) -> None:
        self._keys: dict[str, RSAPublicKey | None] = {}

    def state(self, receipt: object, signature: object, licence_key: str | None) -> ReceiptState:
        """Whether the key that goes with `licence_key` (base64 of a SubjectPublicKeyInfo) signed the receipt.

        The receipt is the purchase's JSON as Google handed it out (`INAPP_PURCHASE_DATA`), or base64 of it; the
        signature is base64 (RSASSA-PKCS1-v1_5 with SHA-1).
        """
        if not receipt or not signature or not licence_key:
            return ReceiptState.UNCHECKED
        key = self._key(licence_key)
        if key is None:
            return ReceiptState.UNCHECKED
        is_signed = isinstance(receipt, str) and isinstance(signature, str) and _is_signed(key, receipt, signature)
        return ReceiptState.VALID if is_signed else ReceiptState.INVALID

    def _key(self, licence_key: str) -> "RSAPublicKey | None":
        if licence_key not in self._keys:
            self._keys[licence_key] = read_licence_key(licence_key)
        return self._keys[licence_key]


def _is_signed(key: "RSAPublicKey", receipt: str, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415

    if len(receipt) > MAX_RECEIPT_LENGTH or len(signature) > _MAX_SIGNATURE_LENGTH:
        return False
    signed, mark = _purchase_data(receipt), from_base64(signature)
    if signed is None or mark is None:
        return False
    try:
        key.verify(mark, signed, PKCS1v15(), SHA1())  # noqa: S303 - Google's choice
    except InvalidSignature:
        return False
    return True


def _purchase_data(receipt: str) -> bytes | None:
    if receipt.lstrip().startswith("{"):
        return receipt.encode("utf-8", "replace")
    return from_base64(receipt)
