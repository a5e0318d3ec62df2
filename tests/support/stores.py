"""The stores' side of receipts: what Google and Apple would sign, by keys and a root of the tests' own."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from questlog.loader.apple_receipts import DEVELOPER_RELATIONS, RECEIPT_SIGNING

BUNDLE_ID = "com.example.skyraiders"
SIGNED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
_BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
_ENDS = datetime(2027, 1, 1, tzinfo=UTC)


class Google:
    """A game in the Play Console."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65_537, 2048)

    @cached_property
    def licence_key(self) -> str:
        return _base64(self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, text: str) -> str:
        """The signature over a purchase's JSON, as an app is given it."""
        return _base64(self._key.sign(text.encode(), PKCS1v15(), SHA1()))  # noqa: S303 - Google's choice


class Apple:
    """A root, an issuer below it and a certificate that signs receipts."""

    def __init__(
        self, *, leaf_mark: str = RECEIPT_SIGNING, issuer_mark: str = DEVELOPER_RELATIONS, ends: datetime = _ENDS
    ) -> None:
        self._root_key = ec.generate_private_key(ec.SECP384R1())
        self._issuer_key = ec.generate_private_key(ec.SECP384R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.root = _certificate("Root", self._root_key, "Root", self._root_key)
        self.issuer = _certificate("Issuer", self._issuer_key, "Root", self._root_key, mark=issuer_mark, length=0)
        self.leaf = _certificate("Leaf", self._leaf_key, "Issuer", self._issuer_key, mark=leaf_mark, ends=ends)

    @property
    def root_der(self) -> bytes:
        return self.root.public_bytes(Encoding.DER)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    @property
    def chain(self) -> list[str]:
        return [_base64(each.public_bytes(Encoding.DER)) for each in (self.leaf, self.issuer, self.root)]

    def transaction(self, header: Mapping[str, object] | None = None, **changes: object) -> str:
        """A signed transaction. `changes` are to its payload; None leaves a field out."""
        payload = {
            "transactionId": "2000000000000001",
            "bundleId": BUNDLE_ID,
            "productId": "gems_100",
            "environment": "Production",
            "signedDate": int(SIGNED_AT.timestamp() * 1000),
            **changes,
        }
        kept = {name: value for name, value in payload.items() if value is not None}
        return self.sign({"alg": "ES256", "x5c": self.chain, **(header or {})}, kept)

    def sign(self, header: Mapping[str, object], payload: Mapping[str, object]) -> str:
        signed = f"{_json_part(header)}.{_json_part(payload)}"
        halves = decode_dss_signature(self._leaf_key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_url(b''.join(half.to_bytes(32) for half in halves))}"

    def storekit_1(self) -> str:
        """A receipt in the form of StoreKit 1: PKCS#7 signed data."""
        builder = PKCS7SignatureBuilder().set_data(b"receipt").add_signer(self.leaf, self._leaf_key, SHA256())
        return _base64(builder.sign(Encoding.DER, [PKCS7Options.Binary]))


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    mark: str | None = None,
    length: int | None = None,
    ends: datetime = _ENDS,
) -> x509.Certificate:
    is_authority = name != "Leaf"
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGINS - timedelta(days=365 if is_authority else 0))
        .not_valid_after(ends if not is_authority else _ENDS + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=length), critical=True)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if mark:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(mark), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=False)
    return builder.sign(issuer_key, SHA384())


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _json_part(value: Mapping[str, Any]) -> str:
    return _url(json.dumps(value).encode())


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
