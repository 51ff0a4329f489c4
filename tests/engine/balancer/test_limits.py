"""A client that takes too much is refused; the others are not, and nginx's memory holds what all of them can take."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ops.engine.client import Engine
from tests.engine.balancer.conftest import Bench, new_bench

STALLED = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1900000\r\n\r\n" + b"x" * 300_000
HALF_A_HEADER = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 7000 + b"\r\nX-B: " + b"b" * 7000


@contextmanager
def connections(bench: Bench, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this much and wait."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", bench.port), timeout=10))
            connection.settimeout(10)
            try:
                connection.sendall(first)
            except OSError:
                continue  # nginx has closed it
            opened.append(connection)
        yield opened


@pytest.fixture(scope="module")
def small(engine: Engine, nginx_image: str) -> Iterator[Bench]:
    """nginx with little memory and a spool in it, before one replica; no test may break it."""
    with new_bench(engine, nginx_image) as bench:
        bench.start_nginx({"BODIES_PER_CLIENT": "3"}, mem_limit="160m", tmpfs={"/tmp": "size=24m"})
        bench.start("one")
        bench.until(lambda: bench.get("/")[1] == "one")
        yield bench


def test_stalled_uploads_of_one_client_are_refused_and_take_nobody_the_place(small: Bench) -> None:
    with connections(small, 40, STALLED) as stalled:
        small.until(lambda: len(select.select(stalled, [], [], 0)[0]) >= 37)
        for connection in select.select(stalled, [], [], 0)[0]:
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            assert head.split()[1] == b"429"
            assert b"Retry-After: 5" in head
            assert json.loads(body)["title"] == "Too Many Requests"
        assert len(stalled) == 40
        assert small.get("/", "POST")[:2] == (200, "one")
        assert small.get("/")[:2] == (200, "one")


def test_slow_connections_do_not_cost_nginx_its_memory(small: Bench) -> None:
    workers = small.engine.exec(small.nginx.id, ["cat", "/tmp/nginx/connections.conf"]).output
    allowed = 2 * int(workers.split()[1].rstrip(";\n"))
    before = small.engine.exec(small.nginx.id, ["pgrep", "-f", "worker process"]).output
    with connections(small, allowed + 300, HALF_A_HEADER):
        pass
    small.until(lambda: small.get("/")[1] == "one")
    assert small.engine.exec(small.nginx.id, ["pgrep", "-f", "worker process"]).output == before
    small.nginx.reload()
    assert not small.nginx.attrs["State"]["OOMKilled"]


def test_http_1_0_needs_no_host(small: Bench) -> None:
    with connections(small, 1, b"GET /headers HTTP/1.0\r\n\r\n") as (connection,):
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\nHost: localhost\n" in answer


REFUSED = [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"POST /%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\nConnection: close\r\n\r\n", 413),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
]


def test_what_nginx_refuses_is_a_problem_too(small: Bench) -> None:
    for request, status in REFUSED:
        with connections(small, 1, request) as (connection,):
            head, _, body = b"".join(iter(lambda c=connection: c.recv(65_536), b"")).partition(b"\r\n\r\n")
        assert int(head.split()[1]) == json.loads(body)["status"] == status
        assert b"Content-Type: application/problem+json" in head


def test_metrics_are_not_public(small: Bench) -> None:
    for path in ("/health/metrics", "/health/metrics?format=json", "/health/metrics/"):
        assert small.get(path)[0] == 404
