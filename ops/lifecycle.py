"""Bringing the whole stack up, and taking it down."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops import declared
from ops.engine.images import has_image, image_id
from ops.engine.replicas import find_container
from ops.errors import BalancerError, EngineError, Interrupted
from ops.events import Emit, Note, announced
from ops.pins import remember
from ops.rollout import kept
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.ready import await_ready
from ops.rollout.targets import current_target, drifted, variables_of
from ops.stack import Stack

LOOK_AGAIN = 0.1
"""Seconds between two looks at a starting nginx."""


def bring_up(stack: Stack, emit: Emit, command: str = "videa up") -> None:
    """Starts what does not run, waits until every replica is ready, and lets the balancer serve them.

    Replicas that run are left alone, also when the Compose file has changed: that is what a deploy is for. What an
    operation that was broken off has left to the balancer is left alone too. ``command``: as it was typed.
    Raises LockHeld, EngineError, ImageUnavailable, ReplicaNotReady, BalancerError, Interrupted.
    """
    with (
        Lock(stack.engine, stack.project.name).hold(command),
        _interruptible("videa up goes on, videa down removes it"),
    ):
        _bring_up(stack, emit)


def _bring_up(stack: Stack, emit: Emit) -> None:
    project = stack.project
    service, balancer = project.settings.service, project.settings.balancer
    others = [name for name in project.model["services"] if name not in (service, balancer)]
    _check_port(stack)
    if "build" in project.service and not has_image(stack.engine, project.image):
        with announced(f"build {project.image}", emit):
            project.compose.run("build", service)
    alive = [replica for replica in stack.replicas() if replica.running]
    target = current_target(stack)
    overrides = {} if alive else target.overrides
    if others:
        with announced(f"start {', '.join(others)}", emit):
            project.compose.run("up", "--detach", *others)
    with announced(f"start {service}", emit):
        project.compose.run("up", "--detach", "--no-recreate", service, overrides=overrides)
    if not alive:
        Journal(stack.engine, project.name).discard()  # what it was about went with the containers
        remember(project.env_file, variables_of(project, target, project.replicas))
    with announced(f"start {balancer}", emit):
        project.compose.run("up", "--detach", "--no-deps", balancer)
    with announced("wait until ready", emit):
        _await_balancer(stack)
        await_ready(stack, [replica.name for replica in stack.replicas()], starting=not alive)
    names = [replica.name for replica in stack.replicas()]
    membership = stack.balancer.membership()
    story = Journal(stack.engine, project.name).read()
    if story:
        emit(Note(f"{story} was broken off; end it: videa deploy --resume, or put it back: videa deploy --abort"))
    elif membership.everything or set(membership.servers) != set(names) or stack.outdated(membership):
        with announced("let the balancer serve them", emit):
            stack.balancer.apply(stack.upstream(names))
    if not alive:
        digest = image_id(stack.engine, target.image)
        kept.found(stack, "videa up", target.release, target.image, digest, len(names))
    if alive and drifted(stack, alive):
        emit(Note("the Compose file or its image has changed since; roll it out with: videa deploy"))


def take_down(stack: Stack, emit: Emit, command: str = "videa down") -> None:
    """Stops and removes the project's containers and networks; volumes stay. ``command``: as it was typed.

    Raises LockHeld, EngineError, Interrupted.
    """
    with Lock(stack.engine, stack.project.name).hold(command), _interruptible("videa down goes on, videa up starts it"):
        with announced("stop and remove the containers", emit):
            stack.project.compose.run("down")
        Journal(stack.engine, stack.project.name).discard()
        declared.forget(stack.engine, stack.project.name, stack.project.settings.service)


@contextmanager
def _interruptible(hint: str) -> Iterator[None]:
    """Ctrl-C leaves what runs at that moment as it is, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what runs now was left running", hint) from None


def _await_balancer(stack: Stack) -> None:
    """Returns when nginx answers. Raises BalancerError at ``health.deadline``."""
    deadline = time.monotonic() + stack.project.settings.health.deadline
    while stack.balancer.look().serving is None:
        if time.monotonic() > deadline:
            raise BalancerError(
                "nginx does not answer", f"its log: docker compose logs {stack.project.settings.balancer}"
            )
        time.sleep(LOOK_AGAIN)


def _check_port(stack: Stack) -> None:
    """Refuses before anything is started when another program has the balancer's port. Raises EngineError."""
    published = stack.project.published_port
    running = find_container(stack.engine, stack.project.name, stack.project.settings.balancer)
    if published is None or not stack.engine.local or (running and running.state == "running"):
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(published)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise EngineError(
                    f"port {published[1]} is taken by another program", "stop it, or set another HTTP_PORT in .env"
                ) from error
