"""Which requests a Caddyfile sends to each service."""

from __future__ import annotations

import pytest

from ops.adopt.caddyfile import caddy_routes
from ops.adopt.requests import Unknown
from ops.route import EVERYTHING, Route

NAMES = {"web": "web", "api": "api"}
SITE = """\
{
	email me@shop.example
}
https://shop.example, www.shop.example:443 {
	encode gzip # reverse_proxy other:1
	handle_path /api/* {
		reverse_proxy api:8000 {
			header_up Host {host}
		}
	}
	handle {
		reverse_proxy http://web:3000
	}
}
"""


def test_hosts_and_paths() -> None:
    assert list(caddy_routes(SITE, NAMES)) == [
        ("api", Route("shop.example", "/api", True)),
        ("api", Route("www.shop.example", "/api", True)),
        ("web", Route("shop.example")),
        ("web", Route("www.shop.example")),
    ]


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("shop.example\nreverse_proxy web:3000\n", Route("shop.example")),
        (":80 {\n  reverse_proxy /api/* web:3000\n}", Route("", "/api")),
        (":80\nreverse_proxy * web:3000\n", EVERYTHING),
        (":80 {\n  reverse_proxy @api web:3000\n}", Unknown("@api of every host")),
        (":80 {\n  handle /one {\n    reverse_proxy web:3000\n  }\n}", Unknown("/one of every host")),
    ],
)
def test_one_line(text: str, route: Route | Unknown) -> None:
    assert list(caddy_routes(text, NAMES)) == [("web", route)]
