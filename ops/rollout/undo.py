"""The plan of a rollback. Pure: the state before and the present state in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet
from ops.steps import Drain, Recreate, Remove, Route


def plan_undo(
    served: Collection[str],
    removed: Collection[str],
    started: Collection[str],
    now: Fleet,
    stop_first: bool = False,
    worker: bool = False,
) -> Iterator[Route | Drain | Remove | Recreate]:
    """Yields the steps that restore what the balancer served before the operation.

    ``served``: names in the balancer before the operation; ``removed``: replicas that it has removed or was about to
    remove; ``started``: replicas that it has started. Traffic moves first, and only to replicas that are ready
    (invariant 6) or, if none is, that the balancer still lists and that are running: a serving replica is stable,
    whatever the present file defines as ready (invariant 10). New replicas serve until the old ones are back.
    With ``stop_first``, which forbids both at the same time, they are removed before, unless no other replica serves;
    a ``worker`` gets no requests.
    """
    ready = [member.name for member in now.alive if member.ready]
    old = _usable(served, now)
    back = tuple(name for name in removed if name in served and name not in old)
    listed = {member.name for member in now.members if member.listed}
    new = tuple(name for name in started if name in ready and name in listed) if back or not old else ()
    present = {member.name for member in now.members}
    leaving = tuple(name for name in started if name in present)
    early = stop_first and bool(leaving and back) and (worker or bool(old))
    first = old if early else old + new
    if first and (set(first) != listed or now.split):
        yield Route(first)
    if early:
        yield Drain()
        yield Remove(leaving)
    if back:
        yield Recreate(back)
        yield Route(old + back)
    if leaving and not early and (old or back):
        yield Drain()
        yield Remove(leaving)


def stable_gone(served: Collection[str], removed: Collection[str], now: Fleet) -> bool:
    """Whether a rollback is impossible: no replica of ``served`` is usable, and none can be created again."""
    return bool(served) and not _usable(served, now) and not set(removed) & set(served)


def stopped(served: Collection[str], now: Fleet) -> tuple[str, ...]:
    """Replicas of ``served`` that are stopped and only need a start."""
    return tuple(member.name for member in now.dead if member.name in served)


def _usable(served: Collection[str], now: Fleet) -> tuple[str, ...]:
    """Replicas of ``served`` that are ready; if none is, those that the balancer lists and that are running."""
    alive = [member for member in now.alive if member.name in served]
    serving = (member.name for member in alive if member.listed and member.replica.running)
    return tuple(member.name for member in alive if member.ready) or tuple(serving)
