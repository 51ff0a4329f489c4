"""What passes through nginx: by default what common apps need, otherwise as x-videa.proxy says, within what fits."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import BinaryIO

import pytest

from ops.balancer.render import render
from ops.errors import ConfigRefused
from ops.traffic import Proxy
from tests.engine.balancer.conftest import Bench

UPGRADE = b"GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture
def narrow(bare: Bench) -> Bench:
    """nginx with half a processor and 64 MB for bodies, before one replica."""
    bare.start_nginx(nano_cpus=500_000_000)
    bare.start("one")
    bare.until(lambda: bare.get("/")[1] == "one")
    return bare


def apply(bench: Bench, proxy: Proxy) -> None:
    """Returns when the old workers, which take connections for a moment more, are gone."""
    balancer = bench.balancer
    balancer.apply(replace(bench.upstream("one"), proxy=proxy))
    assert balancer.wait_drained(10) == ()


def upload(bench: Bench, size: int) -> int:
    """The status of a POST of so many bytes."""
    head = f"POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", bench.port), timeout=30) as connection:
        connection.sendall(head.encode())
        with suppress(OSError):  # it may be refused before it was read
            connection.sendall(b"x" * size)
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])


@contextmanager
def chat(bench: Bench) -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A WebSocket that is open."""
    with socket.create_connection(("127.0.0.1", bench.port), timeout=30) as connection:
        connection.sendall(UPGRADE)
        with connection.makefile("rb") as lines:
            assert lines.readline().split()[1] == b"101"
            while lines.readline() != b"\r\n":
                pass
            yield connection, lines


def written(bench: Bench, name: str) -> str:
    return bench.engine.exec(bench.nginx.id, ["cat", f"/tmp/nginx/{name}.conf"]).output


def test_defaults_that_common_apps_live_with(narrow: Bench) -> None:
    assert upload(narrow, 3_000_000) == 200
    assert narrow.get("/large/15000")[1] == "large"
    assert "worker_processes 1;" in written(narrow, "workers")
    assert "proxy_read_timeout 300s;" in written(narrow, "settings")
    with chat(narrow) as (connection, lines):
        connection.sendall(b"hello\n")
        assert lines.readline() == b"hello\n"
    assert upload(narrow, 60_000_000) == 413  # four bodies of this size have no room
    assert b"max_body is" in narrow.nginx.logs()


def test_the_settings_apply_at_once_and_again_after_a_restart(narrow: Bench) -> None:
    apply(narrow, Proxy(100 << 10, read_timeout=1, response_headers=4 << 10, buffering=False, websocket_timeout=60))
    assert "proxy_buffering off;" in written(narrow, "settings")
    with chat(narrow) as (connection, lines):
        assert upload(narrow, 200_000) == 413
        assert narrow.get("/large/5000")[0] == 502
        assert narrow.get("/hold/read")[0] == 504
        # The WebSocket has been silent for longer than read_timeout now.
        connection.sendall(b"still there\n")
        assert lines.readline() == b"still there\n"
    narrow.ask("one", "/release/read")
    narrow.nginx.restart()
    narrow.until(lambda: narrow.get("/")[1] == "one")
    assert upload(narrow, 200_000) == 413


def test_a_refused_change_leaves_the_settings_in_use(narrow: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(narrow, Proxy(max_body=100 << 10))
    before = written(narrow, "settings")
    with monkeypatch.context() as patched:
        patched.setattr("ops.balancer.nginx.render", lambda *what: render(*what)[:-2] + "no_such_directive;\n}\n")
        with pytest.raises(ConfigRefused):
            apply(narrow, Proxy(max_body=8 << 20))
    assert written(narrow, "settings") == before
    apply(narrow, Proxy())
    assert upload(narrow, 200_000) == 200


def test_only_a_trusted_proxy_says_who_the_client_is_and_how_it_came(narrow: Bench) -> None:
    named = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}

    def seen() -> dict[str, str]:
        return dict(line.split(": ", 1) for line in narrow.get("/headers", Host="inside", **named)[1].splitlines())

    def logged() -> tuple[str, int]:
        narrow.until(lambda: narrow.nginx.logs(stderr=False).endswith(b"}\n"))
        line = json.loads(narrow.nginx.logs(stderr=False).splitlines()[-1])
        return line["remote"], line["untrusted"]

    spoofed = seen()
    peer = spoofed["X-Real-IP"]
    assert (spoofed["X-Forwarded-Proto"], spoofed["X-Forwarded-Host"]) == ("http", "inside")
    narrow.until(lambda: logged() == (peer, 1))
    apply(narrow, Proxy(trusted=(f"{peer}/32",)))
    trusted = seen()
    assert trusted["X-Real-IP"] == "203.0.113.9"
    assert trusted["X-Forwarded-For"].rpartition(", ")[2] == "203.0.113.9"
    assert (trusted["X-Forwarded-Proto"], trusted["X-Forwarded-Host"]) == ("https", "shop.example")
    narrow.until(lambda: logged() == ("203.0.113.9", 0))
