"""Moves the published port from the service to a balancer that is new, and back.

Docker binds a port when it starts a container, and frees it when the container has ended: between the two, connections
are refused. So everything slow happens before: new replicas are ready, and the balancer's container exists.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ops import declared, documents
from ops.balancer.nginx import Balancer
from ops.ejected import Ejected
from ops.engine.compose import more_arguments, up_arguments
from ops.engine.effects import check_harmless, run_harmless
from ops.errors import Aftermath, EngineError, Left, PlanRefused, VideaError, explained
from ops.events import Emit, announced
from ops.models import Container
from ops.notices import PortMoves
from ops.platform.ports import Permit
from ops.preflight import check_volumes
from ops.project.config import replica_count
from ops.project.plain import Plain
from ops.project.published import target_of
from ops.project.settings import Health
from ops.rollout import fence
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_passes
from ops.rollout.targets import current_target
from ops.stack import Stack

AT_MOST = 2
"""Seconds that the old container gets to end: a service that ignores its stop signal would keep the port for longer."""

ASK_AGAIN = 0.2

PROBER_LIFE = "3600"
"""Seconds after which a container that probes ends, should videa be killed."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a removed overlay has declared.

    ``services``: those that get requests; ``workers``: those that get none; ``volumes``: of the balancer; ``shared``:
    those that replicas may share; ``asked``: service -> port and health path, as "8000/up"; ``proxies``: services that
    run the user's own nginx, and name ``services`` in its configuration.
    """

    services: tuple[str, ...]
    workers: tuple[str, ...]
    balancer: str
    volumes: tuple[str, ...]
    shared: tuple[str, ...]
    asked: Mapping[str, str] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()


def holders(stack: Stack) -> list[Container]:
    """The running replicas that themselves publish a port that the balancer is to publish. Raises EngineError."""
    settings = stack.project.settings
    ports = stack.project.model["services"][settings.balancer].get("ports")
    return [
        container
        for container, details in stack.platform.details()
        if container.service == settings.service
        and container.running
        and not container.oneoff
        and any(target_of(ports, port) is not None for port in _bound(details))
    ]


def hand_over(stack: Stack, held: Sequence[Container], serves: Callable[[], None], emit: Emit, permit: Permit) -> None:
    """Replaces the replicas in ``held``, which publish the port, by new ones behind the balancer.

    ``serves``: returns when the balancer answers, or raises; ``permit``: called before each change. Raises
    ReplicaNotReady, PlanRefused, LockHeld, BalancerError, EngineError; the old replicas then serve as before.
    """
    settings = stack.project.settings
    service, balancer = settings.service, settings.balancer
    old = {container.name for container in held}
    total = max(len(stack.replicas()), len(held) + stack.project.replicas)
    names = ", ".join(sorted(old))
    check_volumes(stack.project.service, service, settings.shared_volumes, total)
    emit(PortMoves(tuple(sorted(old)), balancer))
    try:
        with announced(f"start {stack.project.replicas} of {service} beside {names}", emit):
            stack.platform.create(total, current_target(stack), permit)
            for replica in _others(stack, old):
                permit()
                stack.platform.start(replica.name)
        with announced("wait until ready", emit), _prober(stack) as probing:
            await_passes(probing, [replica.name for replica in _others(stack, old)])
        permit()
        stack.project.compose.run("up", "--no-start", "--no-deps", "--no-recreate", balancer)
        with announced(f"move the published port from {names} to {balancer}", emit):
            _switch(stack, held, serves, permit)
    except BaseException as error:
        for replica in _others(stack, old):
            permit()
            stack.platform.remove(replica.name)
        if isinstance(error, VideaError):
            raise explained(error, Aftermath(Left.ROLLED_BACK)) from error
        raise
    for container in held:
        permit()
        stack.platform.remove(container.name)


def hand_back(stack: Stack, plain: Plain, left: Leaving, change: Callable[[], None], emit: Emit, command: str) -> None:
    """Removes the balancer and lets the service publish its port again.

    ``change``: makes Compose read only the user's files; ``command``: as typed. Raises LockHeld, PlanRefused during an
    operation, ConfigError, EngineError.
    """
    balancer, compose = left.balancer, plain.project.compose
    store, project = stack.store, plain.project.name
    with Lock(store, project).hold(command) as lease:
        if Journal(store, project).read():
            raise PlanRefused("an operation has not ended", "end it first: videa deploy --resume, or --abort")
        ours = [container for container in stack.containers() if container.service in (*left.services, balancer)]
        known = {container.name for container in ours}
        try:
            replaced, alone = _create(plain, left, ours, emit, lease.permit)
            _start_unpublished(stack, plain, left, emit, lease.permit)
            change()
        except BaseException:
            for container in stack.containers():
                if container.service in left.services and container.name not in known:
                    stack.platform.remove(container.name)
            raise
        _reload(stack, left.proxies)
        created = _created(stack, left.services)
        gone = [container for container in ours if container.service == balancer]
        if gone or alone:
            with announced(f"move the published port from {balancer} to {', '.join(left.services)}", emit):
                try:
                    _exchange(stack, gone, created, lease.permit)
                    if alone:
                        compose.run(*up_arguments(compose, alone))
                except BaseException:
                    for container in gone:
                        stack.platform.start(container.name)
                    raise
        _exchange(stack, replaced, (), lease.permit)
        _reload(stack, left.proxies)  # at once: until then, the user's nginx still tries the old addresses
        for container in (*gone, *replaced):
            lease.permit()
            stack.platform.remove(container.name)
        stack.platform.remove_volumes(left.volumes)
        fence.forget(store, project)
        Ejected(store, project).write({})
        for name in (*left.services, *left.workers):
            declared.forget(store, project, name)
        documents.forget(store, project)
        for job in stack.platform.jobs.all(project):
            stack.platform.jobs.remove(job.id)


def _create(
    plain: Plain, left: Leaving, ours: Sequence[Container], emit: Emit, permit: Permit
) -> tuple[list[Container], list[str]]:
    """Creates the services as the user's files have them, beside the replicas of now.

    Returns the replicas that they are to replace, and the services that can have no container beside these. Raises
    PlanRefused, EngineError.
    """
    compose = plain.project.compose
    replaced: list[Container] = []
    alone: list[str] = []
    for service in left.services:
        old = [container for container in ours if container.service == service]
        definition = plain.project.model["services"].get(service)
        if definition is None or not any(container.running for container in old):
            continue
        if _is_alone(service, definition, left):
            alone.append(service)
            check_harmless(compose, up_arguments(compose, [service]), {}, [container.name for container in old])
            continue
        with announced(f"create {service} with its own port", emit):
            total = len(old) + replica_count(definition)
            run_harmless(compose, more_arguments(compose, service, total, start=False), {}, permit=permit)
        replaced += old
    return replaced, alone


def _start_unpublished(stack: Stack, plain: Plain, left: Leaving, emit: Emit, permit: Permit) -> None:
    """Starts what needs no port of the balancer's, and waits until it answers. Raises EngineError."""
    services = plain.project.model["services"]
    created = [each for each in _created(stack, left.services) if not services[each.service].get("ports")]
    prober = stack.platform.container(left.balancer)
    if not created:
        return
    with announced(f"start {', '.join(sorted({each.service for each in created}))} beside the replicas", emit):
        for container in created:
            permit()
            stack.platform.start(container.name)
        deadline = time.monotonic() + Health().deadline
        waiting = {f"http://{each.name}:{left.asked[each.service]}" for each in created if each.service in left.asked}
        while waiting and prober and prober.running:
            waiting = {url for url in waiting if not stack.platform.ask(prober.id, _question(url)).ok}
            if waiting and time.monotonic() > deadline:
                raise EngineError(
                    f"no answer from {', '.join(sorted(waiting))}", "nothing was changed; see docker compose logs"
                )
            time.sleep(ASK_AGAIN)


