"""The client's address behind a proxy."""

from __future__ import annotations

import ipaddress

from server.parsers import Network

_MOST_REMEMBERED = 10_000
# Networks of balancers; narrower than `is_private`, which also contains documentation networks.
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)


class ClientAddress:
    """X-Forwarded-For is trusted only if it comes from a trusted proxy.

    Without a list, the last entry is trusted if the proxy is on a private network (the balancer), because the proxy
    itself has appended it. With a list, entries are skipped from the right as long as they are on the list.
    """

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._known: dict[tuple[str, str], str] = {}

    def of(self, peer: str | None, forwarded_for: str | None) -> str:
        """The client's address; for IPv6 its /64, the smallest network that one client has."""
        pair = (peer or "", forwarded_for or "")
        known = self._known.get(pair)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[pair] = self._resolve(*pair)
        return known

    def _resolve(self, peer: str, forwarded_for: str) -> str:
        address = _parse(peer)
        if address is None:
            return "unknown"
        entries = [entry.strip() for entry in forwarded_for.split(",")] if forwarded_for else []
        while entries and self._is_proxy(address):
            before = _parse(entries.pop())
            if before is None:
                break
            address = before
            if not self._trusted:
                break
        return _subject(address)

    def _is_proxy(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in network for network in self._trusted or _PRIVATE)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _subject(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
