"""Whether a request comes from this machine itself: such a one may read the metrics without a token."""

import ipaddress
from typing import Protocol

_FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")


class Headers(Protocol):
    """Headers by lower-case name, of whichever HTTP server."""

    def get(self, name: str, /) -> str | None:
        """The header's value, if it was sent."""
        ...


def is_local(client_address: str, headers: Headers) -> bool:
    """Whether the other end is on this machine and no proxy; a proxy's request bears a header of whom it speaks for."""
    if any(headers.get(name) is not None for name in _FORWARDING_HEADERS):
        return False
    try:
        return ipaddress.ip_address(client_address).is_loopback
    except ValueError:
        return False
