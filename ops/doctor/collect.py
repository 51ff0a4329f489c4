"""Queries all sources at the same time, each with its own deadline, and combines the answers into one tree.

A source that fails or hangs is ``skipped`` with its reason; it does not delay or hide the others.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import msgspec

from ops.contract import DATABASE, REDIS
from ops.declared import Declaration, candidates
from ops.doctor import sources
from ops.doctor.collectors import edges, outside
from ops.doctor.collectors.balancer import LATE
from ops.doctor.collectors.certificates import certificate_facts
from ops.doctor.collectors.containers import container_facts, replicas_of, with_usage
from ops.doctor.collectors.declared import declared_services
from ops.doctor.collectors.fleet import fleet_beats
from ops.doctor.collectors.instances import instance_facts
from ops.doctor.collectors.last_errors import last_errors
from ops.doctor.collectors.machine import engine_facts, host_facts
from ops.doctor.collectors.operation import operation_facts
from ops.doctor.collectors.postgres import postgres_facts
from ops.doctor.collectors.proof import consistency_proof
from ops.doctor.collectors.redis import redis_node
from ops.doctor.collectors.services import locate
from ops.doctor.collectors.swarm import swarm_facts
from ops.doctor.facts import Facts, Skipped
from ops.doctor.facts_balancer import BalancerFacts
from ops.doctor.facts_engine import ContainerFacts, EngineFacts
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.facts_replicas import Beat, InstanceFacts, Proof
from ops.doctor.facts_swarm import SwarmFacts
from ops.doctor.skip import BrokenOff, reason_of, trace_of
from ops.doctor.together import Asked, Together
from ops.errors import EngineError, VideaError
from ops.models import Container
from ops.platform.ports import Platform
from ops.project.config import Project
from ops.stack import Stack

DEADLINE = 6.0
"""Seconds after the start of the last source after which sources without an answer are skipped; each source also has
its own, shorter timeouts."""

PROOF_DEADLINE = 60.0

STAGGER = 0.2
"""Seconds between the starts of sources that run commands. The engine needs about 0.1 s of CPU to start a command in a
container; five at once would briefly use both cores of a small machine and slow down clients."""

RUN_COMMANDS = (sources.INSTANCES, sources.POSTGRES, sources.REDIS, sources.DECLARED)
"""Sources that run commands in containers or of Compose. The others only query the engine or join one of these: see
``Together``."""

Collector: TypeAlias = Callable[[], Any]
Source = TypeVar("Source")


def collect(
    project: Project,
    connect: Callable[[], Stack],
    deadline: float = DEADLINE,
    prove: bool = False,
    only: Collection[str] = (),
) -> Facts:
    """Collects all current facts about the project. ``deadline``: seconds after the start of the last source.

    ``only``: collects only these sources, the engine and its containers. With ``prove``, tokens are minted and
    replayed, which takes longer (see ``collectors.proof``).

    ``connect``: returns the running project; if it fails, that is a fact, not an error.
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
        engine = engine_facts(platform)
        key = secrets.token_bytes(16)
        containers = [container_facts(container, details, key) for container, details in platform.details()]
    except VideaError as error:
        local_sources = (sources.ENGINE, sources.HOST, sources.CONTAINERS, sources.STATS)
        others = (
            sources.POSTGRES,
            sources.REDIS,
            sources.BALANCER,
            sources.TRAFFIC,
            sources.INSTANCES,
            sources.FLEET,
            sources.DECLARED,
            sources.SWARM,
            sources.EDGES,
        )
        return msgspec.structs.replace(
            base,
            skipped=[
                Skipped(name, error.message)
                for name in (*local_sources, *others, sources.OPERATION, sources.CERTIFICATES)
            ],
        )
    collectors = _collectors(stack, engine, containers, only)
    if platform.nodes.obstacle():
        base = msgspec.structs.replace(base, swarm=SwarmFacts(), edges=[])
    else:
        collectors[sources.SWARM] = lambda: swarm_facts(stack)
        collectors[sources.EDGES] = lambda: edges.sights(
            stack, containers, container_of(containers, project.settings.balancer)
        )
    if only:
        collectors = {name: collector for name, collector in collectors.items() if name in only}
    if prove:
        collectors["proof"] = lambda: _proof(project, platform, containers)
        deadline = max(deadline, PROOF_DEADLINE)
    answers, skipped, seconds = run_all(collectors, deadline)
    with_stats = answers.pop(sources.STATS, None)
    return msgspec.structs.replace(
        base, engine=engine, containers=with_stats or containers, skipped=skipped, seconds=seconds, **answers
    )


