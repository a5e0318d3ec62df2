"""The licence key of a game in the Play Console."""

from typing import TYPE_CHECKING

from questlog.model.receipt import from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def read_licence_key(licence_key: str) -> "RSAPublicKey | None":
    """The key of a game in the Play Console; None for what is no RSA key."""
    # 12 MB, only for games with a licence key.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    encoded = from_base64(licence_key)
    if encoded is None:
        return None
    try:
        key = load_der_public_key(encoded)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None
