"""Services and tasks of a swarm as containers."""

from __future__ import annotations

from typing import Any

import pytest

from ops.swarm import labels
from ops.swarm.reading import container, edges, emptiest_nodes, highest_number, others, pinned, reason
from ops.swarm.reading import node as read_node

AT = "2026-11-26T10:00:00.123456789Z"


def service(number: int = 1, replicas: int = 1, state: str = labels.STARTED, **more: Any) -> dict[str, Any]:
    own = {labels.SERVICE: "web", labels.NUMBER: str(number), labels.RELEASE: "r1", labels.STATE: state}
    template = {"ContainerSpec": {"Image": "sha256:ab", **more}, "RestartPolicy": {"Condition": "any"}}
    return {
        "ID": f"s{number}",
        "CreatedAt": AT,
        "Spec": {
            "Name": f"shop-web-{number}",
            "Labels": own,
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": template,
        },
    }


def task(state: str, number: int = 1, node: str = "n1", error: str = "", code: int = 0) -> dict[str, Any]:
    own = {labels.SERVICE: "web", labels.NUMBER: str(number)}
    return {
        "ServiceID": f"s{number}",
        "NodeID": node,
        "CreatedAt": AT,
        "Spec": {"ContainerSpec": {"Labels": own}},
        "Status": {"State": state, "Timestamp": AT, "Err": error, "ContainerStatus": {"ExitCode": code}},
    }


def node(name: str, state: str = "ready", availability: str = "active") -> dict[str, Any]:
    return {"ID": name, "Status": {"State": state}, "Spec": {"Availability": availability}}


CHECK = {"Healthcheck": {"Test": ["CMD", "true"]}}


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ("running", "running"),
        ("starting", "running"),
        ("pending", "restarting"),
        ("preparing", "restarting"),
        ("failed", "restarting"),
        ("rejected", "exited"),
    ],
)
def test_states_of_a_service_with_a_task(state: str, seen: str) -> None:
    assert container(service(), [task(state)]).state == seen


def test_a_service_without_a_task_is_created_or_exited() -> None:
    assert container(service(replicas=0, state=labels.CREATED), []).state == "created"
    assert container(service(replicas=0, state=labels.STOPPED), []).state == "exited"
    ending = container(service(replicas=0, state=labels.STOPPED), [task("running")])
    assert ending.state == "exited", "it is not in DNS any more, so nothing may be sent to it"


def test_a_task_runs_only_after_its_first_good_check() -> None:
    assert container(service(**CHECK), [task("starting")]).health == "starting"
    assert container(service(**CHECK), [task("running")]).health == "healthy"
    assert container(service(), [task("running")]).health == "none"


def test_ended_tasks_count_as_restarts() -> None:
    found = container(service(), [task("running"), task("failed", code=3), task("failed", code=3)])
    assert (found.restarts, found.state, found.exit_code) == (2, "running", 0)


def test_why_a_task_does_not_run() -> None:
    assert reason([task("pending", error="insufficient resources on 3 nodes")]) == "insufficient resources on 3 nodes"
    assert reason([task("running", error="old")]) == ""
    assert reason([]) == ""


def test_a_number_is_free_only_when_its_last_task_has_ended() -> None:
    assert highest_number([service(2)], [task("shutdown", 7), task("running", 5)], "web") == 5
    assert highest_number([service(2)], [task("running", 5)], "other") == 0


def test_the_node_with_the_fewest_replicas_is_chosen() -> None:
    nodes = [node("n1"), node("n2"), node("n3", availability="drain"), node("n4", state="down")]
    assert next(emptiest_nodes(nodes, [task("running", 1, "n1")], [], "web")) == "n2"
    assert next(emptiest_nodes(nodes, [task("running", 1, "n1")], [("n2", ""), ("n2", "")], "web")) == "n1"
    assert next(emptiest_nodes(nodes, [task("shutdown", 1, "n1"), task("running", 2, "n2")], [], "web")) == "n1"
    assert next(emptiest_nodes([node("n4", state="down")], [], [], "web")) == ""


def test_a_new_release_is_spread_whatever_the_old_one_has_where() -> None:
    nodes, old = [node("n1"), node("n2")], [task("running", number, "n1") for number in (1, 2)]
    assert next(emptiest_nodes(nodes, old, [], "web", "r2")) == "n2"
    assert next(emptiest_nodes(nodes, old, [("n2", "r2")], "web", "r2")) == "n1"
    assert next(emptiest_nodes(nodes, old, [("n2", "r2"), ("n1", "r2")], "web", "r2")) == "n2"


def test_several_new_replicas_are_spread() -> None:
    nodes = emptiest_nodes([node("n1"), node("n2")], [task("running", 1, "n1")], [], "web", "r2")
    assert [next(nodes) for _ in range(3)] == ["n2", "n1", "n2"]


def test_a_node_as_its_manager_describes_it() -> None:
    found = {
        "ID": "n1",
        "Spec": {"Role": "manager", "Availability": "pause"},
        "Description": {
            "Hostname": "node1",
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 1024},
            "Engine": {"EngineVersion": "28.5.2"},
        },
        "Status": {"State": "ready", "Addr": "10.0.0.1"},
        "ManagerStatus": {"Leader": True, "Reachability": "reachable"},
    }
    read = read_node(found)
    assert (read.name, read.manager, read.leader, read.reachability) == ("node1", True, True, "reachable")
    assert (read.cpus, read.memory, read.version, read.usable) == (2.0, 1024, "28.5.2", False)
    assert read_node({**node("n2"), "ID": "n2"}).usable
    assert read_node({**node("n2"), "Spec": {"Name": "given"}}).name == "given"


def test_where_a_container_runs() -> None:
    assert container(service(), [task("running", node="n2")]).node == "n2"
    assert container(service(replicas=0, state=labels.STOPPED), [task("shutdown", node="n2")]).node == ""


def test_what_keeps_a_node_from_being_drained() -> None:
    fixed, chosen, foreign, everywhere = (service(number) for number in range(1, 5))
    for each in (fixed, chosen):
        each["Spec"]["TaskTemplate"]["Placement"] = {"Constraints": ["node.id==n1"]}
        each["Spec"]["Labels"][labels.PROJECT] = "shop"
    chosen["Spec"]["Labels"][labels.PLACED] = "n1"
    everywhere["Spec"]["Mode"] = {"Global": {}}
    assert pinned([fixed, chosen], "n1") == ["shop-web-1"]
    assert pinned([fixed, chosen], "n2") == []
    edge = service(5)
    edge["Spec"]["TaskTemplate"]["Placement"] = {"Constraints": ["node.id==n1"]}
    edge["Spec"]["Labels"][labels.EDGE] = "n1"
    assert pinned([fixed, edge], "n1") == ["shop-web-1"]
    assert edges([fixed, edge]) == {"n1": "shop-web-5"}
    services, tasks = [fixed, chosen, foreign, everywhere], [task("running", number) for number in range(1, 5)]
    assert others(services, tasks, "shop", "n1") == ["shop-web-3"]
    assert others(services, [task("shutdown", 3)], "shop", "n1") == []
