"""An engine that is missing, hangs, closes the connection or sends incomplete answers, simulated by a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.temporary_stack import free_port
from ops.engine import client, sdk
from ops.engine.client import Engine, engine_errors
from ops.engine.contexts import DockerContext
from ops.engine.stats import sample
from ops.errors import EngineError, EngineUnreachable
from ops.models import Container, ExecResult

VERSION = '{"ApiVersion": "1.41", "Version": "20.10.24"}'
GONE = Container("gone", "gone", "app", "running", "none", "app:1", 0, 0, False)
Play = Callable[[str, int], str | None]
"""(request, number of earlier ones) -> the body, "" for an empty one; None closes the connection."""


def answer(body: str) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


@contextmanager
def engine_that(folder: Path, play: Play) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment for a connection to an engine with this behaviour, and the requests that it gets."""
    path, requests = folder / "engine.sock", list[str]()

    def serve(connection: socket.socket) -> None:
        with connection:
            while head := connection.recv(65536).decode():
                line = head.splitlines()[0].rpartition(" ")[0]
                body = VERSION if line.endswith(("/version", "/_ping")) else play(line, requests.count(line))
                requests.append(line)
                if body is None:
                    return
                connection.sendall(answer(body))

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield {"DOCKER_HOST": f"unix://{path}"}, requests
        listener.shutdown(socket.SHUT_RDWR)


def list_containers(environment: dict[str, str]) -> None:
    with closing(Engine(environment)) as engine, engine_errors("list the containers"):
        engine.api.containers()


def test_a_read_is_retried_once_if_the_connection_is_closed(tmp_path: Path) -> None:
    with engine_that(tmp_path, lambda _, before: "[]" if before else None) as (environment, requests):
        list_containers(environment)
    assert len([line for line in requests if "/containers/json" in line]) == 2


def test_a_change_is_never_retried(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: None) as (environment, requests),
        closing(Engine(environment)) as engine,
        pytest.raises(EngineUnreachable, match="stop x: the engine closed the connection"),
        engine_errors("stop x"),
    ):
        engine.api.stop("x", timeout=0)
    assert len([line for line in requests if line.startswith("POST")]) == 1


def test_a_closed_connection_and_a_missing_engine_are_different_errors(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: None) as (environment, _),
        pytest.raises(EngineUnreachable, match="list the containers: the engine closed the connection") as closed,
    ):
        list_containers(environment)
    assert "RemoteDisconnected" in closed.value.detail
    port = free_port()
    with pytest.raises(EngineUnreachable, match=f"the Docker Engine at 127.0.0.1:{port} does not answer") as missing:
        Engine({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})
    assert "Connection refused" in missing.value.detail


def test_a_hanging_engine_is_queried_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.2)
    released = threading.Event()

    def hang(_: str, __: int) -> None:
        released.wait(10)

    with engine_that(tmp_path, hang) as (environment, requests):
        with pytest.raises(EngineUnreachable, match=r"list the containers: no answer within 0\.2 s") as error:
            list_containers(environment)
        released.set()
    assert len([line for line in requests if "/containers/json" in line]) <= 1
    assert "busy or hanging" in error.value.hint


def test_after_an_incomplete_answer_the_engine_is_not_unreachable(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: "[") as (environment, _),
        pytest.raises(EngineError, match="list the containers: the answer is incomplete") as error,
    ):
        list_containers(environment)
    assert not isinstance(error.value, EngineUnreachable)


def test_a_container_that_ends_during_a_measurement_is_omitted(tmp_path: Path) -> None:
    """The engine then sends 200 with an empty body: in every second call while a container was removed."""
    with (
        engine_that(tmp_path, lambda line, _: "" if "/stats" in line else '{"HostConfig": {}}') as (environment, _),
        closing(Engine(environment)) as engine,
    ):
        assert sample(engine, [GONE], gap=0) == {}


def test_the_published_ports_are_on_the_machine_of_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "over_ssh", lambda *_: SimpleNamespace(api=SimpleNamespace(adapters={})))
    monkeypatch.setattr(client, "Api", lambda *_: SimpleNamespace(version="1.41"))
    engine = Engine({"DOCKER_HOST": "ssh://ops@192.0.2.7:2222"})
    assert (engine.local, engine.address) == (False, "192.0.2.7")
    monkeypatch.setattr(
        client, "read_context", lambda given: DockerContext("ssh://ops@192.0.2.8" if "DOCKER_CONTEXT" in given else "")
    )
    engine = Engine({"DOCKER_CONTEXT": "far"})
    assert (engine.local, engine.address) == (False, "192.0.2.8")
    engine = Engine({})
    assert (engine.local, engine.address) == (True, "127.0.0.1")


def test_a_missing_context_is_an_error_and_the_local_engine_is_not_used() -> None:
    with pytest.raises(EngineUnreachable, match="no Docker context 'nope'"):
        Engine({"DOCKER_CONTEXT": "nope"})


@pytest.mark.parametrize("host", ["tcp://[::1", "[x]", "tcp://engine:port", "${A:-" * 1000, "unix://[x"])
def test_what_is_not_an_address_is_said_so(host: str) -> None:
    with pytest.raises(EngineUnreachable, match="no valid address"):
        Engine({"DOCKER_HOST": host})


def test_a_command_whose_output_the_engine_loses_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter((ExecResult(0, "\n"), ExecResult(0, "200")))
    monkeypatch.setattr(Engine, "exec", lambda *_, **__: next(answers))
    with engine_that(tmp_path, lambda _, __: "[]") as (environment, _), closing(Engine(environment)) as engine:
        assert engine.ask("nginx", ["curl"]).output == "200"
