"""Hashes of passwords: Argon2id, and the scrypt hashes of earlier versions, which are replaced at the next log-in."""

import hashlib
import hmac
import threading

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

# More than the least that OWASP's cheat sheet on password storage names (19 MiB, 2 passes).
_MEMORY_KIB = 47_104
_hasher = PasswordHasher(time_cost=2, memory_cost=_MEMORY_KIB, parallelism=1, type=Type.ID)
_UNKNOWN = _hasher.hash("nobody")

_AT_ONCE = 2
_places = threading.BoundedSemaphore(_AT_ONCE)  # 46 MiB and a core each, whoever asks

_SCRYPT = "scrypt-"
_SCRYPT_MEMORY_BYTES = 64 * 1024 * 1024


def hashed(password: str) -> str:
    """A hash with a salt of its own."""
    with _places:
        return _hasher.hash(_octets(password))


def is_right(password: str, stored: str | None) -> bool:
    """Whether the password has this hash. Takes as long where there is none."""
    with _places:
        if stored is not None and stored.startswith(_SCRYPT):
            return _is_right_scrypt(password, stored)
        try:
            _hasher.verify(stored or _UNKNOWN, _octets(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash is weaker than one made today."""
    return stored.startswith(_SCRYPT) or _hasher.check_needs_rehash(stored)


def _is_right_scrypt(password: str, stored: str) -> bool:
    """`scrypt-N-R-P$salt$digest`, both in hexadecimal digits."""
    parameters, salt, digest = stored.split("$")
    n, r, p = (int(number) for number in parameters.removeprefix(_SCRYPT).split("-"))
    made = hashlib.scrypt(_octets(password), salt=bytes.fromhex(salt), n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY_BYTES)
    return hmac.compare_digest(made.hex(), digest)


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
