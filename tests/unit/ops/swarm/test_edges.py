"""Where nginx runs in a swarm, how it is reached, and what its service gets for that."""

from __future__ import annotations

import pytest

from ops.balancer.generations import Place
from ops.swarm import labels
from ops.swarm.channel import COUNT, FIRST, PORT, port_of
from ops.swarm.edge_places import address_of, host_of, labelled, node_of, places
from ops.swarm.edges import with_channel


def node(name: str, state: str = "ready", **more: object) -> dict[str, object]:
    return {
        "ID": f"id-{name}",
        "Description": {"Hostname": name},
        "Spec": {"Labels": {"videa.edge": "true"}},
        "Status": {"State": state, "Addr": "10.0.0.2"},
        **more,
    }


def service(name: str, at: str) -> dict[str, object]:
    return {"ID": f"s-{name}", "Spec": {"Name": name, "Labels": {labels.EDGE: f"id-{at}"}, "TaskTemplate": {}}}


def task(name: str, state: str, port: int = 0, err: str = "") -> dict[str, object]:
    ports = [{"TargetPort": 8080, "PublishedPort": 80}, {"TargetPort": PORT, "PublishedPort": port}]
    status = {"State": state, "Err": err, "PortStatus": {"Ports": ports if port else []}}
    return {"ServiceID": f"s-{name}", "CreatedAt": "2026-01-01T00:00:00Z", "Status": status}


def test_each_nginx_has_its_node_and_the_reason_why_it_does_not_run() -> None:
    services = [service("nginx-1", "one"), service("nginx-2", "two"), service("nginx-3", "three")]
    services += [service("nginx-4", "gone")]
    nodes = [node("one"), node("two"), node("three", "down")]
    tasks = [task("nginx-1", "rejected", err="No such image"), task("nginx-2", "starting", 4000)]
    tasks += [task("nginx-3", "running", 5000)]
    assert places(services, tasks, nodes, "id-two") == [
        (Place("nginx-2", "s-nginx-2", "two"), ("10.0.0.2", 4000)),
        (Place("nginx-1", "s-nginx-1", "one", "its task is rejected: No such image"), None),
        (Place("nginx-3", "s-nginx-3", "three", "its node is down"), ("10.0.0.2", 5000)),
        (Place("nginx-4", "s-nginx-4", "id-gone", "its node has left the swarm"), None),
    ]


def test_a_manager_is_reached_at_the_address_that_other_managers_use() -> None:
    manager = node("m", ManagerStatus={"Addr": "10.0.0.9:2377"}, Status={"State": "ready", "Addr": "0.0.0.0"})
    assert host_of(manager) == "10.0.0.9"
    assert host_of(node("m", ManagerStatus={"Addr": "[fd00::9]:2377"})) == "fd00::9"
    assert address_of(task("nginx-1", "running"), manager) is None


def test_only_labelled_nodes_run_nginx() -> None:
    other = {**node("other"), "Spec": {"Labels": {"videa.edge": "false"}}}
    assert [each["ID"] for each in labelled([node("two"), other, node("one"), {**other, "Spec": {}}])] == [
        "id-one",
        "id-two",
    ]


def test_a_manager_that_does_not_know_the_port_of_a_task_takes_that_of_its_service() -> None:
    own = service("nginx-1", "one")
    own["Spec"] |= {"EndpointSpec": {"Ports": [{"TargetPort": PORT, "PublishedPort": 7000}]}}  # type: ignore[operator]
    assert places([own], [task("nginx-1", "running")], [node("one")], "")[0][1] == ("10.0.0.2", 7000)
    assert places([own], [task("nginx-1", "running", 4000)], [node("one")], "")[0][1] == ("10.0.0.2", 4000)


@pytest.mark.parametrize(
    ("ports", "published"), [([], port_of("shop")), ([{"TargetPort": PORT, "PublishedPort": 7000}], 7000)]
)
def test_the_service_has_the_certificates_and_a_port_for_the_channel(
    ports: list[dict[str, int]], published: int
) -> None:
    template = {"ContainerSpec": {"Env": ["A=b"]}, "Placement": {"Constraints": ["node.id==id-one"]}}
    spec = {
        "Name": "nginx-1",
        "Labels": {labels.PROJECT: "shop"},
        "TaskTemplate": template,
        "EndpointSpec": {"Ports": ports},
    }
    made = with_channel(spec, "id-one", "nginx", [("id-s", "shop.edge", "videa-edge.pem")], PORT)
    container = made["TaskTemplate"]["ContainerSpec"]
    assert container["Env"] == ["A=b", "EDGE_NAME=nginx"]
    assert container["Secrets"][0]["File"] == {"Name": "videa-edge.pem", "UID": "101", "GID": "101", "Mode": 0o400}
    assert [port.get("PublishedPort") for port in made["EndpointSpec"]["Ports"]] == [published]
    assert FIRST <= published < FIRST + COUNT or published == 7000
    assert node_of({"Spec": made}) == node_of({"Spec": spec}) == "id-one"
