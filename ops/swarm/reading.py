"""Converts services and tasks, as the manager describes them, to containers. Pure.

A stopped replica is a service scaled to 0. The manager does not report health: a task counts as running only after its
first successful health check, and a task whose check fails is ended.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ops.models import Container, Node
from ops.releases import release_id
from ops.swarm import labels
from ops.swarm.api import Found

ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
"""The states of a task that does not run and will never run."""
RUNNING, STARTING = "running", "starting"
CHECKED = 10.0
"""Seconds that a first health check result may take if the check sets no times; Docker's own defaults are longer."""


def read(services: Iterable[Found], tasks: Iterable[Found]) -> list[Container]:
    """The containers of these services, ordered by name."""
    by_service = by_id(tasks)
    found = (container(service, by_service.get(str(service["ID"]), [])) for service in services)
    return sorted(found, key=lambda each: each.name)


def states(services: Iterable[Found], tasks: Iterable[Found]) -> dict[str, str]:
    """Name -> state of these services, ordered by number."""
    by_service = by_id(tasks)
    return {
        str(each["Spec"]["Name"]): _state(each["Spec"], current(by_service.get(str(each["ID"]), [])))
        for each in sorted(services, key=number_of)
    }


def replicas_among(services: Iterable[Found], service: str) -> list[Found]:
    """The replicas of ``service``, without one-off containers."""
    own = ((each["Spec"].get("Labels") or {}, each) for each in services)
    return [each for named, each in own if named.get(labels.SERVICE) == service and labels.ONEOFF not in named]


def number_of(service: Found) -> int:
    return int((service["Spec"].get("Labels") or {}).get(labels.NUMBER, 0))


def by_id(tasks: Iterable[Found]) -> dict[str, list[Found]]:
    """Service id -> its tasks, newest first."""
    grouped: dict[str, list[Found]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: str(task["CreatedAt"]), reverse=True):
        grouped[str(task.get("ServiceID", ""))].append(task)
    return grouped


def current(tasks: Iterable[Found]) -> Found | None:
    """The task that runs or will run, otherwise the newest; ``tasks``: those of one service, newest first."""
    ordered = list(tasks)
    present = (task for task in ordered if state_of(task) not in ENDED)
    return next(present, ordered[0] if ordered else None)


def replicas_of(spec: Mapping[str, Any]) -> int:
    """The desired number of tasks of a service."""
    return int(spec["Mode"]["Replicated"].get("Replicas") or 0)


def state_of(task: Found) -> str:
    return str((task.get("Status") or {}).get("State", ""))


def container(service: Found, tasks: Iterable[Found]) -> Container:
    """One service as a container. ``tasks``: its tasks, the newest first."""
    spec = service["Spec"]
    own: Mapping[str, str] = spec.get("Labels") or {}
    template = spec["TaskTemplate"]["ContainerSpec"]
    history = list(tasks)
    task = current(history)
    status: Mapping[str, Any] = (task or {}).get("Status") or {}
    checked = (template.get("Healthcheck") or {}).get("Test") not in (None, [], ["NONE"])
    state = _state(spec, task)
    limits = spec["TaskTemplate"].get("Resources", {}).get("Limits") or {}
    return Container(
        id=str(service["ID"]),
        name=str(spec["Name"]),
        service=own.get(labels.SERVICE, ""),
        state=state,
        health=_health(state, status, checked),
        image=own.get(labels.IMAGE, template["Image"]),
        restarts=sum(state_of(other) in ENDED for other in history if other is not task),
        exit_code=int((status.get("ContainerStatus") or {}).get("ExitCode") or 0),
        oom_killed=False,
        number=int(own.get(labels.NUMBER, 0)),
        release=own.get(labels.RELEASE) or release_id(own.get(labels.IMAGE_ID, ""), own.get(labels.CONFIG_HASH, "")),
        image_id=own.get(labels.IMAGE_ID, ""),
        config_hash=own.get(labels.CONFIG_HASH, ""),
        created=time_of(service["CreatedAt"]),
        started=time_of(status["Timestamp"]) if state == RUNNING and status.get("Timestamp") else None,
        networks=_addresses(task),
        cpu_limit=limits["NanoCPUs"] / 1e9 if limits.get("NanoCPUs") else None,
        memory_limit=limits.get("MemoryBytes") or None,
        oneoff=labels.ONEOFF in own,
        health_output=str(status.get("Err") or ""),
        first_check=CHECKED if checked else 0.0,
        node=str((task or {}).get("NodeID") or "") if state == RUNNING else "",
    )


def node(found: Found) -> Node:
    """A node as the manager describes it. A name that was assigned to it takes precedence over its host name."""
    spec, described = found["Spec"], found.get("Description") or {}
    resources, managing = described.get("Resources") or {}, found.get("ManagerStatus") or {}
    status = found.get("Status") or {}
    return Node(
        id=str(found["ID"]),
        name=str(spec.get("Name") or described.get("Hostname") or found["ID"]),
        state=str(status.get("State") or "unknown"),
        availability=str(spec.get("Availability") or "active"),
        manager=spec.get("Role") == "manager",
        leader=bool(managing.get("Leader")),
        reachability=str(managing.get("Reachability") or ""),
        address=str(status.get("Addr") or ""),
        version=str((described.get("Engine") or {}).get("EngineVersion") or ""),
        cpus=int(resources.get("NanoCPUs") or 0) / 1e9,
        memory=int(resources.get("MemoryBytes") or 0),
        message=str(status.get("Message") or ""),
    )


