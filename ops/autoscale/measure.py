"""Measures the samples of a round. A value that cannot be measured is recorded as missing, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ops.autoscale.asks import CPU, P95, POOL_WAITING, REQUESTS
from ops.autoscale.requests import traffic_of
from ops.autoscale.samples import Observed, Samples
from ops.balancer.access_log import Line
from ops.balancer.recent import TAIL
from ops.ejected import Ejected
from ops.errors import VideaError
from ops.models import Replica
from ops.rollout import own_metrics
from ops.stack import Stack

CPU_GAP = 2.0
"""Seconds over which the usage is measured."""

WARM = 10.0
"""Seconds after its start until a replica's usage reflects the load. Kubernetes waits for 30 s
(``--horizontal-pod-autoscaler-initial-readiness-delay``); videa's replicas are warm before they get requests."""

ADDRESSES = 1000
"""Maximum number of remembered replica addresses."""


@dataclass
class Meter:
    """Measures the services of a project. ``clock``: Unix time of the engine.

    It remembers the addresses of replicas, because the log still contains requests to recently removed ones.
    """

    clock: Callable[[], float]
    _services: dict[str, str] = field(default_factory=dict, init=False)

    def samples(self, stack: Stack) -> Samples:
        """The current state of the stack's service. Raises EngineError if not even its replicas can be listed."""
        settings = stack.project.settings
        target, service = settings.autoscale.target, settings.service
        replicas = [replica for replica in stack.replicas() if replica.alive]
        self._remember(service, replicas)
        missing: dict[str, str] = {}
        ready = self._ready(stack, replicas, missing)
        cpu = self._cpu(stack, replicas, missing) if target.cpu is not None else {}
        waiting = self._waiting(stack, replicas, missing) if target.pool_waiting is not None else {}
        rate, p95 = None, None
        if target.requests is not None or target.p95 is not None:
            rate, p95 = self._traffic(stack, missing)
        return Samples(
            self.clock(),
            tuple(
                Observed(replica.name, replica.name in ready, cpu.get(replica.name), waiting.get(replica.name))
                for replica in replicas
            ),
            rate,
            p95,
            missing,
        )

    def _remember(self, service: str, replicas: list[Replica]) -> None:
        if len(self._services) > ADDRESSES:
            self._services.clear()
        self._services |= {address: service for replica in replicas for address in replica.networks.values() if address}

    def _ready(self, stack: Stack, replicas: list[Replica], missing: dict[str, str]) -> set[str]:
        """The warm replicas that the balancer lists; if it does not answer, all warm replicas."""
        now = self.clock()
        ejected: set[str] = set()
        try:
            ejected = Ejected(stack.store, stack.project.name).names(replicas)
            membership = stack.gateway.membership(remembered=True)
            listed = {replica.name for replica in replicas if membership.admits(replica.name)}
        except VideaError as error:
            missing[REQUESTS] = missing[P95] = error.message
            listed = {replica.name for replica in replicas}
        return {
            replica.name
            for replica in replicas
            if replica.running
            and replica.name in listed - ejected
            and replica.health != "unhealthy"
            and now - (replica.started or replica.created).timestamp() >= WARM
        }

    def _cpu(self, stack: Stack, replicas: list[Replica], missing: dict[str, str]) -> dict[str, float]:
        try:
            usage = stack.platform.usage(replicas, CPU_GAP)
        except VideaError as error:
            missing[CPU] = error.message
            return {}
        return {name: each.cpu / (each.cpu_limit or 1.0) for name, each in usage.items()}

    def _waiting(self, stack: Stack, replicas: list[Replica], missing: dict[str, str]) -> dict[str, float]:
        try:
            figures = own_metrics.fetch(stack, [replica.name for replica in replicas if replica.running])
        except VideaError as error:
            missing[POOL_WAITING] = error.message
            return {}
        if not figures:
            missing[POOL_WAITING] = "no replica reports its database connections"
        return {name: float(each.pool.waiting) for name, each in figures.items()}

    def _traffic(self, stack: Stack, missing: dict[str, str]) -> tuple[float | None, float | None]:
        if REQUESTS in missing:
            return None, None
        service, alone = stack.project.settings.service, len(stack.project.served) == 1

        def belongs(line: Line) -> bool:
            """Whether the request is this service's; one that nginx answered itself belongs to no service."""
            return bool(line.upstream) and (alone or self._services.get(line.answered_by) == service)

        try:
            traffic = traffic_of(stack.gateway.log_tail(TAIL), self.clock(), belongs)
        except VideaError as error:
            missing[REQUESTS] = missing[P95] = error.message
            return None, None
        if traffic.gap:
            missing[REQUESTS] = missing[P95] = traffic.gap
            return None, None
        return traffic.rate, traffic.p95
