"""What a manager says of a container on another node: why it does not run, and how to get into it."""

from __future__ import annotations

from typing import Any

import pytest

from ops.engine.client import Engine
from ops.errors import EngineError
from ops.swarm import api, labels
from ops.swarm.local import Local
from ops.swarm.logs import Logs
from ops.swarm.services import Services

AT = "2026-11-26T10:00:00.123456789Z"
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
def test_a_container_of_another_node_is_not_entered_but_its_way_is_told(
    monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    running = {"State": "running", "ContainerStatus": {"ContainerID": "c" * 64}}
    engine = manager(monkeypatch, {"Status": running})
    monkeypatch.setitem(NODE, "Status", {"State": "ready", "Addr": address})
    monkeypatch.setattr(Local, "node", "n1")
    with pytest.raises(EngineError, match="shop-web-1 runs on node2") as refused:
        Local(engine, Services(engine, "shop")).id_of("shop-web-1")
    assert f"docker --host ssh://{host} exec -it {'c' * 12} COMMAND" in refused.value.hint
