"""Which requests a user's own proxy sends to each service."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.requests import Unknown, by_fastcgi, configured, labelled, one, read
from ops.route import Route

TRAEFIK = "traefik.http.routers.api"


@pytest.mark.parametrize(
    ("spec", "routes"),
    [
        ({}, ()),
        ({"labels": {f"{TRAEFIK}.rule": "Host(`a.example`)"}}, (Route("a.example"),)),
        ({"labels": [f"{TRAEFIK}.rule=PathPrefix(`/api/`)"]}, (Route("", "/api"),)),
        (
            {"labels": {f"{TRAEFIK}.rule": "Host(`a.example`) || Host(`b.example`) && PathPrefix(`/v1`)"}},
            (Route("a.example"), Route("b.example", "/v1")),
        ),
        (
            {
                "labels": {
                    f"{TRAEFIK}.rule": "PathPrefix(`/api`)",
                    f"{TRAEFIK}.middlewares": "cut@docker",
                    "traefik.http.middlewares.cut.stripPrefix.prefixes": "/api",
                }
            },
            (Route("", "/api", True),),
        ),
        (
            {"labels": {f"{TRAEFIK}.rule": "Host(`a.example`) && Method(`GET`)"}},
            (Unknown("Host(`a.example`) && Method(`GET`)"),),
        ),
        ({"labels": {f"{TRAEFIK}.rule": "HostRegexp(`.*`)"}}, (Unknown("HostRegexp(`.*`)"),)),
        (
            {"labels": {"caddy": "https://a.example:443", "caddy.handle_path": "/x/*"}},
            (Route("a.example", "/x", True),),
        ),
        ({"labels": {"caddy_1": "a.example b.example"}}, (Route("a.example"), Route("b.example"))),
        (
            {"environment": {"VIRTUAL_HOST": "a.example,b.example", "VIRTUAL_PATH": "/x/", "VIRTUAL_DEST": "/"}},
            (Route("a.example", "/x", True), Route("b.example", "/x", True)),
        ),
    ],
)
def test_labels_and_variables(spec: dict[str, Any], routes: tuple[Any, ...]) -> None:
    assert labelled(spec) == routes


def test_the_users_nginx() -> None:
    text = """
upstream backend { least_conn; server api:8000 max_fails=2; } # server old:1;
server {
    listen 80;
    location / { proxy_pass http://web:8000; }
    location /api/ { proxy_pass http://backend/; }
    location ~ \\.php$ { proxy_pass http://web:8000; }
    location = /exact { proxy_pass http://other; }
    location /static/ { root /srv; }
    server_name shop.example;
}
server { server_name _; location /v2 { proxy_pass http://api:8000; } location /v3 { proxy_pass http://api:8000/else; } }
"""
    found = list(configured(text, {"web": "web", "api": "api"}))
    assert found == [
        ("web", Route("shop.example")),
        ("api", Route("shop.example", "/api", True)),
        ("web", Unknown("location ~ \\.php$ of shop.example")),
        ("api", Route("", "/v2")),
        ("api", Unknown("location /v3 of _")),
    ]
    assert list(configured("} server { location / {", {"web": "web"})) == []


@pytest.mark.parametrize(
    ("routes", "covering"),
    [
        ((), None),
        ((Route("a", "/x"),), Route("a", "/x")),
        ((Route("a", "/x"), Unknown("more")), None),
        ((Route("a", "/x"), Route("a", "/x/y")), Route("a", "/x")),
        ((Route("a", "/x"), Route("a", "/xy")), None),
        ((Route("a", "/x"), Route("b", "/x")), Route("", "/x")),
        ((Route("a", "/x", True), Route("a", "/x")), None),
        ((Route("a", "/x", True), Route("a", "/x/y", True)), None),
    ],
)
def test_one_route_covers_several_or_none_does(routes: tuple[Any, ...], covering: Route | None) -> None:
    assert one(routes) == covering


def test_a_route_as_it_is_typed() -> None:
    assert read("/api/") == Route("", "/api")
    assert read("Shop.example") == Route("shop.example")
    assert read("shop.example/api,strip") == Route("shop.example", "/api", True)
    for wrong in ("/api,cut", "http://shop", "a b"):
        with pytest.raises(ValueError, match="not"):
            read(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "server { location ~ \\.php$ { fastcgi_pass app:9000; } }",
        "upstream php { server app:9000; } server { location / { location ~ \\.php$ { fastcgi_pass php; } } }",
        "server { location / { uwsgi_pass uwsgi://app:3031; } location /a { fastcgi_pass unix:/run/php.sock; } }",
    ],
)
def test_who_is_asked_by_fastcgi(text: str) -> None:
    assert set(by_fastcgi(text, {"app": "app", "php": "other"})) == {"app"}
