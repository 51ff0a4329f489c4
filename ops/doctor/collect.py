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

from ops.config import Project
from ops.doctor import sources
from ops.doctor.collectors import outside, services
from ops.doctor.collectors.balancer import NginxNotAsked, balancer_facts
from ops.doctor.collectors.containers import container_facts, with_usage
from ops.doctor.collectors.fleet import NoHeartbeats, fleet_beats
from ops.doctor.collectors.instances import ReplicasNotAsked, instance_facts
from ops.doctor.collectors.machine import NotThisMachine, engine_facts, host_facts
from ops.doctor.collectors.operation import operation_facts
from ops.doctor.collectors.postgres import PsqlMissing, postgres_facts
from ops.doctor.collectors.proof import NotProven, consistency_proof
from ops.doctor.collectors.redis import RedisNotAsked, redis_node
from ops.doctor.collectors.traffic import NoTraffic, traffic_facts
from ops.doctor.facts import ContainerFacts, EngineFacts, Facts, Proof, Skipped
from ops.doctor.facts_data import PostgresFacts, RedisFacts, RedisNode
from ops.engine.client import Engine
from ops.engine.inspection import inspect_project
from ops.errors import VideaError
from ops.settings import Sticky

DEADLINE = 6.0
"""Seconds, from when the last source was begun, after which those that do not answer are left behind; each has shorter
time-outs of its own."""

PROOF_DEADLINE = 60.0

STAGGER = 0.2
"""Seconds between the starts of two sources. The engine takes about 0.1 s of CPU to begin a command in a container;
five at once would hold both cores of a small machine for a moment, which clients feel."""

Collector: TypeAlias = Callable[[], Any]

_EXPECTED = (
    VideaError,
    NginxNotAsked,
    NoHeartbeats,
    NoTraffic,
    NotProven,
    NotThisMachine,
    PsqlMissing,
    RedisNotAsked,
    outside.NotAskedFromHere,
    ReplicasNotAsked,
    services.NotInProject,
    msgspec.MsgspecError,
    OSError,
)


def collect(
    project: Project,
    connect: Callable[[], Engine],
    deadline: float = DEADLINE,
    prove: bool = False,
    only: Collection[str] = (),
) -> Facts:
    """Everything that can be found out about the project now. ``deadline``: seconds, from the last source on.

    ``only``: these sources, and the engine and its containers, instead of all. With ``prove`` tokens are minted and
    replayed, which takes longer (see ``collectors.proof``).

    ``connect`` gives the engine; its failure is a fact too, not an error.
    """
    base = Facts(
        taken=time.time(),
        project=project.name,
        service=project.settings.service,
        services=sorted(project.model["services"]),
        balancer_service=project.settings.balancer,
    )
    try:
        engine = connect()
        described = engine_facts(engine)
        key = secrets.token_bytes(16)
        found = [container_facts(details, key) for details in inspect_project(engine, project.name)]
    except VideaError as error:
        missing = (sources.ENGINE, sources.HOST, sources.CONTAINERS, sources.STATS)
        others = (sources.POSTGRES, sources.REDIS, sources.BALANCER, sources.TRAFFIC, sources.INSTANCES, sources.FLEET)
        return msgspec.structs.replace(
            base, skipped=[Skipped(name, error.message) for name in (*missing, *others, sources.OPERATION)]
        )
    collectors = _collectors(project, engine, described, found)
    if only:
        collectors = {name: collector for name, collector in collectors.items() if name in only}
    if prove:
        collectors["proof"] = lambda: _proof(project, engine, found)
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
    done: queue.SimpleQueue[tuple[str, Any, BaseException | None, float]] = queue.SimpleQueue()

    def work(name: str, collector: Collector) -> None:
        began = time.monotonic()
        try:
            done.put((name, collector(), None, time.monotonic() - began))
        except _EXPECTED as error:
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
            skipped.append(Skipped(name, error.message if isinstance(error, VideaError) else str(error)))
    skipped.extend(Skipped(name, f"no answer within {deadline:g} s") for name in sorted(waiting))
    return answers, skipped, seconds


def _collectors(
    project: Project, engine: Engine, described: EngineFacts, found: list[ContainerFacts]
) -> dict[str, Collector]:
    settings = project.settings
    nginx = container_of(found, settings.balancer)
    replicas = [one for one in found if one.service == settings.service and not one.oneoff]
    sticky = settings.sticky is not Sticky.NONE
    # Those that take long first, and the two that send requests, the instances and the balancer, apart from each other.
    return {
        sources.INSTANCES: lambda: instance_facts(engine, project, nginx, replicas),
        sources.STATS: lambda: with_usage(found, engine),
        sources.POSTGRES: lambda: _postgres(project, engine, found),
        sources.REDIS: lambda: _redis(project, engine, found),
        sources.BALANCER: lambda: balancer_facts(engine, nginx, replicas, sticky),
        sources.FLEET: lambda: fleet_beats(engine, container_of(found, services.find_service(project, services.REDIS))),
        sources.TRAFFIC: lambda: traffic_facts(engine, nginx),
        sources.OPERATION: lambda: operation_facts(engine, project.name),
        sources.HOST: lambda: host_facts(described),
    }


def _postgres(project: Project, engine: Engine, found: list[ContainerFacts]) -> PostgresFacts:
    try:
        service = services.find_service(project, services.DATABASE)
    except services.Outside as place:
        return outside.postgres_facts(engine, ",".join(place.hosts), _running_replica(project, found))
    container = container_of(found, service)
    if container is None or not container.running:
        return PostgresFacts(service, container.name if container else "", up=False, error=_why_not(container))
    return postgres_facts(engine, service, container.name)


def _redis(project: Project, engine: Engine, found: list[ContainerFacts]) -> RedisFacts:
    try:
        names = services.find_services(project, services.REDIS)
    except services.Outside as place:
        return RedisFacts(outside.redis_nodes(engine, place.hosts, _running_replica(project, found)))
    with ThreadPoolExecutor(len(names)) as pool:
        return RedisFacts(list(pool.map(lambda name: _redis_node(engine, name, container_of(found, name)), names)))


def _redis_node(engine: Engine, service: str, container: ContainerFacts | None) -> RedisNode:
    if container is None or not container.running:
        return RedisNode(service, container.name if container else "", up=False, error=_why_not(container))
    return redis_node(engine, service, container.name)


def _running_replica(project: Project, found: list[ContainerFacts]) -> ContainerFacts | None:
    replica = container_of(found, project.settings.service)
    return replica if replica and replica.running else None


def _proof(project: Project, engine: Engine, found: list[ContainerFacts]) -> Proof:
    settings = project.settings
    replicas = [one for one in found if one.service == settings.service and not one.oneoff]
    return consistency_proof(engine, container_of(found, settings.balancer), replicas, settings.port)


def container_of(found: list[ContainerFacts], service: str) -> ContainerFacts | None:
    """The container of a service that has one: Compose's own, and a running one, before others.

    What was started by hand from an image that Compose has built carries its labels too, but no number.
    """
    mine = [one for one in found if one.service == service and not one.oneoff]
    return max(mine, key=lambda one: (one.number > 0, one.running), default=None)


def _why_not(container: ContainerFacts | None) -> str:
    return f"container {container.state}, exit code {container.exit_code}" if container else "it has no container"
