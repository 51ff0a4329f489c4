"""One running project: its engine, its balancer and its replicas, asked together."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from ops.balancer.nginx import Balancer
from ops.balancer.render import Membership, Upstream, is_outdated
from ops.balancer.split import TrafficSplit
from ops.config import Project
from ops.engine.client import Engine
from ops.engine.ports import bound_port
from ops.engine.probe import ProbeResult, probe_all, read_body
from ops.engine.replicas import find_container, list_containers, list_replicas
from ops.errors import BalancerError
from ops.fleet import Fleet, Member
from ops.models import Container, Replica
from ops.published import http_url


@dataclass(frozen=True)
class Stack:
    """A project on an engine."""

    engine: Engine
    project: Project

    @cached_property
    def balancer_container(self) -> Container:
        """The balancer's container. Raises BalancerError when there is none that runs."""
        service = self.project.settings.balancer
        found = find_container(self.engine, self.project.name, service)
        if found is None:
            raise BalancerError(f"the balancer {service!r} has no container", "bring the stack up first: videa up")
        if found.state != "running":
            raise BalancerError(
                f"the balancer {found.name} does not run (it is {found.state})",
                f"start it: docker compose up -d {service}; why it ended: docker compose logs {service}",
            )
        return found

    @cached_property
    def balancer(self) -> Balancer:
        """The balancer, ready for changes. Raises BalancerError."""
        return Balancer(self.engine, self.balancer_container.id)

    @property
    def url(self) -> str | None:
        """Where the balancer is reached from here; None when it publishes no port. Raises EngineError."""
        published = self.project.published
        if published is None:
            return None
        port = published.ports[0]
        if port == 0 or len(published.ports) > 1:  # the engine has chosen one of them
            with suppress(BalancerError):
                port = bound_port(self.engine, self.balancer_container.id, published.target) or port
        return http_url(published.address if self.engine.local else self.engine.address, port)

    def replica_url(self, name: str, path: str) -> str:
        """Where a replica is asked directly, from the balancer's container."""
        return f"http://{name}:{self.project.settings.port}{path}"

    def upstream(self, names: Iterable[str], split: TrafficSplit | None = None) -> Upstream:
        """The balancer's configuration that serves exactly the replicas ``names``, and those of ``split`` its share."""
        settings = self.project.settings
        return Upstream(
            service=settings.service,
            port=settings.port,
            servers=tuple(names),
            sticky=settings.sticky.value,
            drain_timeout=settings.drain_timeout,
            split=split,
        )

    def replicas(self) -> list[Replica]:
        """The replicas, running or not, by number. Raises EngineError."""
        return list_replicas(self.engine, self.project.name, self.project.settings.service)

    def containers(self) -> list[Container]:
        """Every container of the project, by name. Raises EngineError."""
        return list_containers(self.engine, self.project.name)

    def probe(self, replicas: Iterable[Replica], path: str | None = None) -> dict[str, ProbeResult]:
        """Asks running replicas directly, at the readiness path by default: name -> result. Raises EngineError."""
        settings = self.project.settings
        targets = {
            replica.name: self.replica_url(replica.name, path or settings.health.ready)
            for replica in replicas
            if replica.running
        }
        if not targets:
            return {}
        return probe_all(self.engine, self.balancer_container.id, targets, settings.health.timeout)

    def words(self, name: str) -> str:
        """What a replica answers at its readiness path, "" for nothing. Raises EngineError."""
        health = self.project.settings.health
        url = self.replica_url(name, health.ready)
        return read_body(self.engine, self.balancer_container.id, url, health.timeout)

    def outdated(self, membership: Membership) -> bool:
        """Whether x-videa asks for another configuration of the same replicas, such as sessions that stick.

        Never while the balancer serves whatever runs, or a canary.
        """
        if membership.everything or membership.canary:
            return False
        return is_outdated(membership, self.upstream(membership.servers))

    def fleet(self, remembered: bool = False) -> Fleet:
        """The replicas with their readiness and whether the balancer lists them. Raises EngineError, BalancerError."""
        replicas = self.replicas()
        with ThreadPoolExecutor(max_workers=1) as pool:
            asked = pool.submit(self.probe, replicas)
            membership = self.balancer.membership(remembered)
            results = asked.result()
        return Fleet(
            members=tuple(
                Member(
                    replica=replica,
                    ready=replica.name in results and results[replica.name].ok,
                    listed=membership.admits(replica.name) and replica.state != "exited",
                )
                for replica in replicas
            ),
            managed=not membership.everything,
            stale=bool(set(membership.servers) - {each.name for each in replicas if each.state != "exited"})
            or self.outdated(membership),
            split=bool(membership.canary),
        )
