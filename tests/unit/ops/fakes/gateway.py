"""The balancer in memory, and a traffic proof for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace as changed

from ops.balancer.probe import CONFIG, CONNECT
from ops.balancer.proof import Proof
from ops.errors import EngineError
from ops.models import ExecResult
from ops.platform.ports import Permit
from ops.traffic import Applied, Edge, Look, Maintenance, Membership, TrafficSplit, Upstream
from tests.unit.ops.fakes.world import World


class SilentLog:
    """An empty access log."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        pass


@dataclass
class FakeGateway:
    """``ops.platform.ports.Gateway``. ``applied``: every applied list of replicas; ``highest``: number of a change;
    ``log``: the end of nginx's log; ``edges``: of several nginx, those that run get each change.
    """

    world: World
    served: tuple[str, ...] = ()
    split: TrafficSplit | None = None
    maintenance: Maintenance | None = None
    applied: list[tuple[str, ...]] = field(default_factory=list)
    highest: int = 0
    permit: Permit = lambda above=0: 0
    guarded: bool = True
    log: bytes = b""
    remembered: Look | None = None
    edges: tuple[Edge, ...] = ()

    def guard(self, permit: Permit) -> None:
        self.permit, self.guarded = permit, False

    @property
    def canary(self) -> tuple[str, ...]:
        return self.split.servers if self.split else ()

    def membership(self, remembered: bool = False) -> Membership:
        self._register()
        if not remembered or self.remembered is None:
            self.world.used("membership")
        return Membership(1, self.served, self.canary, self.maintenance, split=self.split, edges=self.edges)

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        return self.membership(remembered), self.ask(command, environment)

    def look(self) -> Look:
        self._register()
        self.world.used("look")
        return Look("1.28.0", 1, "")

    def remember(self, look: Look) -> None:
        self.remembered = look

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        self._change("apply")
        self.served, self.split = upstream.servers, upstream.split
        self.applied.append(self.served)
        self.edges = tuple(edge if edge.generation is None else changed(edge, newest=True) for edge in self.edges)
        return Applied(1, ())

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        self._change("maintain")
        self.maintenance = maintenance
        return Applied(1, ())

    def _register(self) -> None:
        if not self.guarded:
            self.highest, self.guarded = max(self.highest, self.permit()), True

    def _change(self, call: str) -> None:
        """Refuses the change if its number is lower than the highest, like the script in nginx's container."""
        number = self.permit()
        self.world.used(call)
        while number < self.highest:
            number = self.permit(self.highest)
        self.highest = number

    def wait_drained(self, timeout: float, emit: object = None) -> tuple[str, ...]:
        self.world.used("wait_drained")
        return ()

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Simulates curl: all replicas except the sick ones answer 200."""
        self.world.used("probe")
        config = (environment or {}).get(CONFIG, "")
        if CONNECT not in (environment or {}):
            status = any("%{http_code}" in argument for argument in command)
            return ExecResult(0, "\n200 " if status else "")
        names = re.findall(r'^url = "\w+://([^:]+):', config, re.MULTILINE)
        statuses = [500 if name in self.world.sick else 200 for name in names]
        return ExecResult(0, "".join(f"{index} {status} 0.001 \n" for index, status in enumerate(statuses)))

    def log_tail(self, lines: int) -> bytes:
        return self.log

    def follow_log(self) -> SilentLog:
        self.world.used("log")
        return SilentLog()


class NoTraffic:
    """Replaces TrafficProof. ``disturb``: called when the figures are calculated."""

    disturb: Callable[[str], None] = lambda call: None

    def __init__(self, *arguments: object) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> Proof:
        with suppress(EngineError):
            type(self).disturb("proof")
        return Proof(1, 0, 1.0, (), 1, "")
