"""The plan of a blue-green deploy. Pure: a fleet and a release in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, Member, names, victims
from ops.rollout.batches import batches
from ops.rollout.rolling import divide, nothing_to_do, settled
from ops.steps import (
    Check,
    Drain,
    Keep,
    Plan,
    Remember,
    Remove,
    Route,
    Split,
    Step,
    Target,
    replicas,
)


def plan_blue_green(
    fleet: Fleet,
    wanted: int,
    target: Target,
    keep: float = 0.0,
    check: Check | None = None,
    replace: Collection[str] = frozenset(),
    parallelism: int = 1,
) -> Plan:
    """Starts the new set next to the old one, checks it, switches once, and keeps the old set for ``keep`` seconds.

    Replicas of this release from an interrupted deploy are reused, so the same command continues where it stopped.
    ``parallelism``: number of replicas that may start at the same time.
    """
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    summary = f"{replicas(wanted)} to release {target.release}, in one switch"
    return Plan(tuple(_steps(fleet, new, old, wanted, keep, check, parallelism)), target, summary)


def _steps(
    fleet: Fleet,
    new: list[Member],
    old: list[Member],
    wanted: int,
    keep: float,
    check: Check | None,
    parallelism: int,
) -> Iterator[Step]:
    surplus = victims(new, len(new) - wanted, release="") if len(new) > wanted else ()
    staying = names(member for member in new if member not in surplus)
    serving = names(member for member in old if member.listed or member.ready)
    missing = wanted - len(staying)
    switched = fleet.managed and not fleet.split and not any(member.listed for member in old)
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))
    if fleet.dead:
        yield Remove(names(fleet.dead))
    yield from batches(missing, parallelism)
    if check and serving and not switched:
        yield Split(serving, staying, 0, private=True)
        yield check
    yield Route(staying, started=missing > 0)
    yield Drain()
    if keep and serving:
        yield Keep(keep)
    if old or surplus:
        yield Remove(names(old) + names(surplus))
    yield Remember(wanted)
