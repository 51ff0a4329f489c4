"""HTTP to the engine's socket: connections are kept, and a stream ends when it is closed from another thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ops.engine.answer import Lost, Refused
from ops.engine.api import Api
from ops.engine.local import DEFAULT_SOCKET, LocalTransport, socket_path

HEAD = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"


@contextmanager
def server(folder: Path, play: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[Api, list[socket.socket]]]:
    """The API of a server that plays this for each request, and the connections that it gets."""
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):  # it was closed at the end of the test
            while request := connection.recv(65536):
                play(connection, request)

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return
            threading.Thread(target=serve, args=(connections[-1],), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "engine.sock"))
        listener.listen()
        threading.Thread(target=accept, daemon=True).start()
        with closing(Api(LocalTransport(str(folder / "engine.sock"), 10, 4), 10)) as api:
            yield api, connections
        listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


def sends(body: str, status: str = "200 OK") -> Callable[[socket.socket, bytes], None]:
    text = f"{HEAD.replace('200 OK', status)}Content-Length: {len(body)}\r\n\r\n{body}"
    return lambda connection, _: connection.sendall(text.encode())


def test_a_connection_is_used_again(tmp_path: Path) -> None:
    with server(tmp_path, sends('{"NCPU": 2}')) as (api, connections):
        assert [api.info()["NCPU"] for _ in range(3)] == [2, 2, 2]
    assert len(connections) == 1


def test_an_idle_connection_that_the_engine_closes_is_not_used_for_a_change(tmp_path: Path) -> None:
    with server(tmp_path, sends("")) as (api, connections):
        api.start("app")
        connections[0].shutdown(socket.SHUT_RDWR)
        api.start("app")
    assert len(connections) == 2


def test_the_output_of_a_command_ends_with_its_connection(tmp_path: Path) -> None:
    def play(connection: socket.socket, request: bytes) -> None:
        if b"/_ping" in request:
            sends("")(connection, request)
        elif b"Detach" in request:  # the body comes after the head
            connection.sendall(HEAD.encode() + b"\r\n\x01\0\0\0\0\0\0\x03one")
            connection.shutdown(socket.SHUT_RDWR)

    with server(tmp_path, play) as (api, _):
        assert api.exec_start("1") == b"one"


def test_an_error_has_the_words_of_the_engine(tmp_path: Path) -> None:
    with server(tmp_path, sends('{"message": "no such container: x"}', "404 Not Found")) as (api, _):
        api.__dict__["version"] = "1.41"
        for call in (lambda: api.inspect_container("x"), lambda: api.stream("/containers/x/logs", {})):
            with pytest.raises(Refused) as error:
                call()
            assert (error.value.missing, error.value.explanation) == (True, "no such container: x")


def test_a_stream_ends_when_another_thread_closes_it(tmp_path: Path) -> None:
    def play(connection: socket.socket, request: bytes) -> None:
        if b"/events" not in request:
            sends("")(connection, request)
            return
        connection.sendall(f'{HEAD}Transfer-Encoding: chunked\r\n\r\nd\r\n{{"Action": "a\r\n4\r\n"}}\n{{\r\n'.encode())

    with server(tmp_path, play) as (api, _):
        events = api.events({"type": "container"})
        seen = iter(events)
        assert next(seen) == {"Action": "a"}
        waiting = threading.Thread(target=lambda: list(seen))
        waiting.start()
        events.close()
        waiting.join(10)
        assert not waiting.is_alive()


def test_no_server_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(Lost):
        LocalTransport(str(tmp_path / "missing"), 1, 1).send("GET", "/_ping", None, {}, None)


@pytest.mark.parametrize(("url", "path"), [("", DEFAULT_SOCKET), ("unix:///run/my.sock", "/run/my.sock")])
def test_the_path_of_a_socket(url: str, path: str) -> None:
    assert socket_path(url) == path


def test_whoever_forgets_to_close_it_leaves_no_connection(tmp_path: Path) -> None:
    ended = threading.Event()

    def play(connection: socket.socket, request: bytes) -> None:
        sends("")(connection, request)
        if not connection.recv(1):
            ended.set()

    with server(tmp_path, play) as (_, __):
        Api(LocalTransport(str(tmp_path / "engine.sock"), 10, 4), 10).request("GET", "/info")
        assert ended.wait(10)
