"""Moves the published port from the balancer back to the service, and removes the balancer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ops import declared, documents
from ops.ejected import Ejected
from ops.engine.compose import Compose, more_arguments, up_arguments
from ops.engine.effects import check_harmless, run_harmless
from ops.engine.recreate import SHORT_ID
from ops.errors import EngineError, PlanRefused
from ops.events import Emit, announced
from ops.handover import stand_in
from ops.handover.exchange import exchange
from ops.handover.named import create_named, name_of
from ops.handover.over import bound
from ops.handover.stand_in import StandIn
from ops.models import Container
from ops.platform.ports import Permit
from ops.preflight import check_volumes
from ops.project.config import replica_count
from ops.project.copied import copied_files
from ops.project.plain import Plain
from ops.project.settings import Health
from ops.rollout import fence
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.stack import Stack

ASK_AGAIN = 0.2


@dataclass(frozen=True, slots=True)
class Leaving:
    """The declarations of a removed overlay.

    ``services``: those that get requests; ``workers``: those that get none; ``volumes``: those of the balancer;
    ``shared``: volumes that replicas may share; ``asked``: service -> port and health path, as "8000/up"; ``proxies``:
    services that run the user's own nginx and name ``services`` in its configuration.
    """

    services: tuple[str, ...]
    workers: tuple[str, ...]
    balancer: str
    volumes: tuple[str, ...]
    shared: tuple[str, ...]
    asked: Mapping[str, str] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()


def hand_back(
    stack: Stack,
    plain: Plain,
    left: Leaving,
    change: Callable[[], None],
    serves: Callable[[Stack], None],
    emit: Emit,
    command: str,
    redirect: bool = True,
) -> None:
    """Removes the balancer and lets the service publish its port again.

    ``change``: makes Compose read only the user's files; ``serves``, ``redirect``: as for ``hand_over``; ``command``:
    as typed. Raises LockHeld, PlanRefused during an operation, ConfigError, BalancerError, EngineError.
    """
    balancer, compose = left.balancer, plain.project.compose
    store, project = stack.store, plain.project.name
    with Lock(store, project).hold(command) as lease:
        if Journal(store, project).read():
            raise PlanRefused("an operation has not ended", "end it first: videa deploy --resume, or --abort")
        for container in _created(stack, left.services):  # left by a command that was killed
            stack.platform.remove(container.name)
        ours = [container for container in stack.containers() if container.service in (*left.services, balancer)]
        gone = [container for container in ours if container.service == balancer]
        published = _published(stack, left.services)
        with ExitStack() as meanwhile:
            with _undone_if_it_fails(stack, left, ours):
                replaced, alone = _create(stack, plain, left, ours, published, emit, lease.permit)
                _start_unpublished(stack, plain, left, emit, lease.permit)
                standing = None
                if any(container.running for container in gone):
                    only = f"{', '.join(alone)} can have no second container" if alone else ""
                    reason = only or stand_in.gap(stack, redirect)
                    beside = stand_in.covered(stack, gone[0].name, serves, emit, reason)
                    standing = meanwhile.enter_context(beside)
                _reload(stack, left.proxies)
                if gone or alone or _created(stack, left.services):
                    with announced(f"move the published port from {balancer} to {', '.join(left.services)}", emit):
                        _switch(stack, compose, left, gone, alone, standing, lease.permit)
            change()  # last, so that the same command can continue after a kill
        stand_in.clear(stack)  # left by a command that was killed
        exchange(stack, replaced, (), lease.permit)
        _reload(stack, left.proxies)  # immediately: until then, the user's nginx still uses the old addresses
        for container in (*gone, *replaced):
            lease.permit()
            stack.platform.remove(container.name)
        stack.platform.remove_volumes(left.volumes)
        _forget(stack, project, left)


@contextmanager
def _undone_if_it_fails(stack: Stack, left: Leaving, ours: Sequence[Container]) -> Iterator[None]:
    """Removes what was created during the block if the block fails."""
    known = {container.name for container in ours}
    try:
        yield
    except BaseException:
        for container in stack.containers():
            if container.service in left.services and container.name not in known:
                stack.platform.remove(container.name)
        raise


def _switch(
    stack: Stack,
    compose: Compose,
    left: Leaving,
    gone: Sequence[Container],
    alone: Sequence[str],
    standing: StandIn | None,
    permit: Permit,
) -> None:
    """The moment without a listener on the port: the balancer ends, and the service starts."""
    created = _created(stack, left.services)
    try:
        exchange(stack, gone, created, permit)
        if alone:
            compose.run(*up_arguments(compose, alone))
        if standing:
            _await_answers(stack, standing.name, created, left)
            standing.release()
    except BaseException:
        for container in created:
            stack.platform.stop(container.name)
        for container in gone:
            stack.platform.start(container.name)
        raise


def _published(stack: Stack, services: Collection[str]) -> set[str]:
    """The names of the containers that publish a port of the host."""
    details = stack.platform.details()
    return {container.name for container, each in details if container.service in services and any(bound(each))}


def _forget(stack: Stack, project: str, left: Leaving) -> None:
    """Removes the records that videa keeps on the engine for the project."""
    fence.forget(stack.store, project)
    Ejected(stack.store, project).write({})
    for name in (*left.services, *left.workers):
        declared.forget(stack.store, project, name)
    documents.forget(stack.store, project)
    for job in stack.platform.jobs.all(project):
        stack.platform.jobs.remove(job.id)


def _create(
    stack: Stack,
    plain: Plain,
    left: Leaving,
    ours: Sequence[Container],
    published: Collection[str],
    emit: Emit,
    permit: Permit,
) -> tuple[list[Container], list[str]]:
    """Creates the services as the user's files define them, beside the present replicas.

    ``published``: names of containers that publish a port themselves, because `videa up` has not moved it yet, or
    because an earlier removal has moved it back. Returns the replicas to replace, and the services that cannot have a
    container beside these. Raises PlanRefused, EngineError.
    """
    compose = plain.project.compose
    replaced: list[Container] = []
    alone: list[str] = []
    for service in left.services:
        old = [container for container in ours if container.service == service]
        definition = plain.project.model["services"].get(service)
        if definition is None or not any(container.running for container in old):
            continue
        if any(container.name in published for container in old):
            replaced += [container for container in old if container.name not in published]
            continue
        if _is_alone(service, definition, left, [container.name for container in ours]):
            alone.append(service)
            check_harmless(compose, up_arguments(compose, [service]), {}, [container.name for container in old])
            continue
        with announced(f"create {service} with its own port", emit):
            total = len(old) + replica_count(definition)
            if name_of(definition):
                create_named(stack, plain, service, total, permit)
            else:
                run_harmless(compose, more_arguments(compose, service, total, start=False), {}, permit=permit)
            _copy_files(stack, plain, service, next(container for container in old if container.running))
        replaced += old
    return replaced, alone


def _copy_files(stack: Stack, plain: Plain, service: str, replica: Container) -> None:
    """Compose copies secrets from the environment, and configs with content, only into what it starts itself."""
    if paths := copied_files(plain.project.model, service):
        for container in _created(stack, [service]):
            stack.platform.stand_ins.copy_files(replica.name, container.name, paths)


def _start_unpublished(stack: Stack, plain: Plain, left: Leaving, emit: Emit, permit: Permit) -> None:
    """Starts the containers that need no port of the balancer, and waits until they answer. Raises EngineError."""
    services = plain.project.model["services"]
    created = [each for each in _created(stack, left.services) if not services[each.service].get("ports")]
    prober = stack.platform.container(left.balancer)
    if not created:
        return
    with announced(f"start {', '.join(sorted({each.service for each in created}))} beside the replicas", emit):
        for container in created:
            permit()
            stack.platform.start(container.name)
        if prober and prober.running:
            _await_answers(stack, prober.id, created, left)


def _await_answers(stack: Stack, prober: str, started: Sequence[Container], left: Leaving) -> None:
    """Waits until the started containers answer. Raises EngineError if one does not by ``health.deadline``."""
    deadline = time.monotonic() + Health().deadline
    waiting = [each for each in started if each.service in left.asked]
    while waiting := [each for each in waiting if not _answers(stack, prober, each, left.asked[each.service])]:
        if time.monotonic() > deadline:
            urls = ", ".join(sorted(f"http://{each.name}:{left.asked[each.service]}" for each in waiting))
            raise EngineError(f"no answer from {urls}", "see docker compose logs")
        time.sleep(ASK_AGAIN)


def _answers(stack: Stack, prober: str, container: Container, asked: str) -> bool:
    """Whether a container is ready, or without a path, whether it answers at all.

    The request goes to its id, because replicas have the fixed name of a service as an alias.
    """
    url = f"http://{container.id[:SHORT_ID]}:{asked}"
    fails = [] if url.endswith("/") else ["-f"]
    return stack.platform.ask(prober, ["curl", "-s", *fails, "-o", "/dev/null", "--max-time", "2", url]).ok


def _reload(stack: Stack, proxies: Collection[str]) -> None:
    """Makes the user's nginx find the present containers: it resolves names only when it reads its configuration.

    If nginx refuses the configuration, it continues with the one that it has loaded.
    """
    for container in stack.containers():
        if container.service in proxies and container.running:
            stack.platform.exec(container.id, ["nginx", "-s", "reload"])


def _created(stack: Stack, services: Collection[str]) -> list[Container]:
    """The containers that were created but not started."""
    return [each for each in stack.containers() if each.service in services and each.state == "created"]


def _is_alone(service: str, definition: Mapping[str, Any], left: Leaving, names: Collection[str]) -> bool:
    """Whether a container with the user's own definition cannot exist beside the present ones, with these names."""
    try:
        check_volumes(definition, service, left.shared, 2)
    except PlanRefused:
        return True
    return name_of(definition) in names
