"""Receipts of purchases: what a check of one says, and what it is checked with."""

import base64
import binascii
import enum

import msgspec

_BLANKS = str.maketrans("", "", " \t\r\n")


class ReceiptState(enum.StrEnum):
    """What is known of a purchase's receipt (docs/reference/receipts.md)."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "unchecked"


class ReceiptSettings(msgspec.Struct, frozen=True):
    """What a game's receipts are checked with; None: not known.

    `google_licence_key` is the app's licence key of the Play Console, base64 of an X.509 SubjectPublicKeyInfo with an
    RSA key. `apple_bundle_id` is what a transaction of the App Store has to name.
    """

    google_licence_key: str | None = None
    apple_bundle_id: str | None = None


def from_base64(text: str) -> bytes | None:
    """The bytes of base64 in either alphabet, with or without padding and line breaks; None for other text."""
    packed = text.translate(_BLANKS).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
