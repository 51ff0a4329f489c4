"""Moves the published port from the service to a new balancer.

Docker binds a port when it starts a container, and frees it when the container has ended. Between the two, a stand-in
serves new connections; where it cannot, they are refused. Everything slow therefore happens before: new replicas become
ready, and the balancer's container is created.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ops.errors import Aftermath, Left, VideaError, explained
from ops.events import Emit, announced
from ops.handover import stand_in
from ops.handover.created import create_balancer
from ops.handover.exchange import exchange
from ops.handover.stand_in import StandIn
from ops.models import Container
from ops.notices import PortMoves
from ops.platform.ports import Permit
from ops.preflight import check_volumes
from ops.project.published import target_of
from ops.rollout.ready import await_passes
from ops.rollout.targets import current_target
from ops.stack import Stack

AT_MOST = 2
"""Seconds for the old container to end: a service that ignores its stop signal would keep the port for longer."""

QUIET = 5.0
"""Seconds for clients to end their connections to the old container, once a stand-in serves new ones."""

LOOK_AGAIN = 0.2

ESTABLISHED = "01"
"""The state of an established connection in /proc/net/tcp."""


def holders(stack: Stack) -> list[Container]:
    """The running replicas that publish a port which the balancer will publish. Raises EngineError."""
    return [container for container in publishers(stack) if container.running]


def publishers(stack: Stack) -> list[Container]:
    """The replicas, running or ended, that publish a port which the balancer will publish. Raises EngineError."""
    settings = stack.project.settings
    ports = stack.project.model["services"][settings.balancer].get("ports")
    return [
        container
        for container, details in stack.platform.details()
        if container.service == settings.service
        and not container.oneoff
        and any(target_of(ports, port) is not None for port in (bound if container.running else _declared)(details))
    ]


def remove_ended(stack: Stack, published: Iterable[Container], permit: Permit) -> None:
    """Removes ended replicas that had the port before the balancer, left by a command that was killed.

    Compose would try to start them and fail, because the balancer has the port. ``published``: see ``publishers``.
    Raises EngineError.
    """
    ended = [container for container in published if container.state == "exited"]
    balancer = stack.platform.container(stack.project.settings.balancer) if ended else None
    if balancer and balancer.running:
        for container in ended:
            permit()
            stack.platform.remove(container.name)


def hand_over(
    stack: Stack,
    held: Sequence[Container],
    serves: Callable[[Stack], None],
    emit: Emit,
    permit: Permit,
    redirect: bool = True,
) -> None:
    """Replaces the replicas in ``held``, which publish the port, with new ones behind the balancer.

    ``serves``: returns when the balancer of a stack answers, or raises; ``permit``: called before each change;
    ``redirect``: whether a stand-in may serve meanwhile. Raises ReplicaNotReady, PlanRefused, LockHeld, BalancerError,
    EngineError; the old replicas then serve as before.
    """
    settings = stack.project.settings
    service, balancer = settings.service, settings.balancer
    old = {container.name for container in held}
    total = max(len(stack.replicas()), len(held) + stack.project.replicas)
    names = ", ".join(sorted(old))
    check_volumes(stack.project.service, service, settings.shared_volumes, total)
    reason = stand_in.gap(stack, redirect)
    emit(PortMoves(tuple(sorted(old)), balancer, reason))
    with ExitStack() as meanwhile:
        try:
            with announced(f"start {stack.project.replicas} of {service} beside {names}", emit):
                stack.platform.create(total, current_target(stack), permit)
                for replica in _others(stack, old):
                    permit()
                    stack.platform.start(replica.name)
            created = create_balancer(stack, permit)
            beside = stand_in.standing_in(stack, created.name, serves, emit, reason)
            standing = meanwhile.enter_context(beside)
            new = [replica.name for replica in _others(stack, old)]
            with announced("wait until ready", emit):
                await_passes(standing.stack, new)
            standing.stack.gateway.guard(permit)
            standing.stack.gateway.apply(standing.stack.upstream(new))
            with announced(f"move the published port from {names} to {balancer}", emit):
                _switch(stack, held, created, standing, serves, permit)
        except BaseException as error:
            for replica in _others(stack, old):
                permit()
                stack.platform.remove(replica.name)
            unused = stack.platform.container(balancer)
            if unused and not unused.running:
                stack.platform.remove(unused.name)
            if isinstance(error, VideaError):
                raise explained(error, Aftermath(Left.ROLLED_BACK)) from error
            raise
        for container in held:
            permit()
            stack.platform.remove(container.name)


def _switch(
    stack: Stack,
    held: Sequence[Container],
    balancer: Container,
    standing: StandIn,
    serves: Callable[[Stack], None],
    permit: Permit,
) -> None:
    """The moment without a listener on the port: the old containers end, and the balancer starts."""
    try:
        permit()
        redirecting = standing.redirect()
        if redirecting:
            _await_quiet(stack, held)
        exchange(stack, held, [balancer], permit, None if redirecting else AT_MOST)
        serves(stack)
        standing.release()
    except BaseException:
        permit()
        stack.platform.remove(balancer.name)
        for container in held:
            stack.platform.start(container.name)
        standing.release()
        raise


def _await_quiet(stack: Stack, held: Sequence[Container]) -> None:
    """Waits until the containers have no client connections any more, at most QUIET seconds.

    New connections go to the stand-in. A container without `cat` is skipped.
    """
    port = f":{stack.project.settings.port:04X}"
    deadline = time.monotonic() + QUIET
    waiting = [container.id for container in held]
    while waiting and time.monotonic() < deadline:
        answers = {each: stack.platform.exec(each, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]) for each in waiting}
        waiting = [each for each, answer in answers.items() if _connected(answer.output, port)]
        time.sleep(LOOK_AGAIN)


def _connected(table: str, port: str) -> bool:
    """Whether the kernel's table has an established connection to the port, such as ":1F40"."""
    rows = (line.split() for line in table.splitlines())
    return any(len(row) > 3 and row[1].endswith(port) and row[3] == ESTABLISHED for row in rows)


def bound(details: Mapping[str, Any]) -> Iterator[int]:
    """The ports of the host that a container binds, according to the engine's details."""
    # For a range, only NetworkSettings shows which port the container has got.
    for each in _entries((details.get("NetworkSettings") or {}).get("Ports") or {}):
        if str(each.get("HostPort")).isdecimal():
            yield int(each["HostPort"])


def _declared(details: Mapping[str, Any]) -> Iterator[int]:
    """The ports of the host that an ended container binds when it starts; for a range, it binds one of them."""
    for each in _entries((details.get("HostConfig") or {}).get("PortBindings") or {}):
        yield from _range(each["HostPort"])


def _entries(bindings: Mapping[str, Sequence[Mapping[str, str]] | None]) -> list[Mapping[str, str]]:
    return [each for entries in bindings.values() for each in entries or ()]


def _range(text: str) -> range:
    """The ports of "8080" or "8080-8082"; none if the engine chooses the port."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1) if first.isdecimal() else range(0)


def _others(stack: Stack, known: Collection[str]) -> list[Container]:
    return [replica for replica in stack.replicas() if replica.name not in known]
