"""Waits for the containers of a one-shot service, such as a migration."""

from __future__ import annotations

import time

from ops.engine.client import Engine
from ops.engine.replicas import list_replicas, stop
from ops.errors import EngineError
from ops.models import Container

INTERVAL = 0.2
"""Seconds between two checks of the containers."""
ENDED = ("exited", "dead")


def await_exit(engine: Engine, project: str, service: str, timeout: float) -> Container:
    """Returns a container of the service when all have exited: one that failed, if any did.

    After ``timeout`` seconds, returns one that still runs. If a signal raises KeyboardInterrupt, they are stopped.
    Raises EngineError.
    """
    deadline = time.monotonic() + timeout
    try:
        while True:
            containers = list_replicas(engine, project, service)
            if not containers:
                raise EngineError(f"the container of {service} is gone", "see `docker events`")
            left = [container for container in containers if container.state not in ENDED]
            if not left:
                return max(containers, key=lambda container: container.exit_code)
            if time.monotonic() > deadline:
                return left[0]
            time.sleep(INTERVAL)
    except KeyboardInterrupt:
        for container in list_replicas(engine, project, service):
            stop(engine, container.id)
        raise