def pinned(services: Iterable[Found], node: str) -> list[str]:
    """The names of the services that can run only on this node.

    Without those for which videa only chose the node, and without nginx on one of several edges.
    """
    wanted = f"node.id=={node}"
    return sorted(
        str(service["Spec"]["Name"])
        for service in services
        if not {labels.PLACED, labels.EDGE} & (service["Spec"].get("Labels") or {}).keys()
        and wanted in ((service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or ())
    )


def edges(services: Iterable[Found]) -> dict[str, str]:
    """Node id -> name of the nginx service, for each edge."""
    named = ((service["Spec"].get("Labels") or {}, str(service["Spec"]["Name"])) for service in services)
    return {own[labels.EDGE]: name for own, name in named if own.get(labels.EDGE)}


def others(services: Iterable[Found], tasks: Iterable[Found], project: str, node: str) -> list[str]:
    """The names of the services of other projects that have a task on this node and do not run on every node."""
    ours = labels.PROJECT
    foreign = {
        str(service["ID"]): str(service["Spec"]["Name"])
        for service in services
        if (service["Spec"].get("Labels") or {}).get(ours) != project and "Global" not in service["Spec"]["Mode"]
    }
    here = (task for task in tasks if task.get("NodeID") == node and state_of(task) not in ENDED)
    return sorted({foreign[task["ServiceID"]] for task in here if task.get("ServiceID") in foreign})


def details(service: Found, known: Container) -> dict[str, Any]:
    """The engine's details of a container on another node, as far as its spec contains them."""
    template = service["Spec"]["TaskTemplate"]
    spec = template["ContainerSpec"]
    limits = (template.get("Resources") or {}).get("Limits") or {}
    return {
        "Config": {"Env": spec.get("Env") or [], "Labels": spec.get("Labels") or {}, "Image": spec["Image"]},
        "State": {"Status": known.state, "Error": known.health_output, "ExitCode": known.exit_code},
        "HostConfig": {"PidsLimit": limits.get("Pids"), "RestartPolicy": {"Name": "always"}},
        "NetworkSettings": {"Networks": {name: {"IPAddress": at} for name, at in known.networks.items()}},
    }


def reason(tasks: Iterable[Found]) -> str:
    """Why a task does not run, in the manager's words, such as "insufficient resources on 3 nodes"; "" if it runs."""
    task = current(tasks)
    status = (task or {}).get("Status") or {}
    return "" if status.get("State") == RUNNING else str(status.get("Err") or "")


def image_of(service: Found | None) -> str:
    """The image of a service as the Compose file names it."""
    spec = (service or {}).get("Spec") or {}
    named = (spec.get("Labels") or {}).get(labels.IMAGE)
    return str(named or spec.get("TaskTemplate", {}).get("ContainerSpec", {}).get("Image") or "IMAGE")


def highest_number(services: Iterable[Found], tasks: Iterable[Found], service: str) -> int:
    """The highest number of a replica that exists or is ending: a removed one may answer by its name for seconds."""
    specs = [each["Spec"].get("Labels") or {} for each in services]
    specs += [each["Spec"]["ContainerSpec"].get("Labels") or {} for each in tasks if state_of(each) not in ENDED]
    return max((int(each.get(labels.NUMBER, 0)) for each in specs if each.get(labels.SERVICE) == service), default=0)


def emptiest_nodes(
    nodes: Iterable[Found], tasks: Iterable[Found], placed: Iterable[tuple[str, str]], service: str, release: str = ""
) -> Iterator[str]:
    """For each new replica in turn, the id of the node that runs the fewest replicas of ``service`` with this release.

    "" if no node may run any. If numbers are equal, it is the node with the fewest replicas of all releases, because
    those of other releases leave during a deploy. ``placed``: node and release of replicas for which a node was chosen
    and which do not run yet. Swarm's own scheduler cannot balance them: each replica is a new service, so all nodes
    have equally few of its tasks.
    """
    running = (
        (str(task.get("NodeID") or ""), task["Spec"]["ContainerSpec"].get("Labels") or {})
        for task in tasks
        if state_of(task) not in ENDED
    )
    present = [(node, own.get(labels.RELEASE, "")) for node, own in running if own.get(labels.SERVICE) == service]
    every = [*present, *placed]
    same, all_of = (
        Counter(node for node, known in every if known == release),
        Counter(node for node, _ in every),
    )
    chosen = [str(node["ID"]) for node in nodes if usable(node)]
    while True:
        emptiest = min(chosen, key=lambda node: (same[node], all_of[node], node), default="")
        yield emptiest
        same[emptiest] += 1
        all_of[emptiest] += 1


def usable(node: Found) -> bool:
    """Whether a node accepts new tasks."""
    return (node.get("Status") or {}).get("State") == "ready" and node["Spec"].get("Availability") == "active"


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[:19]}+00:00")


def _state(spec: Mapping[str, Any], task: Found | None) -> str:
    """Docker's word for the state. A task that waits for a node or its image counts as restarting."""
    own: Mapping[str, str] = spec.get("Labels") or {}
    state = state_of(task) if task else ""
    if not replicas_of(spec):  # also while its task still ends: it is no longer in DNS, and answers for seconds only
        return "created" if own.get(labels.STATE) == labels.CREATED else "exited"
    if state in (RUNNING, STARTING):
        return RUNNING
    ended = state in ENDED
    once = (spec["TaskTemplate"].get("RestartPolicy") or {}).get("Condition") == "none"
    return "exited" if state == "rejected" or (ended and once) else "restarting"


def _health(state: str, status: Mapping[str, Any], checked: bool) -> str:
    if not checked:
        return "none"
    return "healthy" if state == RUNNING and status.get("State") == RUNNING else "starting"


def _addresses(task: Found | None) -> dict[str, str]:
    attached = (task or {}).get("NetworksAttachments") or []
    return {
        str(each["Network"]["Spec"]["Name"]): str((each.get("Addresses") or [""])[0]).partition("/")[0]
        for each in attached
    }
