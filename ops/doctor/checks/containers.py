"""Containers: do they live, and within their limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import ContainerFacts, Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, STATS
from ops.doctor.words import listing, share, size


def restart_loop(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A container that ends and is started again and again."""
    looping = [
        one
        for one in present(facts.containers)
        if one.restarts > limits.restarts
        and (one.state == "restarting" or facts.taken - one.started < limits.restart_window)
    ]
    for one in looping:
        yield Finding(
            "ctr.restart_loop",
            Severity.FAIL,
            f"{one.name} is being restarted again and again",
            f"{one.restarts} restarts, last exit code {one.exit_code}, state {one.state}",
            "it never serves for long, and each start costs the machine",
            f"docker logs --tail 50 {one.name}",
            subject=one.name,
        )


def oom(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The kernel killed a container for its memory."""
    killed = [one for one in present(facts.containers) if one.oom_killed]
    for one in killed:
        limit = size(one.memory_limit) if one.memory_limit else "the machine's memory"
        yield Finding(
            "ctr.oom",
            Severity.FAIL,
            f"{one.name} was killed for its memory",
            f"limit {limit}, exit code {one.exit_code}, {one.restarts} restarts",
            "every request that it was serving was cut",
            f"raise deploy.resources.limits.memory of {one.service}, and look for a leak: videa doctor --only app.leak",
            subject=one.name,
        )


def mem(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The working set near the limit of memory."""
    unlimited: list[str] = []
    for one in present(facts.containers):
        if one.memory is None or not one.running:
            continue
        if not one.memory_limit:
            unlimited.append(one.name)
            continue
        used = one.memory / one.memory_limit
        if used > limits.memory_warn:
            yield Finding(
                "ctr.mem",
                Severity.FAIL if used >= limits.memory_fail else Severity.WARN,
                f"{one.name} uses {share(used)} of its memory limit",
                f"{size(one.memory)} of {size(one.memory_limit)} (page cache left out)",
                "at the limit the kernel kills it",
                f"raise deploy.resources.limits.memory of {one.service}, or find what grows",
                subject=one.name,
            )
    if unlimited:
        yield Finding(
            "ctr.mem",
            Severity.INFO,
            f"{listing(unlimited)}: no memory limit",
            "nothing keeps them from taking all memory of the machine",
            "one that leaks takes the others down with it",
            "set deploy.resources.limits.memory in the Compose file",
        )


def unhealthy(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Docker's own health check fails, or a replica hangs and Docker has not noticed yet."""
    silent = {one.name: one.error for one in facts.instances or [] if one.live is None}
    for one in present(facts.containers):
        if not one.running:
            continue
        grown_up = one.health != "starting" and facts.taken - one.started > limits.start_time
        if one.health != "unhealthy" and one.name in silent and grown_up:
            yield Finding(
                "ctr.unhealthy",
                Severity.FAIL,
                f"{one.name} runs, but does not answer",
                f"asked directly whether it is alive: {silent[one.name]} (Docker's health check: {one.health})",
                "requests that reach it wait until nginx gives up on it",
                f"docker logs --tail 50 {one.name}\ndocker restart {one.name}",
                subject=one.name,
            )
        elif one.health == "unhealthy":
            yield Finding(
                "ctr.unhealthy",
                Severity.FAIL,
                f"{one.name} is unhealthy",
                one.health_output or "its health check printed nothing",
                "it does not do its work, though it runs",
                f"docker logs --tail 50 {one.name}\ndocker restart {one.name}",
                subject=one.name,
            )


def image_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Replicas of one service run different images, and no deploy is under way."""
    images: dict[str, list[ContainerFacts]] = defaultdict(list)
    for one in facts.replicas:
        if one.running:
            images[one.image_id].append(one)
    if len(images) > 1 and not facts.under_way:
        yield Finding(
            "ctr.image_skew",
            Severity.WARN,
            f"the replicas of {facts.service} run {len(images)} different images",
            "\n".join(
                f"{some[0].image} ({image.removeprefix('sha256:')[:12]}): {listing([one.name for one in some])}"
                for image, some in images.items()
            ),
            "the same request gets different answers, depending on the replica",
            "videa deploy",
        )


def orphan(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Containers that nothing uses: of services that are gone, or replicas that stand still."""
    services = set(facts.services)
    for one in present(facts.containers):
        if one.oneoff:
            continue
        if one.service not in services:
            reason = f"the Compose file has no service {one.service}"
        elif one.service == facts.service and one.state in ("created", "exited", "dead") and not facts.under_way:
            reason = f"state {one.state}, exit code {one.exit_code}"
        else:
            continue
        yield Finding(
            "ctr.orphan",
            Severity.WARN,
            f"{one.name} is left over",
            reason,
            "it takes disk and a name, and may be started by accident",
            f"docker rm -f {one.name}",
            subject=one.name,
        )


def cpu(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Near the CPU that it may use."""
    for one in present(facts.containers):
        if one.cpu is not None and one.cpu_limit and one.cpu / one.cpu_limit > limits.cpu:
            yield Finding(
                "ctr.cpu",
                Severity.WARN,
                f"{one.name} uses {share(one.cpu / one.cpu_limit)} of its CPU",
                f"{one.cpu:.2f} of {one.cpu_limit:g} cores",
                "beyond the quota it is stopped for parts of every tenth of a second",
                f"videa scale +1, or raise deploy.resources.limits.cpus of {one.service}"
                if one.service == facts.service
                else f"raise deploy.resources.limits.cpus of {one.service}",
                subject=one.name,
            )


def throttled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Held back by the kernel for its quota."""
    for one in present(facts.containers):
        if (one.throttled or 0) > limits.throttled:
            yield Finding(
                "ctr.throttled",
                Severity.WARN,
                f"{one.name} was held back in {share(one.throttled or 0)} of the CPU periods",
                f"quota {one.cpu_limit or 0:g} cores, used {one.cpu or 0:.2f}",
                "requests wait for the next period: the slowest become slower",
                f"raise deploy.resources.limits.cpus of {one.service}",
                subject=one.name,
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
    Check("ctr.oom", Group.CONTAINERS, "killed for memory F", "own", (CONTAINERS,), oom),
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
        "more than one image, no deploy under way W",
        "own",
        (CONTAINERS,),
        image_skew,
    ),
    Check("ctr.orphan", Group.CONTAINERS, "left over W", "own", (CONTAINERS,), orphan),
    Check("ctr.cpu", Group.CONTAINERS, "> 80% of quota W", _APA, (STATS,), cpu),
    Check("ctr.throttled", Group.CONTAINERS, "> 25% of periods W", _APA, (STATS,), throttled),
)
