"""One running project: its platform, balancer and replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ops import declared
from ops.balancer.outside import unreachable
from ops.balancer.probe import Asked, read_body
from ops.balancer.render import is_outdated
from ops.declared import Declaration
from ops.fleet import Fleet, Member
from ops.models import Container, ExecResult, ProbeResult, Replica
from ops.platform.ports import Choice, Gateway, Platform, Store, any_name
from ops.probes import Http, Probe
from ops.probing import ask
from ops.project.config import Project
from ops.project.published import http_url, seen_from_here
from ops.project.settings import Protocol, Settings
from ops.traffic import Membership, TrafficSplit, Upstream


@dataclass(frozen=True)
class Stack:
    """A project with the three ports to its environment."""

    project: Project
    platform: Platform
    store: Store
    connect: Callable[[], Gateway]
    """Connects to the balancer. Raises BalancerError if it is not running, EngineError."""
    open: Callable[[Project], Stack]
    """The stack of another service of the project, on the same engine."""

    def of(self, service: str) -> Stack:
        """The same project with another service that videa scales. Raises UsageError."""
        return self if service == self.project.settings.service else self.open(self.project.of(service))

    @cached_property
    def gateway(self) -> Gateway:
        """The connected balancer. Raises like ``connect``."""
        return self.connect()

    @property
    def url(self) -> str | None:
        """The balancer's URL as seen from this machine; None if it publishes no port that is reachable from here.

        Raises EngineError.
        """
        published = self.project.published
        if published is None:
            return None
        host = seen_from_here(published.bound, None if self.platform.local else self.platform.address)
        if host is None:
            return None
        port = published.ports[0]
        if port == 0 or len(published.ports) > 1:  # the engine has chosen the port
            balancer = self.platform.container(self.project.settings.balancer)
            port = (self.platform.bound_port(balancer.id, published.target) if balancer else None) or port
        return http_url(host, port)

    @property
    def on_the_host(self) -> bool:
        """Whether the published port is on this machine, so that requests from here can reach it. Raises EngineError.

        In a container with the engine's socket, 127.0.0.1 is not the host; the engine's data folder is missing there.
        """
        root = self.platform.machine.root if self.platform.local and self.project.published else ""
        return bool(root) and Path(root).exists()

    def unreachable(self, late: str = "") -> str:
        """Why the published port does not answer; "" if it does or if this is not its host. Raises EngineError.

        ``late``: what to return if it accepts a connection but does not answer in time.
        """
        url = self.url if self.on_the_host else None
        return unreachable(url, self.project.entrance, self.project.settings.health.timeout, late) if url else ""

    @property
    def own_declaration(self) -> Declaration:
        """The declaration in the current Compose file. It applies to new replicas, not to existing ones."""
        settings = self.project.settings
        health = settings.health
        if settings.worker:
            return Declaration(0)
        return Declaration(
            settings.port,
            health.live,
            health.ready,
            health.port,
            tuple(health.headers.items()),
            health.expect,
            grpc=settings.protocol is Protocol.GRPC,
        )

    def declarations(self) -> dict[str, Declaration]:
        """Release -> the recorded declaration by which its replicas became ready. Raises EngineError."""
        return declared.read(self.store, self.project.name, self.project.settings.service)

    def replica_url(self, name: str, path: str, ports: Mapping[str, int]) -> str:
        """The URL of a replica, as seen from the balancer's container. ``ports``: of replicas with a different port."""
        return f"http://{name}:{ports.get(name, self.project.settings.port)}{path}"

    def ports(self, listed: Membership | None = None) -> dict[str, int]:
        """Replica -> port, where it differs from the current Compose file. ``listed``: the membership, if just read.

        Raises EngineError, BalancerError.
        """
        default = self.project.settings.port
        recorded = self.declarations()
        listed = listed or self.gateway.membership(remembered=True)
        if {declaration.port for declaration in recorded.values()} | set(listed.ports.values()) <= {default}:
            return {}
        ports = {
            replica.name: recorded[replica.release].port
            if replica.release in recorded
            else listed.ports.get(replica.name, default)
            for replica in self.replicas()
        }
        return {name: port for name, port in ports.items() if port != default}

    def upstream(
        self, names: Iterable[str], split: TrafficSplit | None = None, listed: Membership | None = None
    ) -> Upstream:
        """The balancer's configuration for exactly the replicas ``names`` and the canary in ``split``.

        ``listed``: its current membership, if the caller has just read it; otherwise it is queried once.

        Raises EngineError, BalancerError.
        """
        own = self.project.settings.service
        others = (self.project.of(name).settings for name in self.project.served if name != own)
        return replace(
            _configured(self.project.settings),
            servers=tuple(names),
            split=split,
            ports=self.ports(listed),
            others=tuple(map(_configured, others)),
        )

    def replicas(self, chosen: Choice = any_name) -> list[Replica]:
        """The replicas with ``chosen`` names, running or not, ordered by number. Raises EngineError."""
        return self.platform.replicas(chosen)

    def containers(self) -> list[Container]:
        """Every container of the project, ordered by name. Raises EngineError."""
        return self.platform.containers()

    def observe(
        self, replicas: Iterable[Replica], remembered: bool = False
    ) -> tuple[Membership, dict[str, ProbeResult]]:
        """The membership (see ``Gateway``) and the readiness of the running replicas (see ``probe``)."""
        look = _LookBeside(self.gateway, remembered)
        results = self.probe(replicas, asked=look)
        return look.membership or self.gateway.membership(remembered), results

    def probe(
        self,
        replicas: Iterable[Replica],
        live: bool = False,
        starting: bool = False,
        passes: int = 1,
        asked: Asked | None = None,
    ) -> dict[str, ProbeResult]:
        """Probes the readiness, or with ``live`` the liveness, of the running replicas directly: name -> result.

        Each replica is probed as its release declares. ``starting``: only the declared probe counts; ``passes``: waits
        briefly for this many consecutive good probes; ``asked``: runs the command that probes instead of the gateway.
        Raises EngineError, BalancerError.
        """
        running = [replica for replica in replicas if replica.running]
        if not running:
            return {}
        recorded, own = self.declarations(), self.own_declaration
        known = starting or all(replica.release in recorded for replica in running)
        membership = None if known else self.gateway.membership(remembered=True)
        declarations = {
            replica: declared.candidates(
                recorded.get(replica.release), own, membership.port_of(replica.name) if membership else None, starting
            )
            for replica in running
        }
        answers = self._ask(declarations, asked or self.gateway, live, passes)
        return {name: declared.best(results) for name, results in answers.items()}

    def declare(self, replicas: Iterable[Replica], serving: bool = False) -> None:
        """Records the declarations of the releases of running replicas, if they are unknown or have changed.

        ``serving``: the balancer sends them requests, so any answer but a server error shows how to probe them.
        Raises EngineError, BalancerError.
        """
        recorded, own = self.declarations(), self.own_declaration
        unsure = [replica for replica in replicas if replica.running and recorded.get(replica.release) != own]
        membership = self.gateway.membership(remembered=True) if unsure else None
        for release in sorted({replica.release for replica in unsure}):
            members = [replica for replica in unsure if replica.release == release]
            asked = {
                replica: declared.candidates(
                    None, own, membership.port_of(replica.name) if membership and serving else None
                )
                for replica in members
            }
            observed = [declared.observed(results) for results in self._ask(asked, self.gateway).values()]
            ready = [declaration for declaration in observed if declaration and declaration.known]
            if release in recorded and (len(ready) < len(members) or set(ready) != {own}):
                continue  # the existing record is correct: not all replicas are ready as the current file declares
            declaration = next(iter(ready or [candidate for candidate in observed if candidate and serving]), None)
            if declaration:
                declared.record(self.store, self.project.name, self.project.settings.service, release, declaration)

    def _ask(
        self, asked: Mapping[Replica, Sequence[Declaration]], gateway: Asked, live: bool = False, passes: int = 1
    ) -> dict[str, list[tuple[Declaration, ProbeResult]]]:
        return ask(asked, gateway, self.store.now, self.project.settings.health.timeout, live, passes)

    def readiness_body(self, replica: Replica) -> str:
        """The body of a replica's answer to the readiness probe; "" without an answer. Raises EngineError."""
        probe = self.readiness(replica.release, replica.has_check)
        if not isinstance(probe, Http):
            return ""
        return read_body(self.gateway, replica.name, probe, self.project.settings.health.timeout)

    def readiness(self, release: str, has_check: bool) -> Probe:
        """The readiness probe of a replica of ``release``. Raises EngineError.

        ``has_check``: its container has its own health check.
        """
        declaration = declared.candidates(self.declarations().get(release), self.own_declaration, None)[0]
        return declaration.probe(live=False, has_check=has_check)

    def outdated(self, membership: Membership) -> bool:
        """Whether a change of x-videa requires another configuration for the same replicas, such as sticky sessions.

        False for a worker, while there is a canary, and while the balancer serves everything that Compose started.
        """
        if self.project.settings.worker or membership.everything or membership.canary:
            return False
        return membership.own.changed or is_outdated(membership, self.upstream(membership.servers, listed=membership))

    def fleet(self, remembered: bool = False) -> Fleet:
        """The replicas with their readiness and whether the balancer lists them. Raises EngineError, BalancerError."""
        replicas = self.replicas()
        membership, results = self.observe(replicas, remembered)
        return Fleet(
            members=tuple(
                Member(
                    replica=replica,
                    ready=replica.name in results and results[replica.name].ok,
                    listed=membership.admits(replica.name) and replica.state != "exited",
                    delay=results[replica.name].delay if replica.name in results else 0.0,
                )
                for replica in replicas
            ),
            managed=self.project.settings.worker or not membership.everything,
            stale=bool(set(membership.servers) - {replica.name for replica in replicas if replica.state != "exited"})
            or self.outdated(membership),
            split=bool(membership.canary),
        )


@dataclass
class _LookBeside:
    """Runs a probe through a gateway, and reads its configuration with the same command."""

    gateway: Gateway
    remembered: bool
    membership: Membership | None = None

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        self.membership, answer = self.gateway.membership_and_ask(self.remembered, command, environment)
        return answer


def _configured(settings: Settings) -> Upstream:
    """The configuration of a service without a list of replicas."""
    return Upstream(
        service=settings.service,
        port=settings.port,
        sticky=settings.sticky.value,
        drain_timeout=settings.drain_timeout,
        proxy=settings.proxy.effective,
        grpc=settings.protocol is Protocol.GRPC,
        route=settings.route.effective,
    )
