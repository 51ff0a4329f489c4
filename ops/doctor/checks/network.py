"""Replicas that are not ready, and what they cannot reach: names that do not resolve, services that are unreachable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_services import Reached
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, INSTANCES
from ops.doctor.words import listing

NAMES, WAY, READY = "net.dns", "net.unreachable", "app.not_ready"
SETTLED = 5.0
"""Seconds after a container's start until Docker's DNS certainly knows it."""
RECENT = 60.0
"""Seconds for which an error in a log shows the current state."""


def names(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Names do not resolve in a container, as a test in the container or its log shows."""
    lost = {name: [one.host for one in reached if one.resolves is False] for name, reached in facts.reach.items()}
    lost = {name: hosts for name, hosts in lost.items() if hosts}
    services = {each.name: each.service for each in facts.containers or []}
    # Docker's DNS does not resolve a service that is not running, even briefly between two restarts.
    stopped = set(facts.services) - {each.service for each in facts.containers or [] if _stays(facts, each)}
    told = {name: count for name in facts.logs if name not in facts.reach and (count := _told(facts, name))}
    told = {} if stopped else {name: count for name, count in told.items() if not _absent(facts, name)}
    lost = {name: [host for host in hosts if host not in stopped] for name, hosts in lost.items()}
    lost = {name: hosts for name, hosts in lost.items() if hosts and not _absent(facts, name)}
    affected = [*lost, *told]
    if not affected:
        return
    yield Finding(
        NAMES,
        Severity.FAIL,
        f"names do not resolve in {listing(affected)}",
        "\n".join(
            [f"{name}: no address for {listing(hosts)}" for name, hosts in lost.items()]
            + [f"{name}: its log says so {count} times" for name, count in told.items()]
        ),
        "new connections from there fail, and nginx may lose the replicas",
        "\n".join(
            [
                *(f"docker restart {name}" for name in affected[:4]),
                f"if they do not resolve afterwards: {_recreate(facts, services.get(affected[0], ''))}",
            ]
        ),
        subject=affected[0] if len(affected) == 1 else "",
    )


def _stays(facts: Facts, container: ContainerFacts) -> bool:
    """Whether a container has been running for a while, unlike one in a restart loop."""
    return container.running and facts.taken - container.started > SETTLED


def _recreate(facts: Facts, service: str) -> str:
    return "videa deploy --force" if service == facts.service else f"docker compose up -d --force-recreate {service}"


def _told(facts: Facts, name: str) -> int:
    """How often a running container's log reports that a name does not resolve; 0 if it was not recently."""
    groups = [group for group in facts.logs[name] if group.sign == NAMES and facts.taken - group.last < RECENT]
    return sum(group.count for group in groups) if facts.runs(name) else 0


def _absent(facts: Facts, name: str) -> list[str]:
    """The container's networks in the Compose file to which it is not connected."""
    container = next((each for each in facts.containers or [] if each.name == name), None)
    return _missing(facts, container) if container else []


def _missing(facts: Facts, container: ContainerFacts) -> list[str]:
    declared = (facts.declared or {}).get(container.service)
    if declared is None or container.networks is None or container.oneoff:
        return []
    if declared.config_hash and declared.config_hash != container.config_hash:
        return []  # the file has changed since then, perhaps also the networks
    return [network for network in declared.networks if network not in container.networks]


def unreachable(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A container is not connected to one of its networks, or a replica cannot connect to a running service."""
    for container in present(facts.containers):
        absent = _missing(facts, container) if container.running else []
        if not absent:
            continue
        others = sorted(_on(facts, absent) - {container.service})
        yield Finding(
            WAY,
            Severity.FAIL,
            f"{container.name} cannot reach {listing(others) or 'other services'}: it is not on {listing(absent)}",
            f"its networks: {listing(container.networks or []) or 'none'}",
            "the Compose file connects it, so somebody has disconnected it",
            "\n".join(
                f"docker network connect --alias {container.service} {network} {container.name}" for network in absent
            ),
            subject=container.name,
        )
    running = {each.service for each in present(facts.containers) if each.running}
    closed = {
        name: [one for one in reached if one.resolves and one.connects is False and one.host in running]
        for name, reached in facts.reach.items()
        if not _absent(facts, name)
    }
    common = _common(closed, [replica.name for replica in facts.replicas if replica.running])
    for name, blocked in closed.items():
        if own := [one for one in blocked if one.host not in common]:
            services = [one.host for one in own]
            yield Finding(
                WAY,
                Severity.FAIL,
                f"{name} cannot connect to {listing(services)}",
                "\n".join(_refused(own)),
                "whatever it needs of them fails",
                f"docker restart {name}\nif it cannot connect afterwards, find the firewall's rule:"
                f" sudo iptables-save | grep -e DROP -e REJECT\nor see whether it listens: docker compose logs --tail"
                f" 50 {services[0]}",
                subject=name,
            )
    for service in sorted(common):
        yield Finding(
            WAY,
            Severity.FAIL,
            f"no replica can connect to {service}, which runs",
            "\n".join(dict.fromkeys(_refused(one for each in closed.values() for one in each if one.host == service))),
            "whatever they need of it fails",
            f"docker compose restart {service}\nif they cannot connect afterwards, see on which address it listens:"
            f" docker compose logs --tail 50 {service}\nor find the firewall's rule:"
            " sudo iptables-save | grep -e DROP -e REJECT",
        )


def _common(closed: Mapping[str, list[Reached]], replicas: list[str]) -> set[str]:
    """The services to which none of several replicas can connect: the service is at fault, not the replicas."""
    blocked = [{one.host for one in closed.get(name, [])} for name in replicas]
    return set.intersection(*blocked) if len(blocked) > 1 else set()


def _refused(blocked: Iterable[Reached]) -> Iterator[str]:
    return (f"{one.host} resolves, port {one.port} accepts no connection from it" for one in blocked)


def _on(facts: Facts, networks: list[str]) -> set[str]:
    return {name for name, each in (facts.declared or {}).items() if set(each.networks) & set(networks)}


def not_ready(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replica answers, but reports that it is not ready."""
    if facts.under_way:
        return
    settled = {
        replica.name
        for replica in facts.replicas
        if replica.health != "starting" and facts.taken - replica.started > limits.start_time
    }
    for instance in present(facts.instances):
        if instance.name not in settled or not instance.answers or instance.is_ready:
            continue
        yield Finding(
            READY,
            Severity.FAIL,
            f"{instance.name} is not ready",
            instance.reason or instance.error or "it does not say why",
            "nginx sends it requests until the agent, or you, remove it from the balancer",
            f"docker logs --tail 50 {instance.name}\ndocker restart {instance.name}",
            subject=instance.name,
        )


CHECKS = (
    Check(NAMES, Group.CONTAINERS, "a name does not resolve F", "own", (CONTAINERS,), names),
    Check(WAY, Group.CONTAINERS, "not on its network, or no connection F", "own", (CONTAINERS,), unreachable),
    Check(READY, Group.APP, "answers, but is not ready F", "own", (INSTANCES,), not_ready),
)
