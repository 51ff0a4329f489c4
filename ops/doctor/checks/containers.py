"""Containers: whether they are running and within their limits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, STATS
from ops.doctor.words import listing, share, size

_NO_COMMAND = re.compile(r'exec: "([^"]+)": (?:executable file not found|stat [^:]+: no such file)')
_NO_SHELL_COMMAND = re.compile(r"(?:^|[\s:])([\w./-]+): (?:command )?not found")
"""Messages of the engine and of shells: "/bin/sh: 1: curl: not found"."""


def restart_loop(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A container exits and is restarted repeatedly."""
    looping = [
        container
        for container in present(facts.containers)
        if container.restarts > limits.restarts
        and (container.state == "restarting" or facts.taken - container.started < limits.restart_window)
    ]
    for container in looping:
        yield Finding(
            "ctr.restart_loop",
            Severity.FAIL,
            f"{container.name} restarts again and again",
            f"{container.restarts} restarts, last exit code {container.exit_code}, state {container.state}",
            "it never serves for long, and each start uses CPU",
            f"docker logs --tail 50 {container.name}",
            subject=container.name,
        )


def mem(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The working set is near the memory limit."""
    unlimited: list[str] = []
    for container in present(facts.containers):
        if container.memory is None or not container.running:
            continue
        if not container.memory_limit:
            unlimited.append(container.name)
            continue
        used = container.memory / container.memory_limit
        if used > limits.memory_warn:
            yield Finding(
                "ctr.mem",
                Severity.FAIL if used >= limits.memory_fail else Severity.WARN,
                f"{container.name} uses {share(used)} of its memory limit",
                f"{size(container.memory)} of {size(container.memory_limit)} (without page cache)",
                "at the limit, the kernel kills it",
                f"raise deploy.resources.limits.memory of {container.service}, or find what uses it",
                subject=container.name,
            )
    if unlimited:
        yield Finding(
            "ctr.mem",
            Severity.INFO,
            f"{listing(unlimited)}: no memory limit",
            "nothing stops them from using all memory of the machine",
            "a container that leaks takes down the others",
            "set deploy.resources.limits.memory in the Compose file",
        )


def unhealthy(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Docker's health check fails, or a replica hangs and Docker has not detected it yet."""
    silent = {instance.name: instance.error for instance in facts.instances or [] if instance.live is None}
    for container in present(facts.containers):
        if not container.running:
            continue
        past_start = container.health != "starting" and facts.taken - container.started > limits.start_time
        if container.health != "unhealthy" and container.name in silent and past_start:
            yield Finding(
                "ctr.unhealthy",
                Severity.FAIL,
                f"{container.name} is running, but does not answer",
                f"direct liveness probe: {silent[container.name]} (Docker's health check: {container.health})",
                "requests to it wait until nginx times out",
                f"docker logs --tail 50 {container.name}\ndocker restart {container.name}\n"
                "if this persists although its own health check passes, find the firewall rule:"
                " sudo iptables-save | grep -e DROP -e REJECT",
                subject=container.name,
            )
        elif container.health == "unhealthy" and (command := _missing(container.health_output)):
            yield Finding(
                "ctr.unhealthy",
                Severity.FAIL,
                f"the health check of {container.name} cannot run: its image has no {command}",
                container.health_output,
                "Docker says that it is unhealthy, whether it works or not, and what waits for it does not start",
                f"in healthcheck.test, use a command that the image has, or install {command} in it",
                subject=container.name,
            )
        elif container.health == "unhealthy":
            yield Finding(
                "ctr.unhealthy",
                Severity.FAIL,
                f"{container.name} is unhealthy",
                container.health_output or "its health check printed nothing",
                "it is running, but does not work",
                f"docker logs --tail 50 {container.name}\ndocker restart {container.name}",
                subject=container.name,
            )


def _missing(output: str) -> str:
    """The command of a failing health check that is missing in the image; "" if the command ran."""
    found = _NO_COMMAND.search(output) or _NO_SHELL_COMMAND.search(output)
    return found[1] if found else ""


def image_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Replicas of one service run different images, and no deploy is running."""
    images: dict[str, list[ContainerFacts]] = defaultdict(list)
    for container in facts.replicas:
        if container.running:
            images[container.image_id].append(container)
    if len(images) > 1 and not facts.under_way:
        yield Finding(
            "ctr.image_skew",
            Severity.WARN,
            f"the replicas of {facts.service} run {len(images)} different images",
            "\n".join(
                f"{replicas[0].image} ({_short(image_id)}): {listing([replica.name for replica in replicas])}"
                for image_id, replicas in images.items()
            ),
            "the answer to a request depends on the replica",
            "videa deploy",
        )


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]


def cpu(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """CPU usage is near the quota."""
    for container in present(facts.containers):
        if container.cpu is not None and container.cpu_limit and container.cpu / container.cpu_limit > limits.cpu:
            yield Finding(
                "ctr.cpu",
                Severity.WARN,
                f"{container.name} uses {share(container.cpu / container.cpu_limit)} of its CPU",
                f"{container.cpu:.2f} of {container.cpu_limit:g} cores",
                "above the quota, the kernel stops it for a part of every 100 ms",
                f"videa scale +1, or raise deploy.resources.limits.cpus of {container.service}"
                if container.service == facts.service
                else f"raise deploy.resources.limits.cpus of {container.service}",
                subject=container.name,
            )


def throttled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The kernel throttles a container because of its CPU quota."""
    for container in present(facts.containers):
        if (container.throttled or 0) > limits.throttled:
            yield Finding(
                "ctr.throttled",
                Severity.WARN,
                f"{container.name} was throttled in {share(container.throttled or 0)} of the CPU periods",
                f"quota {container.cpu_limit or 0:g} cores, used {container.cpu or 0:.2f}",
                "requests wait for the next period: the slowest get slower",
                f"raise deploy.resources.limits.cpus of {container.service}",
                subject=container.name,
            )


_APA = "awesome-prometheus-alerts"
CHECKS = (
    Check(
        "ctr.restart_loop",
        Group.CONTAINERS,
        "> 3 restarts, the last within 15 min F",
        _APA,
        (CONTAINERS,),
        restart_loop,
    ),
    Check("ctr.mem", Group.CONTAINERS, "> 80% W, >= 95% F, no limit I", _APA, (STATS,), mem),
    Check(
        "ctr.unhealthy",
        Group.CONTAINERS,
        "health check fails, or a replica does not answer F",
        "own",
        (CONTAINERS,),
        unhealthy,
    ),
    Check(
        "ctr.image_skew",
        Group.CONTAINERS,
        "more than one image, no deploy running W",
        "own",
        (CONTAINERS,),
        image_skew,
    ),
    Check("ctr.cpu", Group.CONTAINERS, "> 80% of quota W", _APA, (STATS,), cpu),
    Check("ctr.throttled", Group.CONTAINERS, "> 25% of periods W", _APA, (STATS,), throttled),
)
