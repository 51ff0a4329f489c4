"""The plan of a canary deploy. Pure: a fleet, a release and the shares of traffic in, steps out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from ops.fleet import Fleet, Member, names, victims
from ops.rollout.batches import batches
from ops.rollout.rolling import divide, nothing_to_do, settled
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
    parallelism: int = 1,
) -> Plan:
    """Increases the new release's share of the traffic step by step, up to 100%, with a verdict at each share.

    The old replicas stay until the last verdict, so a rollback takes one reload and has full capacity. The number of
    new replicas grows with their share. ``shares``: percentages that increase to 100, without those at which an
    interrupted deploy has already passed. ``pause_at``: shares at which to wait for `videa promote`; ``parallelism``:
    number of replicas that may start at the same time. Without a stable replica there is nothing to split traffic with
    or to compare with: the new replicas get all traffic at once, and the verdict uses only the absolute bounds.
    """
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    steps = " -> ".join(f"{share:g}%" for share in shares)
    summary = f"{replicas(wanted)} to release {target.release}, canary at {steps}"
    return Plan(tuple(_steps(fleet, new, old, wanted, shares, pause_at, parallelism)), target, summary)


def _steps(
    fleet: Fleet,
    new: list[Member],
    old: list[Member],
    wanted: int,
    shares: Sequence[float],
    pause_at: Collection[float],
    parallelism: int,
) -> Iterator[Step]:
    surplus = victims(new, len(new) - wanted, release="") if len(new) > wanted else ()
    staying = names(member for member in new if member not in surplus)
    # A serving replica counts as stable, even if the new file probes a path that it does not have (invariant 10).
    stable = names(member for member in old if member.ready or (member.listed and member.replica.running))
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))
    if fleet.dead:
        yield Remove(names(fleet.dead))
    present, started = len(staying), False
    for share in shares if stable else (100.0,):
        missing = math.ceil(wanted * share / 100) - present
        if missing > 0:
            present, started = present + missing, True
            yield from batches(missing, parallelism)
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
