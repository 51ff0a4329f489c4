"""Moves a running project between Compose and the swarm of its own host, step by step.

During the move, the containers of both engines reach each other, so nginx can send requests to replicas of both. nginx
moves last; a failure before that is rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from ops import declared, documents
from ops.errors import Aftermath, EngineError, Left, PlanRefused, VideaError, explained
from ops.events import Emit, announced
from ops.handover import stand_in
from ops.handover.created import create_balancer
from ops.handover.stand_in import StandIn
from ops.lifecycle import await_balancer
from ops.migration import facts
from ops.migration.plan import Beside, Clean, Exchange, Join, MovePort, Renumber, Step, TakeOver, plan
from ops.migration.ports import Bridge
from ops.migration.records import Records
from ops.notices import PortMoves
from ops.operations import MOVE, Operation
from ops.platform.ports import Gateway, Permit
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_ready
from ops.rollout.request import Request, Strategy
from ops.rollout.targets import running_target
from ops.stack import Stack
from ops.steps import replicas

AT_MOST = 2
"""Seconds for nginx to complete its last requests: the port is not free until nginx has ended."""
STARTS = 300.0
"""Seconds until a service must be healthy: a database may have to recover first."""
LOOK_AGAIN = 0.1
AGAIN = "run the same command again: it continues with what runs now"


@dataclass
class Migration:
    """``here``: the stack where the project runs; ``there``: where it moves to; ``compose``: the Compose one of them.

    ``command``: as typed by the user.
    """

    here: Stack
    there: Stack
    compose: Stack
    bridge: Bridge
    emit: Emit
    command: str
    _permits: tuple[Permit, ...] = ()
    """The permits of both locks: Compose's and the swarm's."""
    _gateways: dict[str, Gateway] = field(default_factory=dict)
    _returning: bool = False

    def plan(self) -> tuple[Step, ...]:
        """The remaining steps. Raises EngineError, PlanRefused if the project cannot move."""
        if self._to_swarm:
            self.bridge.check()
        for stack in (self.here, self.there):
            if Journal(stack.store, stack.project.name).read():
                raise PlanRefused("an operation has not ended", "end it first: videa deploy --resume, or videa abort")
        running = facts.read(self.there.project, self.here.containers(), self.there.containers(), self._records.ran())
        return plan(running, replicas_first=self._to_swarm, fixed_names=not self._to_swarm)

    def run(self) -> tuple[Step, ...]:
        """Moves the project, and returns the steps. Raises LockHeld, PlanRefused, and the errors of the steps.

        After an error before nginx has moved, everything runs where it ran before, or the error lists what does not.
        """
        for step in self.plan():
            if isinstance(step, Renumber):
                self._renumber(step)
        with self._locked():
            steps = self.plan()
            if not steps:
                raise PlanRefused("nothing of the project runs, so there is nothing to move", "start it: videa up")
            ran = self._records.begin()
            self._records.copy()
            moved = False
            try:
                for step in steps:
                    self._do(step)
                    moved = moved or isinstance(step, MovePort)
            except (VideaError, KeyboardInterrupt) as error:
                if not moved:
                    self._roll_back(error, ran)
                raise
            self._records.end()
            self.there.platform.remember({})  # containers of a swarm need not stay on their first node
            return steps

    @property
    def _records(self) -> Records:
        return Records(self.here, self.there, self._to_swarm, self.command)

    @property
    def _to_swarm(self) -> bool:
        return self.here is self.compose

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the locks of both engines. Raises LockHeld, EngineError."""
        name = self.here.project.name
        with (
            Lock(self.here.store, name).hold(self.command) as before,
            Lock(self.there.store, name).hold(self.command) as after,
        ):
            both = (before.permit, after.permit)
            self._permits = both if self._to_swarm else both[::-1]
            yield

    def _permit(self, above: int = 0) -> int:
        return max(permit(above) for permit in self._permits)

    def _roll_back(self, error: BaseException, ran: Collection[str]) -> None:
        """Starts what has been stopped, and removes what has been started. Raises the error with the result."""
        back = replace(self, here=self.there, there=self.here, _returning=True)
        try:
            with announced("roll back", self.emit):
                running = facts.read(back.there.project, back.here.containers(), back.there.containers())
                for step in plan(running, replicas_first=False, fixed_names=False):
                    if not isinstance(step, Clean):
                        back._do(step)
                for container in back.there.containers():
                    if container.name in ran and not container.alive:
                        self._permit()
                        back.there.platform.start(container.name)
                back._clean()
                self._records.forget()
        except VideaError as second:
            first = error.message if isinstance(error, VideaError) else "interrupted"
            second.aftermath = Aftermath(Left.HALF_WAY)
            second.message, second.hint = f"{first}; {Left.HALF_WAY.value}: {second.message}", AGAIN
            second.args = (second.message,)
            raise
        if isinstance(error, VideaError):
            raise explained(error, Aftermath(Left.ROLLED_BACK)) from error

    def _do(self, step: Step) -> None:
        match step:
            case Join():
                with announced("attach Compose's containers to the overlay networks", self.emit):
                    self._join(self.compose.project.model["services"])
            case TakeOver():
                self._take_over(step)
            case Beside():
                with announced(f"start {step.service}{_then_stop(step.leave)}", self.emit):
                    self._begin(step.service)
                    self._stop(step.leave)
            case Exchange():
                with announced(f"start {step.service}{_in_place_of(step.leave)}", self.emit):
                    self._stop(step.leave)
                    self._begin(step.service)
            case MovePort():
                self._move_port(step)
            case Clean():
                with announced("remove what has moved", self.emit):
                    self._clean()
            case Renumber():
                pass  # a separate operation has done it

    def _renumber(self, step: Renumber) -> None:
        stack = self.here.of(step.service)
        target = running_target(stack, stack.fleet(), growing=True)
        request = Request(Strategy.MOVE, 1, moved=step.names)
        Operation(self.here, self.emit, self.command).deploy_all({step.service: (target, request)}, action=MOVE)

    def _join(self, services: Iterable[str]) -> None:
        chosen = set(services)
        self._permit()
        self.bridge.join([each for each in self.compose.containers() if each.service in chosen and each.alive])

    def _take_over(self, step: TakeOver) -> None:
        """When new replicas are ready, they get all requests of the service; then the old ones stop."""
        before, after = self._seen(self.here, step.service), self._seen(self.there, step.service)
        target = running_target(before, before.fleet(), growing=step.start > 0)
        with announced(f"start {replicas(step.start)} of {step.service}", self.emit):
            present = after.replicas()
            names = [each.name for each in present if not each.alive][: step.start]
            if missing := step.start - len(names):
                names += sorted(after.platform.create(len(present) + missing, target, self._permit))
            for name in names:
                self._permit()
                after.platform.start(name)
            if self.there is self.compose:
                self._join([step.service])
        serving = [each.name for each in after.replicas() if each.alive]
        unchanged = self._returning and set(after.gateway.membership().servers) == set(serving)
        if not unchanged:
            with announced(f"wait until {step.service} is ready", self.emit):
                await_ready(after, serving)
            with announced(f"send the requests of {step.service} to {', '.join(serving)}", self.emit):
                self._permit()
                after.gateway.apply(after.upstream(serving))
                after.gateway.wait_drained(after.project.settings.drain_timeout, self.emit)
        with announced(f"stop {', '.join(step.leave)}", self.emit):
            self._stop(step.leave)

    def _seen(self, stack: Stack, service: str) -> Stack:
        """A service on one engine, with the nginx that serves now, on either engine."""
        own = stack.of(service)
        return own if own.project.settings.worker else replace(own, connect=lambda: self._gateway(service))

    def _gateway(self, service: str) -> Gateway:
        """The gateway of the nginx that serves now. Raises BalancerError."""
        if service not in self._gateways:
            stack = next((each for each in (self.here, self.there) if _serves(each)), self.here)
            gateway = stack.of(service).gateway
            gateway.guard(self._permits[0 if stack is self.compose else 1])
            self._gateways[service] = gateway
        return self._gateways[service]

    def _begin(self, service: str, join: bool = True) -> None:
        """Starts a service and waits until it is healthy. ``join``: on the overlay networks. Raises EngineError."""
        platform = self.there.platform
        present = [each for each in platform.containers() if each.service == service]
        for container in present:
            self._permit()
            platform.start(container.name)
        if not present:
            platform.up([service], self._permit, {}, (), keep=True)
        if join and self.there is self.compose:
            self._join([service])
        deadline = time.monotonic() + STARTS
        while True:
            found = [each for each in platform.containers() if each.service == service]
            if found and all(each.running and each.health in ("healthy", "none") for each in found):
                return
            if time.monotonic() > deadline:
                raise EngineError(f"{service} is not healthy after {STARTS:g} s", f"see its log: videa logs {service}")
            time.sleep(LOOK_AGAIN)

    def _stop(self, containers: Iterable[str], at_most: int | None = None) -> None:
        for name in containers:
            self._permit()
            self.here.platform.stop(name, at_most)

    def _move_port(self, step: MovePort) -> None:
        """Stops nginx and starts the other one, which uses the same volume and therefore the same configuration."""
        if self.there is self.compose:  # created in advance, because that takes longer than starting it
            create_balancer(self.compose, self._permit)
        with ExitStack() as meanwhile, announced(f"start {step.balancer}{_in_place_of(step.leave)}", self.emit):
            standing = self._stand_in(step, meanwhile)
            try:
                self._stop(step.leave, None if standing else AT_MOST)
                self._begin(step.balancer, join=False)  # everything that it depends on has moved
                await_balancer(self.there, starting=self.there.project.settings.health.deadline)
            except BaseException:
                for container in self.there.containers():
                    if container.service == step.balancer:
                        self.there.platform.stop(container.name, AT_MOST)
                for name in step.leave:
                    self.here.platform.start(name)
                raise
            finally:
                self._gateways.clear()  # another nginx serves now
                if standing:
                    standing.release()

    def _stand_in(self, step: MovePort, meanwhile: ExitStack) -> StandIn | None:
        """Serves until ``meanwhile`` ends, while the port is free. None if no nginx has it, or if it cannot serve."""
        like = self.compose.platform.container(step.balancer)  # when moving back, it is created but not started
        if not step.leave or not like:
            return None
        reason = stand_in.gap(self.compose, wanted=True)
        self.emit(PortMoves(step.leave, step.balancer, reason))
        if reason:  # the event reports it
            return None
        beside = stand_in.covered(self.compose, like.name, await_balancer, self.emit, reason)
        return meanwhile.enter_context(beside)

    def _clean(self) -> None:
        """Removes the containers, networks and records that the move leaves behind. Volumes stay."""
        name = self.here.project.name
        self._permit()
        if self.here is not self.compose:
            self._leave()
        self.here.platform.down()
        documents.forget(self.here.store, name)
        for service in self.here.project.services:
            declared.forget(self.here.store, name, service)

    def _leave(self) -> None:
        """Detaches Compose's containers from the overlay networks.

        nginx may use the replicas' addresses on these networks, so a replica gets no requests while it is detached,
        unless it is the only one.
        """
        for service in self.compose.project.services:
            seen = self._seen(self.compose, service)
            serving = [] if seen.project.settings.worker else [each for each in seen.replicas() if each.alive]
            for replica in serving:
                if others := [each.name for each in serving if each is not replica]:
                    seen.gateway.apply(seen.upstream(others))
                    seen.gateway.wait_drained(seen.project.settings.drain_timeout, self.emit)
                self.bridge.leave(each for each in self.compose.containers() if each.name == replica.name)
                seen.gateway.apply(seen.upstream([each.name for each in serving]))
        self._permit()
        self.bridge.leave(self.compose.containers())


def _then_stop(names: Sequence[str]) -> str:
    return f", then stop {', '.join(names)}" if names else ""


def _in_place_of(names: Sequence[str]) -> str:
    return f" in place of {', '.join(names)}" if names else ""


def _serves(stack: Stack) -> bool:
    balancer = stack.platform.container(stack.project.settings.balancer)
    return balancer is not None and balancer.running
