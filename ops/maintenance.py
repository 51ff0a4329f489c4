"""Closes the site for maintenance, and opens it again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from ops.balancer.maintenance import networks
from ops.contract import OVERALL
from ops.errors import UsageError, VideaError
from ops.events import Emit, HistoryIncomplete, discard
from ops.interrupts import held, settle
from ops.project.config import Project
from ops.rollout import history
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.stack import Stack
from ops.traffic import Maintenance


def planned(project: Project, allow: Sequence[str], retry_after: float) -> Maintenance:
    """The settings for closing the site: OVERALL and the health paths of the services stay open. Raises UsageError.

    ``allow``: addresses and networks of allowed clients; ``retry_after``: seconds.
    """
    paths = tuple(dict.fromkeys(path.partition("?")[0] for path in (OVERALL, *_health_paths(project))))
    try:
        return Maintenance(networks(allow), paths, max(1, round(retry_after)))
    except ValueError as error:
        raise UsageError(f"--allow: {error}", "use an address or a network, such as 10.0.0.0/8") from error


def _health_paths(project: Project) -> Iterator[str]:
    """The health paths of every service, as clients request them; paths that no route reaches are left out."""
    for service, route in project.routes.items():
        health = project.of(service).settings.health
        for path in (health.live, health.ready):
            address = route.address(path) if path else None
            if address:
                yield address.path


def switch(
    stack: Stack, maintenance: Maintenance | None, command: str, dry_run: bool = False, emit: Emit = discard
) -> bool:
    """Closes the site or, with None, opens it. Operations keep this state. A change is added to the history.

    Returns False if nothing changed. ``command``: as typed by the user. Raises LockHeld, BalancerError.
    """
    begun = time.time()
    with nullcontext() if dry_run else Lock(stack.store, stack.project.name).hold_briefly(command) as lease:
        if lease:
            stack.gateway.guard(lease.permit)
        changes = stack.gateway.membership().maintenance != maintenance
        if changes and not dry_run:
            with held():
                stack.gateway.maintain(maintenance)
                settle()
    if changes and not dry_run:
        _record(stack, command, time.time() - begun, emit)
    return changes


def _record(stack: Stack, command: str, seconds: float, emit: Emit) -> None:
    """Writes the history. Emits an event instead of raising if this fails: the site is already closed or open."""
    entry = history.Entry(
        time=time.time(),
        who=whoami(),
        command=command,
        action=history.MAINTENANCE,
        result=history.DONE,
        release="",
        image="",
        image_id="",
        replicas=0,
        seconds=round(seconds, 3),
    )
    try:
        history.append(stack, entry)
    except VideaError as error:
        emit(HistoryIncomplete(error.message))
