"""The balancer's published port, in all its notations."""

from __future__ import annotations

from typing import Any

import pytest

from ops.project.published import Published, http_url, published, seen_from_here

TLS = {"target": 443, "published": "443", "protocol": "tcp"}


@pytest.mark.parametrize(
    ("ports", "wanted"),
    [
        ([{"target": 80, "published": "8080"}], Published("127.0.0.1", range(8080, 8081), 80)),
        ([{"target": 80, "published": "8080-8082"}], Published("127.0.0.1", range(8080, 8083), 80)),
        ([{"target": 80, "published": 80, "host_ip": "0.0.0.0"}], Published("127.0.0.1", range(80, 81), 80)),
        ([{"target": 80, "published": "80", "host_ip": "::"}], Published("::1", range(80, 81), 80)),
        ([{"target": 80, "published": "80", "host_ip": "[::]"}], Published("::1", range(80, 81), 80)),
        ([{"target": 80, "published": "80", "host_ip": "::1"}], Published("::1", range(80, 81), 80)),
        ([{"target": 80, "published": "80", "host_ip": "10.0.0.7"}], Published("10.0.0.7", range(80, 81), 80)),
        ([TLS, {"target": 80, "published": "80"}], Published("127.0.0.1", range(80, 81), 80)),
        ([{"target": 53, "published": "53", "protocol": "udp"}, TLS], Published("127.0.0.1", range(443, 444), 443)),
        ([{"target": 80}], None),
        ([{"target": 80, "published": "http"}], None),
        ([{"target": 80, "published": "0"}], Published("127.0.0.1", range(0, 1), 80)),
        ([], None),
        (None, None),
    ],
)
def test_a_published_port_is_read(ports: list[dict[str, Any]] | None, wanted: Published | None) -> None:
    assert published(ports) == wanted


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 80, "http://127.0.0.1"),
        ("::1", 80, "http://[::1]"),
        ("::1", 8080, "http://[::1]:8080"),
        ("shop.example", 8080, "http://shop.example:8080"),
    ],
)
def test_a_url_has_brackets_around_an_ipv6_address(host: str, port: int, url: str) -> None:
    assert http_url(host, port) == url


@pytest.mark.parametrize(
    ("bound", "engine", "seen"),
    [
        ("", None, "127.0.0.1"),
        ("::", None, "::1"),
        ("127.0.0.2", None, "127.0.0.2"),
        ("", "shop.example", "shop.example"),
        ("0.0.0.0", "shop.example", "shop.example"),
        ("10.0.0.7", "shop.example", "10.0.0.7"),
        ("127.0.0.1", "shop.example", None),
        ("::1", "shop.example", None),
    ],
)
def test_a_port_on_the_loopback_of_another_machine_is_not_seen_from_here(
    bound: str, engine: str | None, seen: str | None
) -> None:
    assert seen_from_here(bound, engine) == seen
