"""Probes to a real server, and inside nginx's container if the URL cannot be used."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops.balancer import prober as module
from ops.balancer.prober import Prober
from ops.errors import EngineError
from ops.models import ExecResult
from ops.route import Address


class Inside:
    """A gateway that answers requests inside the container with this status; with None, it refuses them."""

    def __init__(self, status: str | None = "200") -> None:
        self.status = status
        self.commands: list[list[str]] = []
        self.requested = threading.Event()

    def ask(self, command: list[str], environment: object = None) -> ExecResult:
        self.commands.append(command)
        if len(self.commands) > 1:
            self.requested.set()
        if self.status is None:
            raise EngineError("it is paused", "")
        return ExecResult(0, self.status)


class Answering(BaseHTTPRequestHandler):
    """Records the requested paths, and answers 200, or 500 at /ill."""

    protocol_version = "HTTP/1.1"
    paths: list[str]
    hosts: set[str]
    twice: threading.Event
    enough = 2

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.hosts.add(self.headers["Host"])
        self.send_response(500 if self.path == "/ill" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if len(self.paths) > self.enough:
            self.twice.set()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def server() -> Iterator[tuple[str, type[Answering]]]:
    handler = type("Handler", (Answering,), {"paths": [], "hosts": set(), "twice": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_address[1]}", handler
        listener.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    monkeypatch.setattr(module, "EXEC_INTERVAL", 0.0)


def prober_with(gateway: Inside, url: str | None, path: str = "/alive") -> Prober:
    return Prober(gateway, url, [Address(path=path)], "videa-0f-")  # type: ignore[arg-type]


@pytest.mark.parametrize(("path", "good"), [("/alive", True), ("/ill", False)])
def test_the_services_path_is_probed_at_the_published_port(path: str, good: bool) -> None:
    with server() as (url, handler):
        prober = prober_with(Inside(), url, path)
        prober.start()
        assert handler.twice.wait(10)
        prober.stop()
    assert set(handler.paths) == {path}
    assert (prober.inside, bool(prober.bad), prober.broken) == (False, not good, "")
    assert prober.last_answered


@pytest.mark.parametrize(("idle", "failed"), [(-1.0, False), (60.0, True)])
def test_a_connection_that_was_idle_for_long_is_not_used_again(
    idle: float, failed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server closes each connection after its answer, without saying so."""
    monkeypatch.setattr(module, "IDLE", idle)
    with server() as (url, handler):
        handler.enough = 6
        handler.end_headers = lambda self: (
            BaseHTTPRequestHandler.end_headers(self),
            setattr(self, "close_connection", True),
        )  # type: ignore[method-assign, assignment]
        prober = prober_with(Inside(), url)
        prober.start()
        assert handler.twice.wait(10)
        prober.stop()
    assert bool(prober.bad) == failed


def test_each_service_is_probed_at_its_own_route() -> None:
    requests = [Address(), Address("shop.example", "/api/up"), Address("shop.example", "/x")]
    with server() as (url, handler):
        handler.enough = 8
        prober = Prober(Inside(), url, requests, "videa-0f-")  # type: ignore[arg-type]
        prober.start()
        assert handler.twice.wait(10)
        prober.stop()
        assert set(handler.paths) == {"/", "/api/up", "/x"}
        assert handler.hosts == {"shop.example", url.removeprefix("http://")}
    gateway = Inside()
    prober = Prober(gateway, None, requests[1:], "videa-0f-")  # type: ignore[arg-type]
    prober.start()
    assert gateway.requested.wait(10)
    prober.stop()
    assert "Host: shop.example" in gateway.commands[0]
    assert gateway.commands[0][-1] == "http://127.0.0.1:8080/api/up"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://",
        "http://::1:8080",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://" + "x" * 70 + ".example",
        "http://two words:80",
    ],
)
def test_with_an_invalid_url_the_probes_are_sent_inside_the_container(url: str | None) -> None:
    gateway = Inside()
    prober = prober_with(gateway, url)
    prober.start()
    assert gateway.requested.wait(10)
    prober.stop()
    assert prober.inside
    assert prober.last_answered
    assert (prober.bad, prober.broken) == ({}, "")
    assert gateway.commands[-1][-1] == "http://127.0.0.1:8080/alive"


@pytest.mark.parametrize("host", [True, False])
def test_a_dead_published_port_is_reported_only_on_its_host(host: bool) -> None:
    """From another machine, a firewall may block the port, which is not a fault."""
    gateway = Inside()
    with socket.socket() as bound:  # bound, but not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        prober = Prober(gateway, url, [Address(path="/alive")], "videa-0f-", host)  # type: ignore[arg-type]
        # type: ignore[arg-type]
        prober.start()
        assert gateway.requested.wait(10)
        prober.stop()
    assert prober.inside
    assert bool(prober.unreachable) is host


def test_without_any_answer_the_probes_fail() -> None:
    gateway = Inside(None)
    prober = prober_with(gateway, None)
    prober.start()
    assert gateway.requested.wait(10)
    prober.stop()
    assert prober.bad
    assert (prober.last_answered, prober.broken) == ("", "")


def test_a_bug_that_ends_the_probes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(prober: Prober, name: str, request: Address) -> int:
        raise KeyError("x")

    monkeypatch.setattr(Prober, "_send_inside", broken)
    prober = prober_with(Inside(), None)
    prober.start()
    prober.stop()
    assert "KeyError" in prober.broken
