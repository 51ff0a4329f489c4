"""The check of the stack at the end of an operation, before the operation reports its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from ops.ejected import Ejected
from ops.errors import Aftermath, BalancerError, EngineError, Left, OperationFailed, explained
from ops.fleet import Fleet
from ops.notices import NotServing
from ops.rollout.result import not_serving, unlike_plan
from ops.stack import Stack


def differences(stack: Stack, compare: Callable[[Fleet, Collection[str]], list[str]]) -> list[str]:
    """The differences that ``compare`` finds in the fleet and the balancer's list; retried while there are any.

    Like a health check, it retries before it reports a failure. Raises EngineError and BalancerError of the last try.
    """
    health = stack.project.settings.health
    found: list[str] = []
    for left in reversed(range(health.failure_threshold)):
        try:
            fleet = stack.fleet()
            membership = stack.gateway.membership(remembered=True)
            found = compare(fleet, (*membership.servers, *membership.canary))
        except (EngineError, BalancerError):
            if not left:
                raise
        else:
            if not found:
                break
        if left:
            time.sleep(health.interval)
    return found


def confirm(
    stack: Stack, wanted: int, releases: Collection[str], unready: Collection[str], repair: str
) -> list[NotServing]:
    """Checks that ``wanted`` replicas of ``releases`` serve, and returns the excused ones that do not.

    ``unready``: replicas that were not ready before, which are excused, as are ejected ones; ``repair``: what to do if
    others do not serve. Raises OperationFailed.
    """
    idle: list[NotServing] = []

    def compare(fleet: Fleet, listed: Collection[str]) -> list[str]:
        idle[:] = not_serving(fleet)
        ejected = Ejected(stack.store, stack.project.name).names(member.replica for member in fleet.members)
        return unlike_plan(fleet, listed, wanted, releases, {*unready, *ejected})

    try:
        found = differences(stack, compare)
    except (EngineError, BalancerError) as error:
        aftermath = Aftermath(Left.UNCHECKED, error.message, repair=repair)
        raise explained(OperationFailed("", ""), aftermath) from error
    if found:
        raise explained(OperationFailed("", ""), Aftermath(Left.DIFFERS, "; ".join(found), repair=repair))
    return idle
