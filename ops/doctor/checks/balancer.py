"""nginx: whether traffic reaches every replica that can serve, and only those."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.balancer.drift import in_words
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.replicas import revive
from ops.doctor.facts import Facts
from ops.doctor.facts_balancer import BalancerFacts
from ops.doctor.facts_replicas import InstanceFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER, BALANCER_REACH, BALANCER_UP, CONTAINERS, INSTANCES, PUBLISHED
from ops.doctor.words import listing, recovery

SHOWN = 6
"""Maximum differing lines of the configuration in a finding."""


def config(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The active configuration differs from the one on disk, or from the one that the replicas need."""
    balancer = present(facts.balancer)
    if not balancer.accepted:
        yield Finding(
            "lb.config",
            Severity.FAIL,
            "nginx refuses the configuration on disk",
            balancer.refusal,
            "it keeps the old one until its next start, which then uses the default or fails",
            "videa doctor --fix --apply rewrites it from the running replicas",
        )
    elif balancer.generation and balancer.serving and balancer.generation != balancer.serving:
        yield Finding(
            "lb.config",
            Severity.FAIL,
            "nginx runs a different configuration than the one on disk",
            f"serving generation {balancer.serving}, on disk {balancer.generation}",
            "added replicas get no traffic, removed ones still do",
            f"docker compose kill -s HUP {facts.balancer_service}",
        )
    elif missing := _missing(facts, balancer):
        yield Finding(
            "lb.config",
            Severity.FAIL,
            f"{listing(missing)} not in the balancer's configuration",
            f"listed: {listing(balancer.listed or []) or 'nothing'}",
            "a ready replica uses memory and serves nothing",
            "videa doctor --fix --apply rewrites the configuration",
        )
    elif balancer.drift and not facts.under_way:
        yield Finding(
            "lb.config",
            Severity.FAIL,
            "the balancer's configuration differs from what videa would write",
            "\n".join(in_words(balancer.drift, SHOWN)),
            "it was changed by hand, which the next scale or deploy undoes, or x-videa has changed",
            "videa doctor --fix --apply rewrites it; to keep the change, set it in x-videa",
        )


def _missing(facts: Facts, balancer: BalancerFacts) -> list[str]:
    if balancer.listed is None or facts.instances is None or facts.under_way:
        return []
    return [instance.name for instance in facts.instances if instance.is_ready and instance.name not in balancer.listed]


