"""Asks every source at the same time, each with its own deadline, and makes one tree of the answers.

A source that fails or hangs is ``skipped`` with its reason; it never holds up or hides the others.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import msgspec

from ops.contract import DATABASE, METRICS, OVERALL, REDIS
from ops.doctor import sources
from ops.doctor.collectors import outside
from ops.doctor.collectors.balancer import balancer_facts
from ops.doctor.collectors.containers import container_facts, with_usage
from ops.doctor.collectors.fleet import fleet_beats
from ops.doctor.collectors.instances import instance_facts
from ops.doctor.collectors.machine import engine_facts, host_facts
from ops.doctor.collectors.operation import operation_facts
from ops.doctor.collectors.postgres import postgres_facts
from ops.doctor.collectors.proof import consistency_proof
from ops.doctor.collectors.redis import redis_node
from ops.doctor.collectors.services import locate
from ops.doctor.collectors.traffic import traffic_facts
from ops.doctor.facts import ContainerFacts, EngineFacts, Facts, Proof, Skipped
from ops.doctor.facts_data import PostgresFacts, RedisFacts, RedisNode
from ops.doctor.skip import reason_of, trace_of
from ops.errors import VideaError
from ops.platform.ports import Platform
from ops.project.config import Project
from ops.project.settings import Sticky
from ops.stack import Stack

DEADLINE = 6.0
"""Seconds, from when the last source was begun, after which those that do not answer are left behind; each has shorter
time-outs of its own."""

PROOF_DEADLINE = 60.0

STAGGER = 0.2
"""Seconds between the starts of two sources. The engine takes about 0.1 s of CPU to begin a command in a container;
five at once would hold both cores of a small machine for a moment, which clients feel."""

Collector: TypeAlias = Callable[[], Any]


def collect(
    project: Project,
    connect: Callable[[], Stack],
    deadline: float = DEADLINE,
    prove: bool = False,
    only: Collection[str] = (),
) -> Facts:
    """Everything that can be found out about the project now. ``deadline``: seconds, from the last source on.

    ``only``: these sources, and the engine and its containers, instead of all. With ``prove`` tokens are minted and
    replayed, which takes longer (see ``collectors.proof``).

    ``connect`` gives the running project; its failure is a fact too, not an error.
    """
    base = Facts(
        taken=time.time(),
        project=project.name,
        service=project.settings.service,
        services=sorted(project.model["services"]),
        balancer_service=project.settings.balancer,
    )
    try:
        stack = connect()
        platform = stack.platform
        described = engine_facts(platform)
        key = secrets.token_bytes(16)
        found = [container_facts(container, details, key) for container, details in platform.details()]
    except VideaError as error:
        missing = (sources.ENGINE, sources.HOST, sources.CONTAINERS, sources.STATS)
        others = (sources.POSTGRES, sources.REDIS, sources.BALANCER, sources.TRAFFIC, sources.INSTANCES, sources.FLEET)
        return msgspec.structs.replace(
            base, skipped=[Skipped(name, error.message) for name in (*missing, *others, sources.OPERATION)]
        )
    collectors = _collectors(stack, described, found)
    if only:
        collectors = {name: collector for name, collector in collectors.items() if name in only}
    if prove:
        collectors["proof"] = lambda: _proof(project, platform, found)
        deadline = max(deadline, PROOF_DEADLINE)
    answers, skipped, seconds = run_all(collectors, deadline)
    sampled = answers.pop(sources.STATS, None)
    return msgspec.structs.replace(
        base, engine=described, containers=sampled or found, skipped=skipped, seconds=seconds, **answers
    )


def run_all(
    collectors: dict[str, Collector], deadline: float
) -> tuple[dict[str, Any], list[Skipped], dict[str, float]]:
    """Runs the collectors in parallel, begun in their order: (answers, what was skipped and why, seconds each took).

    One that is not done at the deadline is abandoned: its thread is a daemon and ends with its own time-out.
    """
    done: queue.SimpleQueue[tuple[str, Any, Exception | None, float]] = queue.SimpleQueue()

    def work(name: str, collector: Collector) -> None:
        began = time.monotonic()
        try:
            done.put((name, collector(), None, time.monotonic() - began))
        except Exception as error:  # a bug is a reason, too: it must not look like a source that hangs
            done.put((name, None, error, time.monotonic() - began))

    for number, (name, collector) in enumerate(collectors.items()):
        if number:
            time.sleep(STAGGER)
        threading.Thread(target=work, args=(name, collector), name=f"doctor-{name}", daemon=True).start()
    started = time.monotonic()
    answers: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    skipped: list[Skipped] = []
    waiting = set(collectors)
    while waiting:
        try:
            name, answer, error, took = done.get(timeout=max(0.0, started + deadline - time.monotonic()))
        except queue.Empty:
            break
        waiting.discard(name)
        seconds[name] = round(took, 3)
        if error is None:
            answers[name] = answer
        else:
            skipped.append(Skipped(name, reason_of(error), trace_of(error)))
    skipped.extend(Skipped(name, f"no answer within {deadline:g} s") for name in sorted(waiting))
    return answers, skipped, seconds


def _collectors(stack: Stack, described: EngineFacts, found: list[ContainerFacts]) -> dict[str, Collector]:
    project, platform, settings = stack.project, stack.platform, stack.project.settings
    nginx = container_of(found, settings.balancer)
    replicas = [one for one in found if one.service == settings.service and not one.oneoff]
    sticky = settings.sticky is not Sticky.NONE
    health = (project.live_path, settings.health.ready, OVERALL, METRICS)
    # Those that take long first, and the two that send requests, the instances and the balancer, apart from each other.
    return {
        sources.INSTANCES: lambda: instance_facts(platform, project, nginx, replicas),
        sources.STATS: lambda: with_usage(found, platform),
        sources.POSTGRES: lambda: _postgres(project, platform, found),
        sources.REDIS: lambda: _redis(project, platform, found),
        sources.BALANCER: lambda: balancer_facts(
            platform,
            nginx,
            replicas,
            sticky,
            project.live_path,
            lambda membership: stack.upstream(membership.servers),
            lambda: stack.unreachable() if stack.on_the_host else None,
        ),
        sources.FLEET: lambda: fleet_beats(platform, container_of(found, locate(project, REDIS).service)),
        sources.TRAFFIC: lambda: traffic_facts(platform, nginx, health),
        sources.OPERATION: lambda: operation_facts(stack.store, project.name),
        sources.HOST: lambda: host_facts(described),
    }


def _postgres(project: Project, platform: Platform, found: list[ContainerFacts]) -> PostgresFacts:
    place = locate(project, DATABASE)
    if not place.services:
        return outside.postgres_facts(platform, ",".join(place.hosts), _running_replica(project, found))
    service = place.service
    container = container_of(found, service)
    if container is None or not container.running:
        return PostgresFacts(service, container.name if container else "", up=False, error=_why_not(container))
    return postgres_facts(platform, service, container.name)


def _redis(project: Project, platform: Platform, found: list[ContainerFacts]) -> RedisFacts:
    place = locate(project, REDIS)
    if not place.services:
        return RedisFacts(outside.redis_nodes(platform, place.hosts, _running_replica(project, found)))
    with ThreadPoolExecutor(len(place.services)) as pool:
        nodes = pool.map(lambda name: _redis_node(platform, name, container_of(found, name)), place.services)
        return RedisFacts(list(nodes))


def _redis_node(platform: Platform, service: str, container: ContainerFacts | None) -> RedisNode:
    if container is None or not container.running:
        return RedisNode(service, container.name if container else "", up=False, error=_why_not(container))
    return redis_node(platform, service, container.name)


def _running_replica(project: Project, found: list[ContainerFacts]) -> ContainerFacts | None:
    replica = container_of(found, project.settings.service)
    return replica if replica and replica.running else None


def _proof(project: Project, platform: Platform, found: list[ContainerFacts]) -> Proof:
    settings = project.settings
    replicas = [one for one in found if one.service == settings.service and not one.oneoff]
    return consistency_proof(platform, container_of(found, settings.balancer), replicas, settings.port)


def container_of(found: list[ContainerFacts], service: str) -> ContainerFacts | None:
    """The container of a service that has one: Compose's own, and a running one, before others.

    What was started by hand from an image that Compose has built carries its labels too, but no number.
    """
    mine = [one for one in found if one.service == service and not one.oneoff]
    return max(mine, key=lambda one: (one.number > 0, one.running), default=None)


def _why_not(container: ContainerFacts | None) -> str:
    return f"container {container.state}, exit code {container.exit_code}" if container else "it has no container"
