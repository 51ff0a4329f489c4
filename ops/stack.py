"""One running project: its engine, its balancer and its replicas, asked together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops import declared
from ops.balancer.outside import unreachable
from ops.balancer.probe import probe_all, read_body
from ops.balancer.render import is_outdated
from ops.declared import Declaration, Way
from ops.fleet import Fleet, Member
from ops.models import Container, ProbeResult, Replica
from ops.platform.ports import Gateway, Platform, Store
from ops.project.config import Project
from ops.project.published import http_url
from ops.traffic import Membership, TrafficSplit, Upstream


@dataclass(frozen=True)
class Stack:
    """A project where it runs: what it is, and the three ports to it."""

    project: Project
    platform: Platform
    store: Store
    connect: Callable[[], Gateway]
    """Finds the balancer. Raises BalancerError when there is none that runs, EngineError."""

    @cached_property
    def gateway(self) -> Gateway:
        """The balancer, ready for changes. Raises like ``connect``."""
        return self.connect()

    @property
    def url(self) -> str | None:
        """Where the balancer is reached from here; None when it publishes no port. Raises EngineError."""
        published = self.project.published
        if published is None:
            return None
        port = published.ports[0]
        if port == 0 or len(published.ports) > 1:  # the engine has chosen one of them
            balancer = self.platform.container(self.project.settings.balancer)
            port = (self.platform.bound_port(balancer.id, published.target) if balancer else None) or port
        return http_url(published.address if self.platform.local else self.platform.address, port)

    @property
    def on_the_host(self) -> bool:
        """Whether the published port is one of this machine, so that it can be asked here. Raises EngineError.

        In a container that was given the engine's socket 127.0.0.1 is another place; the engine's data is not there.
        """
        root = self.platform.machine.root if self.platform.local and self.project.published else ""
        return bool(root) and Path(root).exists()

    def unreachable(self) -> str:
        """Why the published port does not answer, "" when it does or cannot be asked from here. Raises EngineError."""
        url = self.url if self.on_the_host else None
        return unreachable(url, self.project.live_path, self.project.settings.health.timeout) if url else ""

    @property
    def own_declaration(self) -> Declaration:
        """How the Compose file has it now: true of what it starts, and of nothing that was started before."""
        settings = self.project.settings
        return Declaration(settings.port, self.project.live_path, settings.health.ready)

    def declarations(self) -> dict[str, Declaration]:
        """How each release was seen to be ready. Raises EngineError."""
        return declared.read(self.store, self.project.name, self.project.settings.service)

    def replica_url(self, name: str, path: str, ports: Mapping[str, int] | None = None) -> str:
        """Where a replica is asked directly, from the balancer's container. ``ports``: of those with another."""
        return f"http://{name}:{(ports or {}).get(name, self.project.settings.port)}{path}"

    def ports(self) -> dict[str, int]:
        """The replicas that listen on another port than the Compose file has now. Raises EngineError, BalancerError."""
        port = self.project.settings.port
        recorded, listed = self.declarations(), self.gateway.membership(remembered=True)
        if {each.port for each in recorded.values()} | set(listed.ports.values()) <= {port}:
            return {}
        found = {
            replica.name: recorded[replica.release].port
            if replica.release in recorded
            else listed.ports.get(replica.name, port)
            for replica in self.replicas()
        }
        return {name: each for name, each in found.items() if each != port}

    def upstream(self, names: Iterable[str], split: TrafficSplit | None = None) -> Upstream:
        """The balancer's configuration that serves exactly the replicas ``names``, and those of ``split`` its share.

        Raises EngineError, BalancerError.
        """
        settings = self.project.settings
        return Upstream(
            service=settings.service,
            port=settings.port,
            servers=tuple(names),
            sticky=settings.sticky.value,
            drain_timeout=settings.drain_timeout,
            split=split,
            ports=self.ports(),
        )

    def replicas(self) -> list[Replica]:
        """The replicas, running or not, by number. Raises EngineError."""
        return self.platform.replicas()

    def containers(self) -> list[Container]:
        """Every container of the project, by name. Raises EngineError."""
        return self.platform.containers()

    def probe(self, replicas: Iterable[Replica], live: bool = False, starting: bool = False) -> dict[str, ProbeResult]:
        """Asks running replicas directly whether they are ready, or ``live``: name -> result.

        Each as its own release declares it. ``starting``: nothing less than what is declared will do. Raises
        EngineError, BalancerError.
        """
        asked = self._asked(replicas, live, starting)
        return {name: declared.best(results) for name, results in asked.items()}

    def declare(self, replicas: Iterable[Replica], serving: bool = False) -> None:
        """Records how the releases of running replicas are seen to be ready, where it is not known or has changed.

        ``serving``: the balancer sends them requests, so that any answer shows how they are to be asked. Raises
        EngineError, BalancerError.
        """
        recorded, own = self.declarations(), self.own_declaration
        unsure = [each for each in replicas if each.running and recorded.get(each.release) != own]
        membership = self.gateway.membership(remembered=True) if unsure else None
        for release in sorted({each.release for each in unsure}):
            members = [each for each in unsure if each.release == release]
            ways = {each.name: self._unknown(each, membership if serving else None) for each in members}
            found = [declared.observed(results, own) for results in self._ask(ways).values()]
            known = [each for each in found if each and each.ready]
            if release in recorded and (len(known) < len(members) or set(known) != {own}):
                continue  # it was seen ready as it is recorded, and is not as the file has it now
            seen = next(iter(known or [each for each in found if each and serving]), None)
            if seen:
                declared.record(self.store, self.project.name, self.project.settings.service, release, seen)

    def _unknown(self, replica: Replica, membership: Membership | None) -> tuple[Way, ...]:
        """How to ask a replica of whose release nothing is recorded."""
        return declared.ways(None, self.own_declaration, membership.port_of(replica.name) if membership else None)

    def _asked(
        self, replicas: Iterable[Replica], live: bool, starting: bool
    ) -> dict[str, list[tuple[Way, ProbeResult]]]:
        running = [replica for replica in replicas if replica.running]
        if not running:
            return {}
        recorded = self.declarations()
        known = all(replica.release in recorded for replica in running)
        listed = {} if known or starting else self.gateway.membership(remembered=True).ports
        own = self.own_declaration
        return self._ask(
            {
                each.name: declared.ways(recorded.get(each.release), own, listed.get(each.name), live, starting)
                for each in running
            }
        )

    def _ask(self, ways: Mapping[str, tuple[Way, ...]]) -> dict[str, list[tuple[Way, ProbeResult]]]:
        """Asks every replica in each of its ways, all at once."""
        targets = {
            f"{name} {number}": self.replica_url(name, way.path, {name: way.port})
            for name, several in ways.items()
            for number, way in enumerate(several)
        }
        timeout = self.project.settings.health.timeout
        results = probe_all(self.gateway, targets, timeout)
        return {
            name: [(way, results[f"{name} {number}"]) for number, way in enumerate(several)]
            for name, several in ways.items()
        }

    def words(self, replica: Replica) -> str:
        """What a replica answers at its readiness path, "" for nothing. Raises EngineError."""
        way = declared.ways(self.declarations().get(replica.release), self.own_declaration, None)[0]
        url = self.replica_url(replica.name, way.path, {replica.name: way.port})
        return read_body(self.gateway, url, self.project.settings.health.timeout)

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
            membership = self.gateway.membership(remembered)
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
