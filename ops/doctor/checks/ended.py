"""Containers that have exited or could not start, and processes that the kernel has OOM-killed."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.replicas import ended, revive
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS
from ops.doctor.words import size, span

_OTHERS = {
    "port is already allocated": "find the container that has the port: docker ps --filter publish=PORT",
    "address already in use": "find the program that has the port: ss -ltnp",
}
"""Words of the engine's message -> how to find what else uses the container's port."""

_IN_FILE = {
    "executable file not found": "correct the command or the entrypoint in the Compose file",
    "no such file or directory": "correct the path in the Compose file",
    "permission denied": "make the file of its command executable, or correct its user",
    "network": "its network is gone",
}
"""Words of the engine's message -> what to correct before a new container is created."""


def start_failed(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The engine could not start a container and reports why."""
    for container in present(facts.containers):
        if not container.error or container.running or container.oneoff:
            continue
        yield Finding(
            "ctr.start_failed",
            Severity.FAIL,
            f"{container.name} cannot start",
            container.error,
            "it never runs, and a restart fails the same way",
            _mend(facts, container),
            subject=container.name,
        )


def _mend(facts: Facts, container: ContainerFacts) -> str:
    others, in_file = (
        next((hint for words, hint in hints.items() if words in container.error), "") for hints in (_OTHERS, _IN_FILE)
    )
    if container.service not in facts.services:
        return f"docker rm -f {container.name}"
    if others or not in_file:
        return f"{others or 'mend what it says'}\nthen: docker start {container.name}"
    again = "videa deploy" if container.service in _scaled(facts) else f"docker compose up -d {container.service}"
    return f"{in_file}\nthen: {again}"


def exited(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A service that videa does not scale and no other check examines has exited."""
    examined = {facts.balancer_service, *_scaled(facts), *_data_services(facts)}
    for container in present(facts.containers):
        if container.oneoff or container.service in examined or container.service not in facts.services:
            continue
        paused = container.state == "paused"
        if not (paused or (container.state in ("exited", "dead") and not container.error)):
            continue
        # A service without a restart policy that has exited with 0 is a one-shot service.
        if not (paused or container.restarted or container.exit_code):
            continue
        yield Finding(
            "ctr.exited",
            Severity.WARN,
            f"{container.name} {'is paused' if paused else 'has ended'}",
            ended(container, facts.taken),
            f"what {container.service} does for the stack is not done",
            f"{revive(container)}\ndocker logs --tail 50 {container.name}",
            subject=container.name,
        )


def _scaled(facts: Facts) -> set[str]:
    return {facts.service, *(name for name, each in (facts.declared or {}).items() if each.scaled)}


def _data_services(facts: Facts) -> set[str]:
    """The services of PostgreSQL and Redis, whose own checks report that they are down."""
    nodes = facts.redis.nodes if facts.redis else []
    return {node.service for node in nodes} | ({facts.postgres.service} if facts.postgres else set())


def oom(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The kernel has recently OOM-killed a container or a process in it."""
    for container in present(facts.containers):
        when = _killed_at(facts, container)
        if when is None or facts.taken - when > limits.oom_age:
            continue
        limit = size(container.memory_limit) if container.memory_limit else "the machine's memory"
        goes_on = bool(container.oom_kills) and container.running
        state = (
            f"the container runs on, processes killed since its start: {container.oom_kills}"
            if goes_on
            else f"exit code {container.exit_code}"
        )
        yield Finding(
            "ctr.oom",
            Severity.FAIL,
            f"{container.name}: a process in it was killed: out of memory"
            if goes_on
            else f"{container.name} was killed: out of memory",
            f"limit {limit}, {state}, {container.restarts} restarts, at most {span(max(0.0, facts.taken - when))} ago",
            "what that process was doing is lost, such as a request or a job"
            if goes_on
            else "every request in flight to it was cut",
            f"{_more_memory(facts, container)}\ncheck for a leak: videa doctor --only app.leak",
            subject=container.name,
        )


def _more_memory(facts: Facts, container: ContainerFacts) -> str:
    if not container.memory_limit:
        return "free memory on the machine: videa doctor --only host.mem"
    if container.service not in facts.services:
        return f"create {container.name} again, with more memory"
    again = "videa deploy" if container.service in _scaled(facts) else f"videa up --recreate {container.service}"
    return f"raise deploy.resources.limits.memory of {container.service} in the Compose file\nthen: {again}"


def _killed_at(facts: Facts, container: ContainerFacts) -> float | None:
    """The earliest known time after the last OOM kill (epoch seconds); None if there was none.

    The engine's OOM flag has no time, so the container's exit counts. The kernel's counter has none either, so the run
    that saw it grow counts, or now.
    """
    times = []
    if container.oom_killed:
        times.append(container.finished or container.started)
    if container.oom_kills:
        seen = (facts.history.oom if facts.history else {}).get(container.id, [])
        times.append(seen[-1][0] if seen and seen[-1][1] == container.oom_kills else facts.taken)
    return max(times, default=None)


CHECKS = (
    Check("ctr.start_failed", Group.CONTAINERS, "the engine's error F", "own", (CONTAINERS,), start_failed),
    Check("ctr.exited", Group.CONTAINERS, "another service ended or paused W", "own", (CONTAINERS,), exited),
    Check("ctr.oom", Group.CONTAINERS, "killed for memory within 24 h F", "own", (CONTAINERS,), oom),
)
