"""Bringing the whole stack up, and taking it down."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ops import declared
from ops.ejected import Ejected
from ops.engine.compose import up_arguments
from ops.engine.effects import foresee, harm, run_harmless
from ops.errors import BalancerError, EngineError, Interrupted, UsageError
from ops.events import BrokenOff, ChangedSince, Emit, OrphansLeft, ReleaseChanged, announced
from ops.interrupts import settle
from ops.project.startup import startup_order
from ops.rollout import retained
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_ready
from ops.rollout.targets import current_target, drifted, variables_of
from ops.stack import Stack

LOOK_AGAIN = 0.1
"""Seconds between two looks at a starting nginx."""

STARTING = 10.0
"""Seconds that nginx's container may take to write its files."""


def bring_up(stack: Stack, emit: Emit, command: str = "videa up", recreate: Collection[str] = ()) -> None:
    """Starts what does not run, waits until every replica is ready, and lets the balancer serve them.

    While a replica runs nothing that runs is touched, also when the Compose file has changed: the service is deployed,
    and of the others those in ``recreate``, names of services, are made anew if they have changed. What an operation
    that was broken off has left to the balancer is left alone too. ``command``: as it was typed.
    Raises UsageError, LockHeld, PlanRefused when Compose would stop, recreate or disconnect something else,
    EngineError, ImageUnavailable, ReplicaNotReady, BalancerError, Interrupted.
    """
    project = stack.project
    unknown = sorted(set(recreate) - set(project.model["services"]))
    if unknown:
        raise UsageError(
            f"there is no service {', '.join(unknown)}", f"its services: {', '.join(sorted(project.model['services']))}"
        )
    if project.settings.service in recreate:
        raise UsageError(
            f"{project.settings.service} serves", "replace its replicas without a lost request: videa deploy"
        )
    with (
        Lock(stack.store, stack.project.name).hold(command),
        _interruptible("videa up goes on, videa down removes it"),
    ):
        _bring_up(stack, emit, recreate)
        settle()


def _bring_up(stack: Stack, emit: Emit, recreate: Collection[str]) -> None:
    project = stack.project
    service, balancer = project.settings.service, project.settings.balancer
    _check_port(stack)
    if "build" in project.service and not stack.platform.images.present(project.image):
        with announced(f"build {project.image}", emit):
            project.compose.run("build", service)
    present = stack.replicas()
    alive = [replica for replica in present if replica.running]
    target = current_target(stack)
    total = max(project.replicas, len(present))
    orphans = _orphans(stack)
    start = _Starter(stack, emit, total, keep=bool(alive or orphans), recreate=recreate)
    order = startup_order(project.model["services"], service, balancer)
    # In one command, so that the service waits for what it depends on.
    start([*order.before, service], overrides={} if alive else target.overrides)
    if not alive:
        Journal(stack.store, project.name).discard()  # what it was about went with the containers
        stack.platform.remember(variables_of(project, target, project.replicas))
    start([*order.beside, balancer])
    start.say_what_was_left_alone()
    if orphans:
        emit(OrphansLeft(tuple(orphans)))
    with announced("wait until ready", emit):
        _await_balancer(stack)
        await_ready(stack, [replica.name for replica in stack.replicas()], starting=not alive)
    names = [replica.name for replica in stack.replicas()]
    membership = stack.gateway.membership()
    state = Journal(stack.store, project.name).read()
    if state:
        emit(BrokenOff(state.standing))
    elif membership.everything or set(membership.servers) != set(names) or stack.outdated(membership):
        with announced("let the balancer serve them", emit):
            stack.gateway.apply(stack.upstream(names))
    start(order.after)
    if not alive:
        digest = stack.platform.images.digest(target.image)
        retained.record_running(stack, "videa up", target.release, target.image, digest, len(names))
        return
    if drifted(stack, alive):
        emit(ReleaseChanged())


