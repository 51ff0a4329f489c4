"""What a manager says of a container on another node: why it does not run, and how to get into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import pytest

from ops.engine import foreground
from ops.engine.answer import Refused
from ops.engine.client import Engine
from ops.errors import EngineError, EngineUnreachable
from ops.models import UserCommand
from ops.swarm import api, commands, labels
from ops.swarm.commands import Commands
from ops.swarm.local import Local, Place
from ops.swarm.logs import Logs
from ops.swarm.services import Services

AT = "2026-11-26T10:00:00.123456789Z"
CONTAINER = "c" * 64
NODE = {
    "ID": "n2",
    "Spec": {"Role": "worker", "Availability": "active"},
    "Status": {"State": "ready", "Addr": "10.0.0.2"},
    "Description": {"Hostname": "node2"},
}


def manager(monkeypatch: pytest.MonkeyPatch, task: dict[str, Any]) -> Engine:
    """An engine whose swarm has one service with this task on the node n2."""
    service = {"ID": "s1", "Spec": {"Name": "shop-web-1", "Labels": {labels.IMAGE: "app:42"}}}
    objects: dict[tuple[str, str], Any] = {("services", "shop-web-1"): service, ("nodes", "n2"): NODE}
    tasks = [{"ID": "t1", "ServiceID": "s1", "NodeID": "n2", "CreatedAt": AT, **task}]
    monkeypatch.setattr(api, "found", lambda engine, kind, name: objects.get((kind, name)))
    monkeypatch.setattr(api, "listed", lambda engine, kind, **filters: tasks if kind == "tasks" else [])
    return object.__new__(Engine)  # nothing else of it is asked


def test_a_node_that_lacks_the_image_is_named_with_the_command_that_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = manager(monkeypatch, {"Status": {"State": "rejected", "Err": "No such image: sha256:ab"}})
    assert Logs(engine, Services(engine, "shop")).last_words("shop-web-1") == (
        "No such image: sha256:ab: node2 does not have it; send it to every node: videa push app:42 --all-nodes"
    )


@pytest.mark.parametrize(("address", "host"), [("10.0.0.2", "10.0.0.2"), ("fd00::2", "[fd00::2]")])
def test_a_container_of_another_node_is_found_there_and_not_on_this_engine(
    monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    local = two_nodes(monkeypatch, address)
    assert local.place_of("shop-web-1") == Place(CONTAINER, "node2", f"ssh://{host}")
    with pytest.raises(EngineError, match="shop-web-1 runs on node2") as refused:
        local.id_of("shop-web-1")
    assert "videa exec --replica shop-web-1" in refused.value.hint


class Reached(Exception):
    """The docker command would run now."""


class There:
    """The engine of the other node."""

    opened: ClassVar[list[str]] = []

    def __init__(self, environment: Mapping[str, str]) -> None:
        if environment["DOCKER_HOST"] == "ssh://10.0.0.9":
            raise EngineUnreachable("there is no connection to the Docker Engine over ssh: refused", "")
        self.opened.append(environment["DOCKER_HOST"])
        self.api = self

    def inspect_container(self, container: str) -> dict[str, str]:
        if self.opened[-1] == "ssh://10.0.0.8":
            raise Refused(404, "no such container")
        return {"Id": container}

    def close(self) -> None:
        pass


def become(words: list[str], environment: Mapping[str, str]) -> NoReturn:
    raise Reached(words, environment["DOCKER_HOST"])


def test_a_command_for_another_node_runs_there_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "Engine", There)
    monkeypatch.setattr(foreground, "become", become)
    here = {"DOCKER_HOST": "unix:///here.sock"}

    def enter(address: str) -> None:
        local = two_nodes(monkeypatch, address)
        Commands(local.engine, local, here).hand_over("shop-web-1", UserCommand(("sh",), terminal=True))

    with pytest.raises(Reached) as reached:
        enter("10.0.0.2")
    assert reached.value.args == (
        ["docker", "exec", "--interactive", "--tty", CONTAINER, "sh"],
        "ssh://10.0.0.2",
    )
    with pytest.raises(EngineUnreachable, match=r"on node2 is reached over SSH: .*refused") as unreachable:
        enter("10.0.0.9")
    assert "docker --host ssh://10.0.0.9 version" in unreachable.value.hint
    with pytest.raises(EngineError, match=r"ssh://10\.0\.0\.8 is not node2"):
        enter("10.0.0.8")


def two_nodes(monkeypatch: pytest.MonkeyPatch, address: str) -> Local:
    """The view from the node n1 of a replica that runs on n2."""
    engine = manager(monkeypatch, {"Status": {"State": "running", "ContainerStatus": {"ContainerID": CONTAINER}}})
    monkeypatch.setitem(NODE, "Status", {"State": "ready", "Addr": address})
    monkeypatch.setattr(Local, "node", "n1")
    return Local(engine, Services(engine, "shop"))
