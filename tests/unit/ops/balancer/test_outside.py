"""When a published port counts as unreachable."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ops.balancer.outside import unreachable
from ops.route import Address


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that calls ``serve`` for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        serve(connection)
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def answer(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


def close_connection(connection: socket.socket) -> None:
    connection.recv(1000)


def test_a_port_with_any_answer_is_reachable() -> None:
    with listener(answer) as url:
        assert unreachable(url, Address()) == ""


def test_a_proxy_that_accepts_connections_and_closes_them_is_unreachable() -> None:
    with listener(close_connection) as url:
        assert unreachable(url, Address()) != ""


def test_a_port_with_a_late_answer_is_reachable() -> None:
    connected, finished = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        connected.set()
        finished.wait(10)

    with listener(wait) as url:
        assert unreachable(url, Address(), timeout=0.2) == ""
        assert unreachable(url, Address(), timeout=0.2, late="no answer") == "no answer"
        finished.set()
    assert connected.is_set()


def test_a_port_is_reachable_if_nginx_itself_answers_even_if_every_replica_hangs() -> None:
    def answer_trace(connection: socket.socket) -> None:
        if connection.recv(1000).startswith(b"TRACE "):
            connection.sendall(b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\n\r\n")
        else:
            connection.recv(1000)

    with listener(answer_trace) as url:
        assert unreachable(url, Address(), timeout=0.2, late="no answer") == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
def test_a_port_without_a_server_and_an_invalid_url_are_unreachable(url: str) -> None:
    assert unreachable(url, Address()) != ""