@dataclass(frozen=True)
class _Starter:
    """Starts services, and while something serves (``keep``) recreates only those that were asked for.

    ``total``: how many replicas the scaled service has or is to have.
    """

    stack: Stack
    emit: Emit
    total: int
    keep: bool
    recreate: Collection[str]

    def __call__(self, services: Sequence[str], overrides: Mapping[str, str] | None = None) -> None:
        """Raises PlanRefused, EngineError."""
        if not services:
            return
        with announced(f"start {', '.join(services)}", self.emit):
            asked = [name for name in services if name in self.recreate]
            if self.keep and asked:
                self._run(asked, self._up(asked), {})
            flags = ("--no-recreate",) if self.keep else ()
            self._run([] if self.keep else services, self._up(services, *flags), overrides or {})

    def say_what_was_left_alone(self) -> None:
        """Names the services that run otherwise than the Compose file has them. Raises EngineError."""
        changed = self._changed() if self.keep else []
        if changed:
            self.emit(ChangedSince(tuple(changed)))

    def _changed(self) -> list[str]:
        """The services beside the scaled one that Compose would recreate, by its own account."""
        project = self.stack.project
        others = [name for name in project.model["services"] if name != project.settings.service]
        ended = {effect.name for effect in harm(foresee(project.compose, self._up(others), {}))}
        return sorted({each.service for each in self.stack.containers() if each.name in ended} & set(others))

    def _up(self, services: Sequence[str], *options: str) -> list[str]:
        project = self.stack.project
        return up_arguments(project.compose, services, *options, scale=(project.settings.service, self.total))

    def _run(self, may_touch: Sequence[str], arguments: Sequence[str], overrides: Mapping[str, str]) -> None:
        allowed = [container.name for container in self.stack.containers() if container.service in may_touch]
        run_harmless(self.stack.project.compose, arguments, overrides, allowed)


def take_down(stack: Stack, emit: Emit, command: str = "videa down") -> None:
    """Stops and removes the project's containers and networks; volumes stay. ``command``: as it was typed.

    Raises LockHeld, EngineError, Interrupted.
    """
    with Lock(stack.store, stack.project.name).hold(command), _interruptible("videa down goes on, videa up starts it"):
        with announced("stop and remove the containers", emit):
            stack.project.compose.run("down")
        Journal(stack.store, stack.project.name).discard()
        Ejected(stack.store, stack.project.name).write({})
        declared.forget(stack.store, stack.project.name, stack.project.settings.service)
        settle()


@contextmanager
def _interruptible(hint: str) -> Iterator[None]:
    """Ctrl-C leaves what runs at that moment as it is, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what runs now was left running", hint) from None


def _orphans(stack: Stack) -> list[str]:
    """Running containers of services that are not in the Compose file, such as the replicas of one that was renamed."""
    services = stack.project.model["services"]
    return [each.name for each in stack.containers() if each.service not in services and each.state == "running"]


def _await_balancer(stack: Stack) -> None:
    """Returns when nginx answers. Raises BalancerError at ``health.deadline``; after STARTING when it is not ours."""
    begun = time.monotonic()
    while True:
        error = BalancerError(
            "nginx does not answer", f"its log: docker compose logs {stack.project.settings.balancer}"
        )
        patience: float = stack.project.settings.health.deadline
        try:
            if stack.gateway.look().serving is not None:
                return
        except BalancerError as refused:  # a container that has just started has not written its files yet
            error, patience = refused, STARTING
        if time.monotonic() - begun > patience:
            raise error
        time.sleep(LOOK_AGAIN)


def _check_port(stack: Stack) -> None:
    """Refuses before anything is started when another program has the balancer's port. Raises EngineError."""
    published = stack.project.published
    running = stack.platform.container(stack.project.settings.balancer)
    up = running is not None and running.state == "running"
    if published is None or len(published.ports) > 1 or not stack.platform.local or up:
        return
    family = socket.AF_INET6 if ":" in published.address else socket.AF_INET
    port = published.ports[0]
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((published.address, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EngineError(
                f"port {port} is taken by another program", "stop it, or set another HTTP_PORT in .env"
            ) from error
