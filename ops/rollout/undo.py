"""The plan that puts everything back. Pure: what there was and what there is in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet
from ops.steps import Drain, Recreate, Remove, Route


def plan_undo(
    served: Collection[str], removed: Collection[str], started: Collection[str], now: Fleet
) -> Iterator[Route | Drain | Remove | Recreate]:
    """Yields the steps back to what was served before the operation.

    ``served``: names in the balancer before it; ``removed``: those it has removed or was about to; ``started``: what it
    has done so far. Traffic moves first, and only onto replicas that are ready (invariant 6) or, where none of them is,
    that the balancer still lists and that run: what serves is stable, whatever the present file says of it (invariant
    10). Replicas that it started keep serving until the old ones are back.
    """
    ready = [member.name for member in now.alive if member.ready]
    old = _standing(served, now)
    back = tuple(name for name in removed if name in served and name not in old)
    listed = {member.name for member in now.members if member.listed}
    new = tuple(name for name in started if name in ready and name in listed) if back or not old else ()
    first = old + new
    if first and (set(first) != listed or now.split):
        yield Route(first)
    if back:
        yield Recreate(back)
        yield Route(old + back)
    present = {member.name for member in now.members}
    leaving = tuple(name for name in started if name in present)
    if leaving and (old or back):
        yield Drain()
        yield Remove(leaving)


def stable_gone(served: Collection[str], removed: Collection[str], now: Fleet) -> bool:
    """Whether there is nothing to go back to: all that was served neither stands nor is in our hands to bring back."""
    return bool(served) and not _standing(served, now) and not set(removed) & set(served)


def stopped(served: Collection[str], now: Fleet) -> tuple[str, ...]:
    """Those of ``served`` that do not run and need no more than to be started again."""
    return tuple(member.name for member in now.dead if member.name in served)


def _standing(served: Collection[str], now: Fleet) -> tuple[str, ...]:
    """Those of ``served`` that are ready; where none is, those that the balancer lists and that run."""
    there = [member for member in now.alive if member.name in served]
    serving = (member.name for member in there if member.listed and member.replica.running)
    return tuple(member.name for member in there if member.ready) or tuple(serving)
