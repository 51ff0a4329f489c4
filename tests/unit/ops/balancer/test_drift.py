"""Which manual changes of upstreams.conf are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.balancer.drift import differences
from ops.balancer.render import parse, render
from ops.traffic import Maintenance, Proxy, Sticky, TrafficSplit, Upstream

DEFAULT = Path(__file__).parents[4] / "ops/balancer/image/default-upstreams.conf"
SERVED = Upstream("backend", 3001, ("app-1", "app-2"))


def drift(text: str, wanted: Upstream = SERVED) -> list[str]:
    return differences(parse(text), wanted)


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
@pytest.mark.parametrize("closed", [None, Maintenance(("10.0.0.0/8",), ("/health",), 60)])
def test_videas_own_text_has_no_drift(sticky: Sticky, closed: Maintenance | None) -> None:
    upstream = Upstream("backend", 3001, ("app-1", "app-2"), sticky, drain_timeout=12)
    assert drift(render(upstream, 7, closed), upstream) == []


def test_the_images_default_has_no_drift_with_any_drain_timeout() -> None:
    text = DEFAULT.read_text().replace("@SERVICE@", "backend").replace("@PORT@", "3001")
    proxy = Proxy(max_body=1 << 20)
    assert drift(text, Upstream("backend", 3001, sticky="cookie", drain_timeout=90, proxy=proxy)) == []


def test_proxy_settings_that_are_not_applied_are_drift() -> None:
    wanted = replace(SERVED, proxy=Proxy(read_timeout=60))
    assert drift(render(SERVED, 3), wanted) == ["- # proxy: read_timeout=60"]
    assert drift(render(wanted, 3), wanted) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("        least_conn;\n", "", ["- upstream app: least_conn;"]),
        ("least_conn;", "ip_hash;", ["- upstream app: least_conn;", "+ upstream app: ip_hash;"]),
        ("least_conn;", "least_conn; random;", ["- upstream app: least_conn;", "+ upstream app: least_conn; random;"]),
        (
            "app-1:3001 resolve max_fails=1",
            "app-1:3001 weight=9 resolve max_fails=1",
            [
                "- upstream app: server app-1:3001 resolve max_fails=1 fail_timeout=2s;",
                "+ upstream app: server app-1:3001 weight=9 resolve max_fails=1 fail_timeout=2s;",
            ],
        ),
        (
            "app-2:3001",
            "app-2:3002",
            [
                "- upstream app: server app-2:3001 resolve max_fails=1 fail_timeout=2s;",
                "+ upstream app: server app-2:3002 resolve max_fails=1 fail_timeout=2s;",
            ],
        ),
        ("keepalive 64;", "keepalive 1;", ["- upstream app: keepalive 64;", "+ upstream app: keepalive 1;"]),
        (
            "worker_shutdown_timeout 30s;",
            "worker_shutdown_timeout 1s;",
            ["- worker_shutdown_timeout 30s;", "+ worker_shutdown_timeout 1s;"],
        ),
        ("http {\n", "http {\n    proxy_read_timeout 1s;\n", ["+ proxy_read_timeout 1s;"]),
        (
            "{ default app; }",
            "{ default any; }",
            ['- map "" $videa_upstream { default app; }', '+ map "" $videa_upstream { default any; }'],
        ),
    ],
)
def test_changed_directives_are_reported(before: str, after: str, expected: list[str]) -> None:
    assert drift(render(SERVED, 3).replace(before, after, 1)) == expected


@pytest.mark.parametrize(
    ("before", "after"), [("        least_conn", "\tleast_conn"), ("http {", "# my note\n\nhttp {")]
)
def test_comments_and_whitespace_are_ignored(before: str, after: str) -> None:
    assert drift(render(SERVED, 3).replace(before, after)) == []


def test_a_change_of_x_videa_is_reported() -> None:
    assert "+ upstream app: least_conn;" in drift(
        render(SERVED, 3), Upstream("backend", 3001, ("app-1", "app-2"), "ip")
    )


def test_nothing_is_compared_with_a_canary() -> None:
    canary = Upstream("backend", 3001, ("app-1",), split=TrafficSplit(("app-2",), 25))
    assert drift(render(canary, 3), Upstream("backend", 3001, ("app-1",))) == []
