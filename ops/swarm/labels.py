"""The labels of videa's services in a swarm: with Compose's labels, Compose would take tasks for its own containers."""

from __future__ import annotations

PROJECT = "videa.project"
SERVICE = "videa.service"
NUMBER = "videa.number"
RELEASE = "videa.release"
CONFIG_HASH = "videa.config-hash"
IMAGE = "videa.image"
IMAGE_ID = "videa.image-id"
STATE = "videa.state"
"""CREATED, STARTED or STOPPED: the tasks of a service without replicas do not show it."""
PLACED = "videa.placed"
"""The node that was chosen for a replica; until the operation has ended, no other node may run it."""
EDGE = "videa.edge"
"""On a node, "true": nginx runs there. On nginx's service: the id of that node."""
ONEOFF = "videa.oneoff"
STACK = "com.docker.stack.namespace"
"""The label by which `docker stack services` and `docker stack rm` find the services of a project."""

OF_TASKS = "com.docker.swarm."
"""The prefix of the labels that Swarm gives to the containers of tasks."""

CREATED, STARTED, STOPPED = "created", "started", "stopped"