def _question(url: str) -> list[str]:
    """Asks whether a container is ready, or without a path, whether it answers at all."""
    return ["curl", "-s", *([] if url.endswith("/") else ["-f"]), "-o", "/dev/null", "--max-time", "2", url]


def _reload(stack: Stack, proxies: Collection[str]) -> None:
    """Makes the user's nginx find the containers of now: it resolves names only when it reads its configuration.

    With one that it refuses, it goes on with the one that it has.
    """
    for container in stack.containers():
        if container.service in proxies and container.running:
            stack.platform.exec(container.id, ["nginx", "-s", "reload"])


def _created(stack: Stack, services: Collection[str]) -> list[Container]:
    """The containers that have not been started yet."""
    return [each for each in stack.containers() if each.service in services and each.state == "created"]


def _is_alone(service: str, definition: Mapping[str, Any], left: Leaving) -> bool:
    """Whether a container with the user's own definition cannot exist beside one of now."""
    try:
        check_volumes(definition, service, left.shared, 2)
    except PlanRefused:
        return True
    return bool(definition.get("container_name"))


def _switch(stack: Stack, held: Sequence[Container], serves: Callable[[], None], permit: Permit) -> None:
    """The moment without a listener: the old containers end, and the balancer starts."""
    balancer = stack.platform.container(stack.project.settings.balancer)
    try:
        _exchange(stack, held, [balancer] if balancer else [], permit, AT_MOST)
        serves()
    except BaseException:
        permit()
        if balancer:
            stack.platform.remove(balancer.name)
        for container in held:
            stack.platform.start(container.name)
        raise


def _exchange(
    stack: Stack,
    ending: Sequence[Container],
    starting: Sequence[Container],
    permit: Permit,
    at_most: int | None = None,
) -> None:
    """Stops some containers, all at once, and then starts others."""
    permit()
    if ending:
        with ThreadPoolExecutor(len(ending)) as pool:
            list(pool.map(lambda container: stack.platform.stop(container.name, at_most), ending))
    for container in starting:
        permit()
        stack.platform.start(container.name)


@contextmanager
def _prober(stack: Stack) -> Iterator[Stack]:
    """The stack with probes from a container like the balancer's, but without its port."""
    name = f"videa.prober.{stack.project.name}"
    stack.platform.remove(name)
    command = ("--name", name, "--entrypoint", "sleep", stack.project.settings.balancer, PROBER_LIFE)
    stack.project.compose.run("run", "--detach", "--no-deps", "-T", *command)
    try:
        yield replace(stack, connect=lambda: Balancer(stack.platform, name))
    finally:
        stack.platform.remove(name)


def _bound(details: Mapping[str, Any]) -> Iterator[int]:
    """The ports of the host that a container binds, by the engine's details."""
    # Of a range, only this one says which port the container has got.
    bindings = (details.get("NetworkSettings") or {}).get("Ports") or {}
    for each in (binding for bound in bindings.values() for binding in bound or ()):
        if str(each.get("HostPort")).isdecimal():
            yield int(each["HostPort"])


def _others(stack: Stack, known: Collection[str]) -> list[Container]:
    return [replica for replica in stack.replicas() if replica.name not in known]
