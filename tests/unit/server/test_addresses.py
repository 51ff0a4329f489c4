from __future__ import annotations

import ipaddress

import pytest

from server.addresses import ClientAddress


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.1", None, "203.0.113.1"),
        ("203.0.113.1", "198.51.100.9", "203.0.113.1"),  # a stranger may write what it likes
        ("172.18.0.2", "198.51.100.9", "198.51.100.9"),
        ("172.18.0.2", "1.1.1.1, 198.51.100.9", "198.51.100.9"),
        ("172.18.0.2", "1.1.1.1, 192.168.1.5", "192.168.1.5"),
        ("172.18.0.2", "nonsense", "172.18.0.2"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:172.18.0.2", "::ffff:198.51.100.9", "198.51.100.9"),
        (None, "198.51.100.9", "unknown"),
    ],
)
def test_the_balancer_on_a_private_network_is_believed_for_one_entry(
    peer: str | None, forwarded: str | None, expected: str
) -> None:
    assert ClientAddress(()).of(peer, forwarded) == expected


def test_listed_proxies_are_followed_and_nobody_else() -> None:
    addresses = ClientAddress((ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("192.0.2.1")))
    assert addresses.of("172.18.0.2", "1.1.1.1, 198.51.100.9, 192.0.2.1") == "198.51.100.9"
    assert addresses.of("10.0.0.1", "198.51.100.9") == "10.0.0.1"
