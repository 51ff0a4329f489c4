"""When a published port counts as dead."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ops.balancer.outside import unreachable


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does ``serve`` with each connection."""
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


def hang_up(connection: socket.socket) -> None:
    connection.recv(1000)


def test_any_answer_will_do() -> None:
    with listener(answer) as url:
        assert unreachable(url, "/") == ""


def test_a_proxy_that_takes_connections_and_drops_them_is_dead() -> None:
    with listener(hang_up) as url:
        assert unreachable(url, "/") != ""


def test_a_late_answer_is_somebody() -> None:
    asked, over = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        asked.set()
        over.wait(10)

    with listener(wait) as url:
        assert unreachable(url, "/", timeout=0.2) == ""
        over.set()
    assert asked.is_set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
def test_nobody(url: str) -> None:
    assert unreachable(url, "/") != ""
