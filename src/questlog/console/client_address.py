"""Where a request comes from: the other end of the connection, or the client that a trusted proxy speaks for."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_HOPS = 32


def networks(text: str) -> Sequence[Network]:
    """The addresses and networks in a text, separated by commas. Raises `ValueError`, which names the wrong one."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


def client_address(peer: str, forwarded_for: Iterable[str], trusted: Sequence[Network]) -> str:
    """The address of the client.

    `peer` is the other end of the connection, `forwarded_for` the values of the header `X-Forwarded-For`. It is read
    from its end, and only as far as trusted proxies have written it: what a client puts in itself does not count.
    """
    address = peer
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    for hop in reversed(hops[-_MAX_HOPS:]):
        if not _is_in(address, trusted) or _parsed(hop) is None:
            break
        address = hop
    parsed = _parsed(address)
    return str(parsed) if parsed is not None else address


def counted_as(address: str) -> str:
    """What failures of an address are counted by: an IPv4 address, the /64 of an IPv6 address, which one client has."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed is not None else address


def _is_in(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(address: str) -> _Address | None:
    """The address; an IPv4 address in IPv6 clothes is one of IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
