"""The plan of a rolling deploy. Pure: a fleet and a release in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, Member, names, victims
from ops.steps import AwaitReady, Drain, Plan, Remember, Remove, Route, Start, Step, Target, replicas


def plan_rolling(
    fleet: Fleet, wanted: int, target: Target, surge: int = 1, replace: Collection[str] = frozenset()
) -> Plan:
    """Replaces the replicas of other releases, and those in ``replace``, ``surge`` at a time; new ones start first.

    Replicas of this release from an interrupted deploy are reused, so the same command continues where it stopped.
    """
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    summary = f"{replicas(wanted)} to release {target.release}, {surge} at a time"
    return Plan(tuple(_steps(fleet, new, old, wanted, surge)), target, summary)


def divide(fleet: Fleet, target: Target, replace: Collection[str]) -> tuple[list[Member], list[Member]]:
    """The running members that already have the target release, and those that a deploy replaces."""
    new = [
        member
        for member in fleet.alive
        if member.replica.release == target.release and member.ready and member.name not in replace
    ]
    return new, [member for member in fleet.alive if member not in new]


def settled(fleet: Fleet, new: list[Member], old: list[Member], wanted: int) -> bool:
    """Whether a deploy has nothing to do."""
    return (
        fleet.managed
        and not old
        and not fleet.dead
        and len(new) == wanted
        and all(member.listed for member in new)
        and not fleet.split
        and not fleet.stale
    )


def nothing_to_do(target: Target, wanted: int) -> Plan:
    """The plan if the present state is already the requested one."""
    return Plan((), target, f"all {replicas(wanted)} already run release {target.release}")


def _steps(fleet: Fleet, new: list[Member], old: list[Member], wanted: int, surge: int) -> Iterator[Step]:
    order = list(victims(old, len(old), release=""))
    staying = names(new)
    started = 0
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))
    if fleet.dead:
        yield Remove(names(fleet.dead))
    while len(new) + started < wanted:
        batch = min(surge, wanted - len(new) - started)
        started += batch
        last = len(new) + started >= wanted
        leaving = order if last else order[:batch]
        order = order[len(leaving) :]
        yield Start(batch)
        yield AwaitReady()
        yield Route(staying + names(member for member in order if member.listed or member.ready), started=True)
        if leaving:
            yield Drain()
            yield Remove(names(leaving))
    if order or not started:
        surplus = names(victims(new, max(0, len(new) - wanted), release=""))
        yield Route(tuple(name for name in staying if name not in surplus), started=started > 0)
        if order or surplus:
            yield Drain()
            yield Remove(names(order) + surplus)
    yield Remember(wanted)