def run_all(
    collectors: dict[str, Collector], deadline: float
) -> tuple[dict[str, Any], list[Skipped], dict[str, float]]:
    """Runs the collectors in parallel, started in order. Returns (answers, skipped sources, seconds by source).

    The starts of collectors that run commands are staggered.

    A collector that has not finished at the deadline is abandoned: its daemon thread ends with its own timeout.
    """
    done: queue.SimpleQueue[tuple[str, Any, Exception | None, float]] = queue.SimpleQueue()

    def work(name: str, collector: Collector) -> None:
        started_at = time.monotonic()
        try:
            done.put((name, collector(), None, time.monotonic() - started_at))
        except Exception as error:  # report a bug as such, not as a hanging source
            done.put((name, None, error, time.monotonic() - started_at))

    before = False
    for name, collector in collectors.items():
        if before and name in RUN_COMMANDS:
            time.sleep(STAGGER)
        before = before or name in RUN_COMMANDS
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
            skipped.append(Skipped(name, reason_of(error), trace_of(error), isinstance(error, BrokenOff)))
    skipped.extend(Skipped(name, f"no answer within {deadline:g} s") for name in sorted(waiting))
    return answers, skipped, seconds


def _collectors(
    stack: Stack, engine: EngineFacts, containers: list[ContainerFacts], only: Collection[str]
) -> dict[str, Collector]:
    project, platform, settings = stack.project, stack.platform, stack.project.settings
    nginx = container_of(containers, settings.balancer)
    replicas = replicas_of(containers, settings.service)
    in_nginx, in_redis = (
        Together(platform, *(name for name in parties if name in (only or parties)))
        for parties in ((sources.INSTANCES, sources.BALANCER), (sources.REDIS, sources.FLEET))
    )
    # Slow collectors first; collectors that share a command are next to each other.
    return {
        sources.STATS: lambda: with_usage(containers, platform),
        sources.TRAFFIC: lambda: edges.traffic(stack, nginx, containers),
        sources.OPERATION: lambda: operation_facts(stack.store, project.name),
        sources.CERTIFICATES: lambda: certificate_facts(stack),
        sources.HOST: lambda: host_facts(engine),
        sources.INSTANCES: lambda: _instances(stack, in_nginx, nginx, replicas),
        sources.BALANCER: lambda: _balancer(stack, in_nginx, nginx, replicas),
        sources.POSTGRES: lambda: _postgres(project, platform, containers),
        sources.REDIS: lambda: _redis(stack, in_redis, containers),
        sources.FLEET: lambda: _fleet(stack, in_redis, containers),
        sources.DECLARED: lambda: declared_services(stack),
    }


def _instances(
    stack: Stack, together: Together, nginx: ContainerFacts | None, replicas: list[ContainerFacts]
) -> list[InstanceFacts]:
    with together.of(sources.INSTANCES) as asked:
        return instance_facts(asked, stack.project.settings, nginx, replicas, _declared(stack))


def _balancer(
    stack: Stack, together: Together, nginx: ContainerFacts | None, replicas: list[ContainerFacts]
) -> BalancerFacts:
    with together.of(sources.BALANCER) as asked:
        return edges.balancer(
            stack, nginx, replicas, lambda: stack.unreachable(LATE) if stack.on_the_host else None, asked
        )


