"""Closes the site for maintenance, and opens it again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from ops.balancer.maintenance import networks
from ops.contract import OVERALL
from ops.errors import UsageError
from ops.interrupts import held, settle
from ops.project.settings import Health
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.traffic import Maintenance


def planned(health: Health, allow: Sequence[str], retry_after: float) -> Maintenance:
    """The settings of a closed site: OVERALL and the paths of ``health`` stay open. Raises UsageError.

    ``allow``: addresses and networks of allowed clients; ``retry_after``: seconds.
    """
    paths = tuple(dict.fromkeys(path.partition("?")[0] for path in (OVERALL, health.live, health.ready) if path))
    try:
        return Maintenance(networks(allow), paths, max(1, round(retry_after)))
    except ValueError as error:
        raise UsageError(f"--allow: {error}", "use an address or a network, such as 10.0.0.0/8") from error


def switch(stack: Stack, maintenance: Maintenance | None, command: str, dry_run: bool = False) -> bool:
    """Closes the site or, with None, opens it. Operations keep this state.

    Returns False if nothing changed. ``command``: as typed by the user. Raises LockHeld, BalancerError.
    """
    with nullcontext() if dry_run else Lock(stack.store, stack.project.name).hold_briefly(command) as lease:
        if lease:
            stack.gateway.guard(lease.permit)
        changes = stack.gateway.membership().maintenance != maintenance
        if changes and not dry_run:
            with held():
                stack.gateway.maintain(maintenance)
                settle()
        return changes
