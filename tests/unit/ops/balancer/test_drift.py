"""What of a hand's work in upstreams.conf is seen, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.balancer.drift import differences
from ops.balancer.render import parse, render
from ops.traffic import Maintenance, Sticky, TrafficSplit, Upstream

DEFAULT = Path(__file__).parents[4] / "compose/nginx/default-upstreams.conf"
SERVED = Upstream("backend", 3001, ("app-1", "app-2"))


def drift(text: str, wanted: Upstream = SERVED) -> list[str]:
    return differences(parse(text), wanted)


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
@pytest.mark.parametrize("closed", [None, Maintenance(("10.0.0.0/8",), ("/health",), 60)])
def test_what_videa_wrote_is_none(sticky: Sticky, closed: Maintenance | None) -> None:
    upstream = Upstream("backend", 3001, ("app-1", "app-2"), sticky, drain_timeout=12)
    assert drift(render(upstream, 7, closed), upstream) == []


def test_what_the_image_begins_with_is_none_whatever_the_time_for_draining() -> None:
    text = DEFAULT.read_text().replace("@SERVICE@", "backend").replace("@PORT@", "3001")
    assert drift(text, Upstream("backend", 3001, sticky="cookie", drain_timeout=90)) == []


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
def test_whatever_nginx_obeys_is_seen(before: str, after: str, expected: list[str]) -> None:
    assert drift(render(SERVED, 3).replace(before, after, 1)) == expected


@pytest.mark.parametrize(
    ("before", "after"), [("        least_conn", "\tleast_conn"), ("http {", "# my note\n\nhttp {")]
)
def test_comments_and_spaces_are_none(before: str, after: str) -> None:
    assert drift(render(SERVED, 3).replace(before, after)) == []


def test_what_x_videa_asks_for_since_is_drift_too() -> None:
    assert "+ upstream app: least_conn;" in drift(
        render(SERVED, 3), Upstream("backend", 3001, ("app-1", "app-2"), "ip")
    )


def test_a_canary_has_its_share_whatever_it_is() -> None:
    shared = Upstream("backend", 3001, ("app-1",), split=TrafficSplit(("app-2",), 25))
    assert drift(render(shared, 3), Upstream("backend", 3001, ("app-1",))) == []
