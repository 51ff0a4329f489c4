"""Checks, before anything changes, whether the nodes have an image that is in no registry.

A manager does not know the images of other nodes. Therefore each node gets a task whose program does not exist: the
node rejects it at once because of the image, or later because of the program. The service of these tasks is removed at
the end.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ops.engine.client import Engine
from ops.errors import PlanRefused
from ops.swarm import api, labels, reading
from ops.swarm.api import Found
from ops.swarm.logs import NO_IMAGE
from ops.swarm.services import POLL

WITHIN = 10.0
"""Seconds for the answers; a node that does not answer counts as having the image."""
PROGRAM = "/videa-is-this-image-here"


def check(engine: Engine, project: str, image: str, reference: str, known: Collection[str]) -> None:
    """Raises PlanRefused if a node that gets replicas lacks the image, and EngineError.

    ``image``: the reference for the nodes; ``reference``: the user's name; ``known``: ids of nodes that have it.
    """
    if not image.startswith("sha256:"):
        return  # from a registry, by digest: each node pulls it
    nodes = {str(node["ID"]): node for node in api.listed(engine, "nodes") if reading.usable(node)}
    asked = nodes.keys() - set(known)
    if asked and (missing := _lacking(engine, project, image, asked, nodes.keys() & set(known))):
        names = ", ".join(sorted(reading.node(nodes[node]).name for node in missing))
        raise PlanRefused(
            f"{names} {'does' if len(missing) == 1 else 'do'} not have {reference}, and there is no registry of it",
            f"send it to every node: videa push {reference} --all-nodes",
        )


def remove(engine: Engine, project: str) -> None:
    """Removes the service that a killed process has left. Raises EngineError."""
    api.remove(engine, "services", name_of(project))


def name_of(project: str) -> str:
    return f"{project}-videa-images"


def _lacking(engine: Engine, project: str, image: str, asked: set[str], others: Iterable[str]) -> set[str]:
    """The nodes of ``asked`` without the image; ``others``: nodes that are not asked."""
    remove(engine, project)
    service = api.create(engine, "services", spec(project, image, others))
    try:
        deadline = time.monotonic() + WITHIN
        while True:
            answers = answered(api.listed(engine, "tasks", service=service or name_of(project)))
            if asked <= answers.keys() or time.monotonic() > deadline:
                return {node for node, has in answers.items() if not has and node in asked}
            time.sleep(POLL)
    finally:
        remove(engine, project)


def spec(project: str, image: str, others: Iterable[str]) -> dict[str, Any]:
    """The service with one task on each node except ``others``. Pure."""
    return {
        "Name": name_of(project),
        "Labels": {labels.STACK: project},
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Command": [PROGRAM]},
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": [f"node.id!={node}" for node in sorted(others)]},
        },
        "Mode": {"Global": {}},
    }


def answered(tasks: Iterable[Found]) -> dict[str, bool]:
    """Node id -> whether the node has the image, for the nodes that have answered. Pure."""
    ended: Mapping[str, str] = {
        str(task.get("NodeID") or ""): str((task.get("Status") or {}).get("Err") or "")
        for task in tasks
        if reading.state_of(task) in (*reading.ENDED, reading.STARTING, reading.RUNNING)
    }
    return {node: NO_IMAGE not in reason for node, reason in ended.items()}
