"""Starts and removes the whole stack."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ops import declared
from ops.balancer import packaged
from ops.ejected import Ejected
from ops.errors import BalancerError, EngineError, Interrupted, UsageError
from ops.events import Emit, OperationInterrupted, announced
from ops.handover import stand_in
from ops.handover.over import hand_over, publishers, remove_ended
from ops.interrupts import settle
from ops.models import Replica
from ops.notices import OrphansLeft, OwnFilesRefused, ReleaseChanged, ServicesChanged
from ops.platform.ports import Permit
from ops.project import outline
from ops.project.startup import startup_order
from ops.rollout import fence, history, retained
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_ready
from ops.rollout.targets import current_target, drifted, variables_of
from ops.stack import Stack
from ops.traffic import Upstream

LOOK_AGAIN = 0.1
"""Seconds between queries of an nginx that is starting."""

STARTING = 10.0
"""Seconds within which a new nginx container must have written its files."""


def bring_up(
    stack: Stack, emit: Emit, command: str = "videa up", recreate: Collection[str] = (), redirect: bool = True
) -> None:
    """Starts what is not running, waits until all replicas are ready, and adds them to the balancer.

    While a replica is running, no running container changes, even if the Compose file has changed: `videa deploy`
    updates the scaled service. ``recreate``: names of other services that are recreated if they have changed. If an
    interrupted operation exists, the balancer's configuration does not change. ``command``: as typed by the user;
    ``redirect``: whether a stand-in may serve while a published port moves.
    Raises UsageError, LockHeld, PlanRefused if Compose would stop, recreate or disconnect anything else,
    EngineError, ImageUnavailable, ReplicaNotReady, BalancerError, Interrupted.
    """
    project = stack.project
    unknown = sorted(set(recreate) - set(project.model["services"]))
    if unknown:
        raise UsageError(
            f"no service {', '.join(unknown)} in the Compose file",
            f"its services: {', '.join(sorted(project.model['services']))}",
        )
    if scaled := sorted(set(recreate) & set(project.services)):
        raise UsageError(
            f"videa scales {', '.join(scaled)}",
            "to replace its replicas without losing a request: videa deploy",
        )
    with (
        Lock(stack.store, stack.project.name).hold(command) as lease,
        _interruptible("to continue: videa up; to remove the containers: videa down"),
    ):
        _bring_up(stack, emit, recreate, redirect, lease.permit)
        settle()


def _bring_up(stack: Stack, emit: Emit, recreate: Collection[str], redirect: bool, permit: Permit) -> None:
    project = stack.project
    balancer = project.settings.balancer
    packaged.provide(stack.platform.images, str(project.model["services"][balancer].get("image")), emit)
    published = publishers(stack)
    held = [container for container in published if container.running]
    if not held:
        remove_ended(stack, published, permit)
        _check_port(stack)
    outline.record(stack.store, project)
    served = [stack, *(stack.of(name) for name in project.served if name != project.settings.service)]
    workers = [stack.of(name) for name in project.services if name not in project.served]
    scaled = [*served, *workers]
    for each in scaled:
        _build_missing(each, emit)
    order = startup_order(project.model["services"], project.served, balancer)
    if held:
        _Starter(stack, emit, True, recreate, permit)(order.before)
        hand_over(stack, held, await_balancer, emit, permit, redirect)
    alive = {_name(each): _running(each) for each in scaled}
    orphans = _orphans(stack)
    targets = {_name(each): current_target(each) for each in scaled}
    new = {name for name, running in alive.items() if not running and project.of(name).replicas}
    begun = [each for each in scaled if _name(each) in new or (held and each is stack)]
    overrides = {variable: value for name in new for variable, value in targets[name].overrides.items()}
    start = _Starter(stack, emit, bool(any(alive.values()) or orphans), recreate, permit)
    # A single command, so that services wait for their dependencies.
    start([*order.before, *project.served], overrides)
    if held or not any(alive.values()):
        permit()
        Journal(stack.store, project.name).discard()  # the replicas that it describes no longer exist
    for each in begun:
        each.platform.remember(variables_of(each.project, targets[_name(each)], each.project.replicas))
    with _covered(start, redirect):
        start([*order.beside, balancer], overrides)
    start.report_changed()
    if orphans:
        emit(OrphansLeft(tuple(orphans)))
    with announced("wait until ready", emit):
        for each in served:
            each.gateway.guard(permit)
        await_balancer(stack)
        stand_in.clear(stack)
        for each in served:
            await_ready(each, [replica.name for replica in each.replicas()], starting=_name(each) in new)
    for each in begun:
        each.platform.remember({})  # in a swarm, running replicas need not stay on the node where they started
    add_to_balancer(served, emit)
    start(order.after, overrides)
    history.take_over(stack)
    for each in begun:
        target, running = targets[_name(each)], len(each.replicas())
        digest = each.platform.images.digest(target.image)
        retained.record_running(each, "videa up", target.release, target.image, digest, running)
    if not held and any(drifted(each, alive[_name(each)]) for each in served if alive[_name(each)]):
        emit(ReleaseChanged())


@contextmanager
def _covered(start: _Starter, redirect: bool) -> Iterator[None]:
    """If the balancer is to be recreated, a stand-in serves meanwhile. Raises EngineError, BalancerError."""
    stack = start.stack
    balancer = stack.project.settings.balancer
    asked = start.keep and balancer in start.recreate and balancer in stack.platform.changed_services()
    running = stack.platform.container(balancer) if asked else None
    if running is None or not running.running:
        yield
        return
    reason = stand_in.gap(stack, redirect)
    with stand_in.covered(stack, running.name, await_balancer, start.emit, reason) as standing:
        yield
        await_balancer(stack)
        if standing:
            standing.release()


def _name(stack: Stack) -> str:
    return stack.project.settings.service


def _running(stack: Stack) -> list[Replica]:
    return [replica for replica in stack.replicas() if replica.running]


def _build_missing(stack: Stack, emit: Emit) -> None:
    """Builds the service's image if it is missing and the service has a build section. Raises EngineError."""
    project = stack.project
    if "build" in project.service and not stack.platform.images.present(project.image):
        with announced(f"build {project.image}", emit):
            project.compose.run("build", project.settings.service)