def _declared(stack: Stack) -> Callable[[str], Declaration]:
    """Returns the function that tells how the replicas of a release are probed. Raises EngineError."""
    recorded, own = stack.declarations(), stack.own_declaration
    return lambda release: candidates(recorded.get(release), own, None)[0]


def _postgres(project: Project, platform: Platform, containers: list[ContainerFacts]) -> PostgresFacts:
    location = locate(project, DATABASE)
    if not location.services:
        return outside.postgres_facts(platform, ",".join(location.hosts), _running_replica(project, containers))
    service = location.service
    container = container_of(containers, service)
    if container is None or not container.running:
        down = PostgresFacts(service, container.name if container else "", up=False, error=_why_down(container))
    else:
        name = container.name
        down = unless_ended(
            platform,
            service,
            lambda: postgres_facts(platform, service, name),
            lambda why: PostgresFacts(service, name, up=False, error=why),
        )
    if down.up or down.full or down.denied or container is None:
        return down
    return msgspec.structs.replace(down, log=last_errors(platform, container.name, container.started - 60))


def _redis(stack: Stack, together: Together, containers: list[ContainerFacts]) -> RedisFacts:
    project, platform = stack.project, stack.platform
    with together.of(sources.REDIS) as first:
        location = locate(project, REDIS)
        if not location.services:
            return RedisFacts(outside.redis_nodes(platform, location.hosts, _running_replica(project, containers)))
        asked = {name: first if name == location.service else platform for name in location.services}
        with ThreadPoolExecutor(len(asked)) as pool:
            nodes = pool.map(
                lambda name: _redis_node(platform, asked[name], name, container_of(containers, name)), asked
            )
            return RedisFacts(list(nodes))


def _fleet(stack: Stack, together: Together, containers: list[ContainerFacts]) -> list[Beat]:
    with together.of(sources.FLEET) as asked:
        return fleet_beats(asked, container_of(containers, locate(stack.project, REDIS).service))


def _redis_node(platform: Platform, asked: Asked, service: str, container: ContainerFacts | None) -> RedisNode:
    if container is None or not container.running:
        return RedisNode(service, container.name if container else "", up=False, error=_why_down(container))
    name = container.name
    return unless_ended(
        platform,
        service,
        lambda: redis_node(asked, service, name),
        lambda why: RedisNode(service, name, up=False, error=why),
    )


def unless_ended(platform: Platform, service: str, ask: Callable[[], Source], down: Callable[[str], Source]) -> Source:
    """The result of ``ask`` or, if the container has exited since it was listed, of ``down`` with the reason.

    A server that cannot start is restarted repeatedly, and runs briefly each time. Raises EngineError.
    """
    try:
        return ask()
    except EngineError:
        now = platform.container(service)
        if now is not None and now.state == "running":
            raise
        return down(_why_down(now))


def _running_replica(project: Project, containers: list[ContainerFacts]) -> ContainerFacts | None:
    replica = container_of(containers, project.settings.service)
    return replica if replica and replica.running else None


def _proof(project: Project, platform: Platform, containers: list[ContainerFacts]) -> Proof:
    settings = project.settings
    replicas = replicas_of(containers, settings.service)
    return consistency_proof(platform, container_of(containers, settings.balancer), replicas, settings.port)


def container_of(containers: list[ContainerFacts], service: str) -> ContainerFacts | None:
    """The container of a service that should have one: prefers Compose's own, then a running one.

    A container started manually from an image built by Compose also has Compose's labels, but no number.
    """
    candidates = replicas_of(containers, service)
    return max(candidates, key=lambda container: (container.number > 0, container.running), default=None)


def _why_down(container: ContainerFacts | Container | None) -> str:
    return f"container {container.state}, exit code {container.exit_code}" if container else "it has no container"
