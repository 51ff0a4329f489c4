"""Fewer replicas than requested, and containers that are no longer needed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, DECLARED
from ops.doctor.words import span

_ENDED = ("created", "exited", "dead")


class Missing(Struct, frozen=True):
    """Missing replicas. ``asked``: requested number; ``running``: actual number; ``stopped``: containers to restart."""

    asked: int
    running: int
    stopped: list[ContainerFacts]

    @property
    def count(self) -> int:
        return self.asked - self.running


def missing(facts: Facts, service: str) -> Missing | None:
    """How many replicas of a service are missing; None if enough are running or if it is unknown.

    The last operation determines how many there should be, unless somebody has scaled with Compose since then: the
    number then matches the Compose file, and there are no stopped containers.
    """
    declared = (facts.declared or {}).get(service)
    if declared is None or not declared.scaled:
        return None
    replicas = facts.replicas_of(service)
    running = [replica for replica in replicas if replica.state in ("running", "restarting")]
    stopped = [replica for replica in replicas if replica.state in (*_ENDED, "paused")]
    asked = declared.replicas if declared.recorded is None else declared.recorded
    if len(running) >= asked and stopped:
        asked = declared.replicas
    if len(running) >= asked or (not stopped and len(running) == declared.replicas):
        return None
    return Missing(asked, len(running), _best(stopped, running)[: asked - len(running)])


def _best(stopped: list[ContainerFacts], running: list[ContainerFacts]) -> list[ContainerFacts]:
    """The containers in the order in which to start them: paused, then of the running release, then the newest."""
    releases = {replica.release for replica in running}
    return sorted(
        stopped,
        key=lambda replica: (replica.state != "paused", bool(releases - {replica.release}), -replica.created),
    )


def revive(container: ContainerFacts) -> str:
    """The command that makes a container run again."""
    return f"docker {'unpause' if container.state == 'paused' else 'start'} {container.name}"


def ended(container: ContainerFacts, now: float) -> str:
    """Why and since when a container is not running."""
    if container.error:
        return f"{container.name}: {container.error}"
    if container.state != "exited":
        return f"{container.name}: {container.state}"
    why = ", killed: out of memory" if container.oom_killed else ""
    ago = f", {span(max(0.0, now - container.finished))} ago" if container.finished else ""
    return f"{container.name}: exited with code {container.exit_code}{why}{ago}"


def too_few(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Fewer replicas are running than the last operation or the Compose file requests."""
    for service, declared in present(facts.declared).items():
        gap = missing(facts, service)
        if gap is None or facts.under_way:
            continue
        name = service if sum(1 for each in present(facts.declared).values() if each.scaled) > 1 else ""
        scale = f"videa scale {f'{name}=' if name else ''}{gap.asked}"
        listed = facts.balancer.listed if facts.balancer else None
        enough = len(gap.stopped) == gap.count
        # A replica that nginx no longer lists would run without getting requests.
        quick = enough and all(listed is None or replica.name in listed for replica in gap.stopped)
        # A scale starts exited replicas and returns answering ones to nginx; paused ones stay paused.
        paused = [replica for replica in gap.stopped if replica.state == "paused"]
        source = "the last operation" if declared.recorded is not None else "the Compose file"
        yield Finding(
            "deploy.replicas",
            Severity.WARN if gap.running else Severity.FAIL,
            f"{gap.running} of {gap.asked} replicas of {service} run",
            "\n".join([f"{source} asked for {gap.asked}", *(ended(each, facts.taken) for each in gap.stopped[:5])])
            + ("" if enough else f"\n{gap.count - len(gap.stopped)} without a container: removed by hand"),
            "the others carry its load, and one more that fails is missed by users",
            "\n".join(map(revive, gap.stopped)) if quick else "\n".join([*map(revive, paused), scale]),
            subject=gap.stopped[0].name if len(gap.stopped) == 1 else "",
        )


def orphan(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Unused containers: of services that no longer exist, or stopped replicas beyond the requested number."""
    services = set(facts.services)
    gaps = [missing(facts, service) for service in facts.declared or {}]
    scaled = {facts.service, *(name for name, each in (facts.declared or {}).items() if each.scaled)}
    needed = {replica.name for gap in gaps if gap for replica in gap.stopped}
    for container in present(facts.containers):
        if container.oneoff or container.name in needed:
            continue
        if container.service not in services:
            reason = f"the Compose file has no service {container.service}"
        elif container.service in scaled and container.state in _ENDED and not facts.under_way:
            if facts.declared is None:  # it may be one of the missing replicas
                continue
            reason = f"state {container.state}, exit code {container.exit_code}, and enough replicas run"
        else:
            continue
        yield Finding(
            "ctr.orphan",
            Severity.WARN,
            f"{container.name} is left over",
            reason,
            "it uses disk space and a name, and may be started by accident",
            f"docker rm -f {container.name}",
            subject=container.name,
        )


CHECKS = (
    Check(
        "deploy.replicas", Group.CONTAINERS, "fewer than asked for W, none F", "own", (CONTAINERS, DECLARED), too_few
    ),
    Check("ctr.orphan", Group.CONTAINERS, "left over W", "own", (CONTAINERS,), orphan),
)