def add_to_balancer(served: Sequence[Stack], emit: Emit) -> None:
    """Lists all replicas in the balancer, in one change for all services: a reload takes 0.2 s of CPU time.

    Changes nothing if there is an interrupted operation. Raises BalancerError.
    """
    state = Journal(served[0].store, served[0].project.name).read()
    if state:
        emit(OperationInterrupted(state.standing))
        return
    look, gateway = served[0].gateway.look(), served[0].gateway
    wanted: dict[str, Upstream] = {}
    for stack in served:
        stack.gateway.remember(look)
        names = [replica.name for replica in stack.replicas()]
        membership = stack.gateway.membership(remembered=True)
        if membership.everything or set(membership.servers) != set(names) or stack.outdated(membership):
            wanted[_name(stack)] = stack.upstream(names, listed=membership)
    if wanted:
        of_services = f" of {', '.join(wanted)}" if served[1:] else ""
        with announced(f"add the replicas{of_services} to the balancer", emit):
            gateway.apply(*wanted.values())
    if refused := gateway.membership(remembered=True).own.refused:
        emit(OwnFilesRefused(refused))


@dataclass(frozen=True)
class _Starter:
    """Starts services. With ``keep``, recreates only the changed ones among ``recreate``.

    ``permit``: called immediately before each change.
    """

    stack: Stack
    emit: Emit
    keep: bool
    recreate: Collection[str]
    permit: Permit

    def __call__(self, services: Sequence[str], overrides: Mapping[str, str] | None = None) -> None:
        """Raises PlanRefused, EngineError."""
        if not services:
            return
        with announced(f"start {', '.join(services)}", self.emit):
            self.stack.platform.up(services, self.permit, overrides or {}, self.recreate, self.keep)

    def report_changed(self) -> None:
        """Emits the running services whose configuration differs from the Compose file. Raises EngineError."""
        changed = self.stack.platform.changed_services() if self.keep else []
        if changed:
            self.emit(ServicesChanged(tuple(changed)))


def take_down(stack: Stack, emit: Emit, command: str = "videa down") -> None:
    """Stops and removes the project's containers and networks; keeps its volumes. ``command``: as typed by the user.

    Raises LockHeld, EngineError, Interrupted.
    """
    with (
        Lock(stack.store, stack.project.name).hold(command) as lease,
        _interruptible("to continue: videa down; to start the stack: videa up"),
    ):
        with announced("stop and remove the containers", emit):
            lease.permit()
            stand_in.clear(stack)
            stack.platform.down()
        Journal(stack.store, stack.project.name).discard()
        fence.forget(stack.store, stack.project.name)
        Ejected(stack.store, stack.project.name).write({})
        for name in stack.project.services:
            declared.forget(stack.store, stack.project.name, name)
        settle()


@contextmanager
def _interruptible(hint: str) -> Iterator[None]:
    """Turns Ctrl-C into Interrupted; running containers keep running."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; running containers keep running", hint) from None


def _orphans(stack: Stack) -> list[str]:
    """Running containers of services that are not in the Compose file, such as replicas of a renamed service."""
    services = stack.project.model["services"]
    return [
        container.name
        for container in stack.containers()
        if container.service not in services and container.state == "running"
    ]


def await_balancer(stack: Stack, starting: float | None = None) -> None:
    """Waits until nginx answers. Raises BalancerError after ``health.deadline``.

    ``starting``: seconds within which it must have written its files, by default STARTING.
    """
    started, balancer = time.monotonic(), stack.project.settings.balancer
    while True:
        error = BalancerError("nginx does not answer", f"see its log: videa logs {balancer}")
        timeout: float = stack.project.settings.health.deadline
        try:
            if stack.gateway.look().serving is not None:
                return
        except BalancerError as refused:  # a new container may not have written its files yet
            error, timeout = refused, STARTING if starting is None else starting
        if time.monotonic() - started > timeout:
            raise error
        time.sleep(LOOK_AGAIN)


def _check_port(stack: Stack) -> None:
    """Raises EngineError if another program uses the balancer's port."""
    published = stack.project.published
    running = stack.platform.container(stack.project.settings.balancer)
    is_up = running is not None and running.state == "running"
    if published is None or len(published.ports) > 1 or not stack.platform.local or is_up:
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
