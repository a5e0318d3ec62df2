"""Receipts of the App Store: transactions that Apple signed (StoreKit 2), as compact JWS (docs/reference/receipts.md).

The chain of certificates in the header has to end at a root that the operator named; it is judged as of the time at
which Apple signed. Receipts of StoreKit 1 (PKCS#7) are not checked: no maintained library does it yet (decision 0050).
"""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from questlog.model.receipt import ReceiptState, from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.x509 import Certificate
    from cryptography.x509.verification import Store

MAX_RECEIPT_LENGTH = 65_536
"""Of a signed transaction; a receipt of StoreKit 1 may be longer, it is not read."""

RECEIPT_SIGNING = "1.2.840.113635.100.6.11.1"
DEVELOPER_RELATIONS = "1.2.840.113635.100.6.2.1"
"""What Apple marks the certificates with that may sign receipts, and those that may issue them (their OIDs)."""

_MOST_CHAINS = 64  # Apple has used a handful
_START_LENGTH = 64
_PKCS7_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_INTEGER_BYTES = 32  # of a signature's two halves on P-256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RootsUnreadable(Exception):
    """What is no certificate."""


class _Header(msgspec.Struct):
    alg: str
    x5c: list[str]


class _Transaction(msgspec.Struct, rename="camel"):
    transaction_id: str
    bundle_id: str
    environment: str
    signed_date: int  # milliseconds


class _Chain(NamedTuple):
    """A chain that ends at a root of ours: the key of its first certificate, and from when to when all are valid."""

    key: "EllipticCurvePublicKey"
    begins: datetime
    ends: datetime


class AppleReceipts:
    """Checks receipts against roots; remembers the chains it has judged."""

    def __init__(self, roots: bytes) -> None:
        """`roots`: certificates, one as DER or any number as PEM. Raises `RootsUnreadable`."""
        self._roots = _read_roots(roots)
        self._chains: OrderedDict[tuple[str, ...], _Chain | None] = OrderedDict()

    def state(self, receipt: object, bundle_id: str | None) -> ReceiptState:
        """Whether Apple signed the receipt for a purchase with money, in the app `bundle_id` where that is known.

        The receipt is a JWS, or base64 of one.
        """
        if not receipt:
            return ReceiptState.UNCHECKED
        if not isinstance(receipt, str):
            return ReceiptState.INVALID
        if is_storekit_1(receipt):
            return ReceiptState.UNCHECKED
        transaction = self._transaction(receipt)
        is_sold = transaction is not None and _is_sale(transaction, bundle_id)
        return ReceiptState.VALID if is_sold else ReceiptState.INVALID

    def _transaction(self, receipt: str) -> _Transaction | None:
        """What Apple signed; None if it did not."""
        parts = _jws_parts(receipt)
        if parts is None:
            return None
        try:
            header = msgspec.json.decode(from_base64(parts[0]) or b"", type=_Header)
            transaction = msgspec.json.decode(from_base64(parts[1]) or b"", type=_Transaction)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        chain = self._chain(tuple(header.x5c)) if header.alg == "ES256" else None
        if chain is None or not _is_within(chain, transaction.signed_date):
            return None
        is_signed = _is_signed(chain.key, f"{parts[0]}.{parts[1]}", from_base64(parts[2]) or b"")
        return transaction if is_signed else None

    def _chain(self, encoded: tuple[str, ...]) -> _Chain | None:
        if encoded not in self._chains:
            self._chains[encoded] = self._judge(encoded)
            if len(self._chains) > _MOST_CHAINS:
                self._chains.popitem(last=False)
        self._chains.move_to_end(encoded)
        return self._chains[encoded]

    def _judge(self, encoded: tuple[str, ...]) -> _Chain | None:
        certificates = _read_certificates(encoded)
        return None if certificates is None else _verified(self._roots, *certificates)


def is_storekit_1(receipt: str) -> bool:
    """Whether the text begins as base64 of PKCS#7 signed data."""
    start = from_base64(receipt.lstrip()[:_START_LENGTH])
    return start is not None and start.startswith(b"\x30") and _PKCS7_SIGNED_DATA in start[:20]


def _jws_parts(receipt: str) -> list[str] | None:
    if len(receipt) > MAX_RECEIPT_LENGTH or not receipt.isascii():
        return None
    if "." not in receipt:
        receipt = (from_base64(receipt) or b"").decode("ascii", "replace")
    parts = receipt.strip().split(".")
    return parts if len(parts) == 3 else None


def _is_sale(transaction: _Transaction, bundle_id: str | None) -> bool:
    """In Apple's sandbox nobody pays."""
    is_of_the_game = bundle_id is None or transaction.bundle_id == bundle_id
    return is_of_the_game and transaction.environment == "Production" and transaction.transaction_id != ""


def _is_within(chain: _Chain, signed_ms: int) -> bool:
    begins, ends = ((moment - _EPOCH).total_seconds() * 1000 for moment in (chain.begins, chain.ends))
    return begins <= signed_ms <= ends


def _is_signed(key: "EllipticCurvePublicKey", signed: str, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    if len(signature) != 2 * _INTEGER_BYTES:
        return False
    halves = int.from_bytes(signature[:_INTEGER_BYTES]), int.from_bytes(signature[_INTEGER_BYTES:])
    try:
        key.verify(encode_dss_signature(*halves), signed.encode(), ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _read_roots(roots: bytes) -> "Store":
    # 18 MB, only where Apple's root is named.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.verification import Store  # noqa: PLC0415

    try:
        is_pem = b"-----BEGIN" in roots
        return Store(x509.load_pem_x509_certificates(roots) if is_pem else [x509.load_der_x509_certificate(roots)])
    except ValueError as error:
        raise RootsUnreadable("it holds no certificate, neither PEM nor DER") from error


def _read_certificates(encoded: tuple[str, ...]) -> "tuple[Certificate, Certificate] | None":
    """The certificate that signs and its issuer's; the third, the root, is our own."""
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    if len(encoded) != 3:
        return None
    try:
        leaf, issuer = (load_der_x509_certificate(from_base64(text) or b"") for text in encoded[:2])
    except ValueError:
        return None
    return leaf, issuer


def _verified(roots: "Store", leaf: "Certificate", issuer: "Certificate") -> _Chain | None:
    """The chain from `leaf` to one of the roots, judged at the moment at which all of it became valid."""
    from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, VerificationError  # noqa: PLC0415

    begins = max(leaf.not_valid_before_utc, issuer.not_valid_before_utc)
    # Apple's leaves are for no use that the web knows; what they are for is said by an extension of Apple's own.
    policy = PolicyBuilder().store(roots).time(begins).max_chain_depth(1)
    policy = policy.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    try:
        chain = policy.build_client_verifier().verify(leaf, [issuer]).chain
    except (VerificationError, ValueError):
        return None
    key = _signing_key(chain)
    if key is None:
        return None
    return _Chain(key, begins, min(certificate.not_valid_after_utc for certificate in chain))


def _signing_key(chain: "list[Certificate]") -> "EllipticCurvePublicKey | None":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey  # noqa: PLC0415

    if len(chain) != 3 or not (_is_marked(chain[0], RECEIPT_SIGNING) and _is_marked(chain[1], DEVELOPER_RELATIONS)):
        return None
    try:
        key = chain[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


def _is_marked(certificate: "Certificate", oid: str) -> bool:
    try:
        return any(extension.oid.dotted_string == oid for extension in certificate.extensions)
    except ValueError:
        return False
