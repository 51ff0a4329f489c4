"""Our implementation of the procedure in docker-rollout's README: double, wait, remove the old ones.

It doubles the replicas of the service without touching the existing ones, waits until Docker reports the new ones as
healthy, then stops and removes the old ones. The proxy decides which replicas get traffic: here nginx, which follows
the service's name in Docker's DNS (`resolve`). The optional drain hook makes an old container unhealthy for proxies
that watch Docker's health states; nginx does not, so the hook would only add a fixed sleep.
"""

from __future__ import annotations

import subprocess
import time

from bench.temporary_stack import BenchError, BenchStack, Ran

_POLL = 0.2
_DEADLINE = 60.0


def replace(stack: BenchStack, image: str) -> list[Ran]:
    """Replace every replica by one of `image`; returns one entry for all steps. Raises BenchError."""
    began, clock = time.time(), time.monotonic()
    old = stack.replicas()
    doubled = f"backend={2 * len(old)}"
    up = ("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--scale", doubled, "backend")
    stack.compose(*up, BACKEND_IMAGE=image)
    new = [container for container in stack.replicas() if container not in old]
    while not _all_healthy(new):
        if time.monotonic() - clock > _DEADLINE:
            raise BenchError("new replicas did not become healthy")
        time.sleep(_POLL)
    subprocess.run(["docker", "stop", *old], check=True, capture_output=True)
    subprocess.run(["docker", "rm", *old], check=True, capture_output=True)
    return [Ran("docker-rollout's procedure", began, time.monotonic() - clock, 0, "")]


def _all_healthy(containers: list[str]) -> bool:
    asked = ["docker", "inspect", "--format", "{{.State.Health.Status}}", *containers]
    states = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    return states == ["healthy"] * len(containers)
