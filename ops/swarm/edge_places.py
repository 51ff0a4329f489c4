"""Where each nginx of a project runs, according to the manager. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops.balancer.generations import Place
from ops.swarm import labels, reading
from ops.swarm.api import Found
from ops.swarm.channel import PORT

Address = tuple[str, int]


def labelled(nodes: Iterable[Found]) -> list[Found]:
    """The nodes that should run nginx, ordered by name."""
    chosen = [node for node in nodes if (node["Spec"].get("Labels") or {}).get(labels.EDGE) == "true"]
    return sorted(chosen, key=lambda node: (name_of(node), node["ID"]))


def places(
    services: Iterable[Found], tasks: Iterable[Found], nodes: Iterable[Found], here: str
) -> list[tuple[Place, Address | None]]:
    """All nginx instances with the address of their channel: that on the node ``here`` first, the others by name."""
    by_id, by_service = {str(node["ID"]): node for node in nodes}, reading.by_id(tasks)
    found = []
    for service in services:
        node_id = node_of(service)
        node, own = by_id.get(node_id), by_service.get(str(service["ID"]), [])
        name = str(service["Spec"]["Name"])
        place = Place(name, str(service["ID"]), name_of(node) if node else node_id, _reason(node, own))
        addresses = (address for task in own if (address := address_of(task, node, service)))
        found.append((node_id != here, name, place, next(addresses, None)))
    return [(place, address) for _, _, place, address in sorted(found, key=lambda each: each[:2])]


def address_of(task: Found, node: Found | None, service: Found | None = None) -> Address | None:
    """The address of the channel to an nginx task: the node's address and the port that the node publishes for it.

    A manager that has just become the leader knows ports only from the ``service``.
    """
    ports = ((task.get("Status") or {}).get("PortStatus") or {}).get("Ports")
    ports = ports or ((service or {}).get("Spec") or {}).get("EndpointSpec", {}).get("Ports") or ()
    published = next((each.get("PublishedPort") for each in ports if each.get("TargetPort") == PORT), None)
    host = host_of(node) if node else ""
    return (host, int(published)) if host and published else None


def node_of(service: Found) -> str:
    """The id of the node to which an nginx service is bound, also for one created before the nodes were labelled."""
    constraints = (service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or [""]
    return str(service["Spec"]["Labels"].get(labels.EDGE) or constraints[0].partition("node.id==")[2])


def host_of(node: Found) -> str:
    """The address of a node for the others; for a manager, it may be only in its manager status."""
    manager = str((node.get("ManagerStatus") or {}).get("Addr") or "").rpartition(":")[0].strip("[]")
    own = str((node.get("Status") or {}).get("Addr") or "")
    return manager or own


def name_of(node: Mapping[str, Any]) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])


def _reason(node: Found | None, tasks: list[Found]) -> str:
    """Why an nginx does not run; "" if it runs, even if its health check has no result yet."""
    if node is None:
        return "its node has left the swarm"
    state = str((node.get("Status") or {}).get("State") or "unknown")
    if state != "ready":
        return f"its node is {state}"
    task = reading.current(tasks)
    now = reading.state_of(task) if task else "missing"
    if now in (reading.RUNNING, reading.STARTING):
        return ""
    if node["Spec"].get("Availability") == "drain":
        return "its node is drained"
    why = reading.reason(tasks)
    return f"its task is {now}" + (f": {why}" if why else "")