def no_live(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No replica answers through nginx, or nginx itself is not running."""
    balancer = present(facts.balancer)
    if not balancer.running:
        # If nginx has no container yet, an adopted service may still publish the port: only `videa up` moves it.
        service, paused = facts.balancer_service, facts.paused([balancer.container])
        yield Finding(
            "lb.no_live",
            Severity.FAIL,
            f"nginx ({service}) is not running",
            balancer.refusal or "its container is not running",
            "all traffic goes through it: nothing is served",
            recovery([service], False, outside=False, paused=paused) if balancer.container else "videa up",
        )
    elif balancer.probes and not balancer.answers:
        failures = ", ".join(f"{count} x {status}" for status, count in balancer.failures.items())
        hangs = not balancer.serving
        yield Finding(
            "lb.no_live",
            Severity.FAIL,
            "nginx is running, but does not answer" if hangs else "no replica answers through nginx",
            f"{balancer.probes} probes: {failures or 'no answer'}",
            "every request fails",
            f"docker compose restart {facts.balancer_service}"
            if hangs
            else f"docker compose logs --tail 50 {facts.service}\nvidea status",
        )


def unreachable(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """nginx is running, but clients cannot reach it: the path from the host's port to its container is broken."""
    reason = present(facts.balancer).unreachable
    if reason:
        yield Finding(
            "lb.unreachable",
            Severity.FAIL,
            "nothing answers at the published port",
            reason,
            "no client reaches the service, even if the replicas are healthy",
            f"docker compose restart {facts.balancer_service}\n"
            "if nothing answers afterwards, find the firewall rule and delete it:"
            " sudo iptables-save | grep -e DROP -e REJECT",
        )


def starved(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replica that passes its readiness probe gets no traffic."""
    balancer = present(facts.balancer)
    if not balancer.answers or balancer.sticky:
        return
    # In bundles of older versions, ``answers`` has the instances' own names.
    idle = [instance for instance in _ready(facts) if not {instance.name, instance.instance} & balancer.answers.keys()]
    if idle:
        names = {instance.instance: instance.name for instance in facts.instances or []}
        answered = ", ".join(
            f"{names.get(replica, replica)}: {count}" for replica, count in sorted(balancer.answers.items())
        )
        yield Finding(
            "lb.starved",
            Severity.FAIL,
            f"{listing([instance.name for instance in idle])} ready, but gets no traffic",
            f"0 of {balancer.probes} probes through nginx; {answered}",
            "the other replicas carry its load",
            "videa doctor --fix --apply rewrites the balancer's configuration",
        )


def _ready(facts: Facts) -> list[InstanceFacts]:
    return [instance for instance in facts.instances or [] if instance.is_ready]


def stale(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The upstream lists a replica that does not exist or is not running."""
    balancer = present(facts.balancer)
    replicas = {container.name: container for container in facts.containers or []}
    states = {name: container.state for name, container in replicas.items()}
    gone = [name for name in balancer.listed or [] if states.get(name) != "running"]
    if gone:
        yield Finding(
            "lb.stale",
            Severity.FAIL,
            f"the balancer lists {listing(gone)}, which {'are' if len(gone) > 1 else 'is'} not running",
            "\n".join(f"{name}: {states.get(name, 'no such container')}" for name in gone[:5]),
            "requests to it wait for a connection before nginx tries another replica",
            "\nor ".join(
                [
                    *(revive(replicas[name]) for name in gone if name in replicas),
                    "remove it from the balancer: videa doctor --fix --apply",
                ]
            ),
            subject=gone[0],
        )


def version(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The version of nginx aborts requests on a reload."""
    balancer = present(facts.balancer)
    numbers = tuple(int(part) for part in re.findall(r"\d+", balancer.version)[:2])
    if numbers and numbers < limits.nginx_minimum:
        least = ".".join(str(part) for part in limits.nginx_minimum)
        yield Finding(
            "lb.version",
            Severity.FAIL,
            f"nginx {balancer.version} is too old for clean reloads",
            f"version {balancer.version}, required {least} (keepalive_min_timeout)",
            "each scale or deploy cuts requests on keep-alive connections",
            f"build the balancer's image from nginx {least} or newer",
        )


def maintenance(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The site is closed for maintenance, perhaps by mistake."""
    allowed = present(facts.balancer).maintenance
    if allowed is not None:
        yield Finding(
            "lb.maintenance",
            Severity.WARN,
            "the site is closed for maintenance",
            f"allowed: {listing(allowed) or 'nobody'}",
            "all other clients get 503, except at the health paths",
            "videa maintenance off",
        )


def own_files(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """nginx rejects files that the project mounts at /etc/nginx/own."""
    if refused := present(facts.balancer).own_refused:
        yield Finding(
            "lb.own_files",
            Severity.WARN,
            "nginx leaves out own files of the project",
            "\n".join(refused),
            "their locations are not served; everything else is",
            "correct them, then: videa up",
        )


CHECKS = (
    Check("lb.config", Group.BALANCER, "running differs from wanted F", "own", (BALANCER_UP,), config),
    Check("lb.no_live", Group.BALANCER, "no answer through nginx F", "own", (BALANCER,), no_live),
    Check("lb.unreachable", Group.BALANCER, "published port does not answer F", "own", (PUBLISHED,), unreachable),
    Check("lb.starved", Group.BALANCER, "ready, 0 of N probes F", "own", (BALANCER_REACH, INSTANCES), starved),
    Check("lb.stale", Group.BALANCER, "listed, not running F", "own", (BALANCER_UP, CONTAINERS), stale),
    Check("lb.own_files", Group.BALANCER, "own file refused W", "own", (BALANCER_UP,), own_files),
    Check("lb.maintenance", Group.BALANCER, "closed W", "own", (BALANCER_UP,), maintenance),
    Check("lb.version", Group.BALANCER, "older than 1.28 F", "own", (BALANCER_UP,), version),
)
