"""The plan of a canary deploy. Pure: a fleet, a release and the shares of traffic in, steps out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from ops.fleet import Fleet, Member, names, victims
from ops.rollout.rolling import divide, nothing_to_do, settled
from ops.rollout.starts import starts
from ops.steps import (
    Drain,
    Judge,
    Pause,
    Plan,
    Remember,
    Remove,
    Route,
    Split,
    Step,
    Target,
    replicas,
)


def plan_canary(
    fleet: Fleet,
    wanted: int,
    target: Target,
    shares: Sequence[float],
    pause_at: Collection[float] = (),
    replace: Collection[str] = frozenset(),
    together: int = 1,
) -> Plan:
    """Gives the new release one share of the traffic after the other, each judged; the last is 100.

    The replicas of before stay until the last verdict, so that going back costs one reload at full capacity. The new
    ones grow with their share. ``shares``: percentages that rise to 100; those that a broken-off deploy has behind it
    are left out by the caller. ``pause_at``: shares at which to wait for `videa promote`; ``together``: how many may
    start at the same time. Where nothing is left to compare with, nothing is left to split from either: the new ones
    get everything at once, and are judged by their own bounds.
    """
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    steps = " -> ".join(f"{share:g}%" for share in shares)
    summary = f"{replicas(wanted)} to release {target.release}, canary at {steps}"
    return Plan(tuple(_steps(fleet, new, old, wanted, shares, pause_at, together)), target, summary)


def _steps(
    fleet: Fleet,
    new: list[Member],
    old: list[Member],
    wanted: int,
    shares: Sequence[float],
    pause_at: Collection[float],
    together: int,
) -> Iterator[Step]:
    surplus = victims(new, len(new) - wanted, release="") if len(new) > wanted else ()
    staying = names(member for member in new if member not in surplus)
    # What serves is stable, also when the new file asks at a path that it never had (invariant 10).
    stable = names(member for member in old if member.ready or (member.listed and member.replica.running))
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))
    if fleet.dead:
        yield Remove(names(fleet.dead))
    there, started = len(staying), False
    for share in shares if stable else (100.0,):
        missing = math.ceil(wanted * share / 100) - there
        if missing > 0:
            there, started = there + missing, True
            yield from starts(missing, together)
        if share < 100:
            yield Split(stable, staying, share)
        else:
            yield Route(staying, started=started)
        yield Judge(share)
        if share in pause_at:
            yield Pause(share)
    yield Drain()
    if old or surplus:
        yield Remove(names(old) + names(surplus))
    yield Remember(wanted)
