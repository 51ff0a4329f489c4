"""Services behind a proxy that asks them over a socket."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.routes import ProxyFile
from ops.adopt.sockets import by_socket


def volume(source: str, target: str, kind: str = "volume") -> dict[str, Any]:
    return {"type": kind, "source": source, "target": target}


SERVICES = {
    "nginx": {
        "volumes": [volume("sock", "/run/app/"), volume("static", "/srv"), volume("/conf", "/etc/nginx", "bind")]
    },
    "app": {"volumes": [volume("sock", "/run/app")]},
    "other": {"volumes": [volume("static", "/static"), volume("sock", "/run/app") | {"read_only": True}]},
}


@pytest.mark.parametrize(
    "text",
    [
        "upstream app { server unix:/run/app/app.sock fail_timeout=0; }",
        "proxy_pass http://unix:/run/app/app.sock;",
        "uwsgi_pass unix:///run/app/app.sock;",
        "reverse_proxy unix//run/app/app.sock",
        "server app unix@/run/app/app.sock check",
    ],
)
def test_who_writes_the_volume_with_the_socket_is_asked_there(text: str) -> None:
    assert list(by_socket(ProxyFile("nginx", "nginx.conf", text), SERVICES)) == ["app"]


@pytest.mark.parametrize("text", ["# server unix:/run/app/app.sock;", "server unix:/run/application/app.sock;", ""])
def test_no_socket_of_a_volume_is_named(text: str) -> None:
    assert list(by_socket(ProxyFile("nginx", "nginx.conf", text), SERVICES)) == []
