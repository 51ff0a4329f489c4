"""Pauses a failed deploy until the operator decides how it ends (``failure_action: pause``)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ops.errors import Aftermath, Left, VideaError
from ops.stack import Stack


def halt(stack: Stack, served: Collection[str], permit: Callable[[], object]) -> Aftermath:
    """Sends the requests to all ready replicas that the balancer lists now or ``served`` before the operation.

    ``permit``: raises if the lock is lost. Nothing else changes, and the journal stays: any process may complete the
    operation or roll it back.
    """
    try:
        fleet = stack.fleet()
        serving = [member.name for member in fleet.ready if member.listed or member.name in served]
        listed = [member.name for member in fleet.members if member.listed]
        if serving and serving != listed:
            permit()
            stack.gateway.apply(stack.upstream(serving))
    except VideaError as error:
        return Aftermath(Left.PAUSED, error.message)
    return Aftermath(Left.PAUSED, replicas=tuple(member.name for member in fleet.members))
