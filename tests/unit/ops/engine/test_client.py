"""What videa makes of an engine that is not there, hangs, hangs up or breaks off, played by a socket."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.stack import free_port
from ops.engine import client
from ops.engine.client import Engine, engine_errors
from ops.engine.stats import sample
from ops.errors import EngineError, EngineUnreachable
from ops.models import Container

VERSION = '{"ApiVersion": "1.41", "Version": "20.10.24"}'
LOCAL = SimpleNamespace(Host="unix:///var/run/docker.sock", TLSConfig=None)
GONE = Container("gone", "gone", "app", "running", "none", "app:1", 0, 0, False)
Play = Callable[[str, int], str | None]
"""(path, how often it was asked before) -> the body, "" for an empty one; None hangs up."""


def answer(body: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@contextmanager
def engine_that(folder: Path, play: Play) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment that leads to an engine of this behaviour, and the requests that it gets."""
    path, asked = folder / "engine.sock", list[str]()

    def serve(connection: socket.socket) -> None:
        with connection:
            while head := connection.recv(65536).decode():
                line = head.splitlines()[0].rpartition(" ")[0]
                body = VERSION if line.endswith("/version") else play(line, asked.count(line))
                asked.append(line)
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
        yield {"DOCKER_HOST": f"unix://{path}"}, asked
        listener.shutdown(socket.SHUT_RDWR)


def list_containers(environment: dict[str, str]) -> None:
    with closing(Engine(environment)) as engine, engine_errors("list the containers"):
        engine.sdk.api.containers()


def test_a_read_whose_connection_is_closed_is_asked_once_more(tmp_path: Path) -> None:
    with engine_that(tmp_path, lambda _, before: "[]" if before else None) as (environment, asked):
        list_containers(environment)
    assert len([line for line in asked if "/containers/json" in line]) == 2


def test_what_changes_something_is_never_asked_twice(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: None) as (environment, asked),
        closing(Engine(environment)) as engine,
        pytest.raises(EngineUnreachable, match="asked to stop x and closed the connection"),
        engine_errors("stop x"),
    ):
        engine.sdk.api.stop("x")
    assert len([line for line in asked if line.startswith("POST")]) == 1


def test_an_engine_that_hangs_up_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: None) as (environment, _),
        pytest.raises(EngineUnreachable, match="list the containers and closed the connection") as told,
    ):
        list_containers(environment)
    assert "RemoteDisconnected" in told.value.detail
    with pytest.raises(EngineUnreachable, match="does not answer") as told:
        Engine({"DOCKER_HOST": f"tcp://127.0.0.1:{free_port()}"})
    assert "Connection refused" in told.value.detail


def test_an_engine_that_is_stuck_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.2)
    released = threading.Event()

    def hang(_: str, __: int) -> None:
        released.wait(10)

    with engine_that(tmp_path, hang) as (environment, asked):
        with pytest.raises(EngineUnreachable, match=r"list the containers and gave no answer for 0\.2 s") as told:
            list_containers(environment)
        released.set()
    assert len([line for line in asked if "/containers/json" in line]) <= 1
    assert "busy or stuck" in told.value.hint


def test_an_answer_that_breaks_off_is_no_absent_engine(tmp_path: Path) -> None:
    with (
        engine_that(tmp_path, lambda _, __: "[") as (environment, _),
        pytest.raises(EngineError, match="list the containers: its answer broke off") as told,
    ):
        list_containers(environment)
    assert not isinstance(told.value, EngineUnreachable)


def test_a_container_that_ends_while_it_is_measured_is_left_out(tmp_path: Path) -> None:
    """The engine then answers 200 with nothing: seen in every second call while a container was removed."""
    with (
        engine_that(tmp_path, lambda line, _: "" if "/stats" in line else '{"HostConfig": {}}') as (environment, _),
        closing(Engine(environment)) as engine,
    ):
        assert sample(engine, [GONE], gap=0) == {}


def test_the_published_ports_are_on_the_machine_that_docker_host_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sdk(SimpleNamespace):
        api = SimpleNamespace(adapters={}, base_url="http+docker://ssh")

        @classmethod
        def from_env(cls, **options: object) -> Sdk:
            return cls(**options)

    monkeypatch.setattr(client.docker, "DockerClient", Sdk)
    engine = Engine({"DOCKER_HOST": "ssh://ops@192.0.2.7:2222"})
    assert (engine.local, engine.address) == (False, "192.0.2.7")
    context = SimpleNamespace(Host="ssh://ops@192.0.2.8", TLSConfig=None)
    monkeypatch.setattr(client.ContextAPI, "get_context", lambda name: context if name == "far" else LOCAL)
    engine = Engine({"DOCKER_CONTEXT": "far"})
    assert (engine.local, engine.address) == (False, "192.0.2.8")
    engine = Engine({})
    assert (engine.local, engine.address) == (True, "127.0.0.1")


def test_an_engine_over_ssh_without_the_package_for_it_says_which() -> None:
    if importlib.util.find_spec("paramiko"):
        pytest.skip("paramiko is here")
    with pytest.raises(EngineUnreachable, match="over ssh") as told:
        Engine({"DOCKER_HOST": "ssh://ops@192.0.2.7"})
    assert "pip install paramiko" in told.value.hint


def test_a_context_that_is_not_there_is_never_replaced_by_the_engine_of_this_machine() -> None:
    with pytest.raises(EngineUnreachable, match="no Docker context 'nope'"):
        Engine({"DOCKER_CONTEXT": "nope"})


@pytest.mark.parametrize("host", ["tcp://[::1", "[x]", "tcp://engine:port", "${A:-" * 1000, "unix://[x"])
def test_what_is_not_an_address_is_said_so(host: str) -> None:
    with pytest.raises(EngineUnreachable, match="no valid address"):
        Engine({"DOCKER_HOST": host})
