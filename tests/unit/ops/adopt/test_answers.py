"""Asking a server over HTTP, on a port of this machine."""

from __future__ import annotations

import http.server
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

import pytest

from ops.adopt.answers import Answers, ask


@contextmanager
def server(status: Callable[[str, Mapping[str, str]], int]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status(self.path, dict(self.headers)))
            self.end_headers()

        def log_message(self, *ignored: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield httpd.server_port
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_the_first_path_that_succeeds_counts() -> None:
    with server(lambda path, _: {"/up": 200, "/": 200, "/health": 503}.get(path, 404)) as port:
        answers = ask("127.0.0.1", port)
    assert answers is not None
    assert answers.well(["/health", "/healthz", "/up", "/"]) == "/up"
    assert not answers.catch_all


def test_a_server_that_answers_everything_says_nothing_about_its_health_paths() -> None:
    with server(lambda path, _: 200) as port:
        answers = ask("127.0.0.1", port)
    assert answers is not None
    assert answers.well(["/health", "/"]) == "/"


def test_redirects_and_errors_are_answers_but_no_success() -> None:
    with server(lambda path, _: 302) as port:
        answers = ask("127.0.0.1", port, ["/"])
    assert answers == Answers({"/": 302})
    assert answers.well(["/"]) is None
    assert answers.sign_in("/") == "200-399"


def test_nothing_on_the_port_and_another_protocol_are_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert ask("127.0.0.1", port, ["/"]) is None
    with socket.create_server(("127.0.0.1", 0)) as smtp:

        def greet() -> None:
            for _ in range(2):
                connection, _address = smtp.accept()
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")
                connection.close()

        thread = Thread(target=greet)
        thread.start()
        assert ask("127.0.0.1", smtp.getsockname()[1], ["/"]) is None
        thread.join()


@pytest.mark.parametrize(
    ("allowed", "needs"),
    [
        ({"Host": "shop-web-1"}, {}),
        ({"Host": "shop.example"}, {"Host": "shop.example"}),
        ({"Host": "localhost"}, {"Host": "localhost"}),
        ({"X-Forwarded-Proto": "https"}, {"X-Forwarded-Proto": "https"}),
        (
            {"Host": "localhost", "X-Forwarded-Proto": "https"},
            {"Host": "localhost", "X-Forwarded-Proto": "https"},
        ),
        ({"Host": "other"}, {}),
    ],
)
def test_the_headers_that_a_service_needs_to_answer(allowed: dict[str, str], needs: dict[str, str]) -> None:
    def status(headers: Mapping[str, str]) -> int:
        if "Host" in allowed and headers["Host"].partition(":")[0] != allowed["Host"]:
            return 400
        return 301 if headers.get("X-Forwarded-Proto") != allowed.get("X-Forwarded-Proto") else 200

    with server(lambda path, headers: status(headers) if path == "/up" else 404) as port:
        answers = ask("127.0.0.1", port, ["/up"], "shop-web-1", ["shop.example"])
    assert answers is not None
    assert (answers.headers, answers.success) == (needs, allowed["Host"] != "other" if "Host" in allowed else True)
