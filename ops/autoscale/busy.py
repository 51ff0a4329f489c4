"""Whether the autoscaler must stay idle because an operation runs, waits, or was interrupted."""

from __future__ import annotations

from contextlib import suppress

from ops.errors import VideaError
from ops.platform.ports import Store
from ops.rollout.lock import Lock
from ops.rollout.under_way import observe
from ops.stack import Stack


def busy(store: Store, project: str) -> str:
    """Why the autoscaler must not decide now; empty if it may. Raises EngineError.

    Users resume or roll back an interrupted operation, except one of the autoscaler, which its next operation replaces.
    """
    state, holder = observe(store, project)
    if holder:
        return f"`{holder.command}` of {holder.who} is running"
    if state and state.waiting:
        return f"`{state.header.command}` of {state.header.who} waits"
    if state and not state.header.automatic:
        return f"`{state.header.command}` of {state.header.who} was interrupted"
    other = Lock(store, project).active_holder()
    return f"`{other.command}` of {other.who} is running" if other else ""


def closed(stack: Stack) -> bool:
    """Whether the site is closed for maintenance, so that a missing load has no meaning."""
    with suppress(VideaError):
        return stack.gateway.membership(remembered=True).maintenance is not None
    return False
