"""The plan of a rolling deploy. Pure: a fleet and a release in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, Member, names, victims
from ops.rollout.pace import Pace
from ops.steps import (
    AwaitReady,
    Delay,
    Drain,
    Observe,
    Plan,
    Remember,
    Remove,
    Route,
    Start,
    Step,
    Stop,
    Target,
    replicas,
)


def plan_rolling(
    fleet: Fleet,
    wanted: int,
    target: Target,
    surge: int = 1,
    replace: Collection[str] = frozenset(),
    pace: Pace | None = None,
) -> Plan:
    """Replaces the replicas of other releases, and those in ``replace``, ``surge`` at a time, 0 for all at once.

    New ones start first, unless ``pace`` says otherwise. Replicas of this release from an interrupted deploy are
    reused, so the same command continues where it stopped.
    """
    pace = pace or Pace()
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    batch = surge or wanted
    steps = _stop_first if pace.stop_first else _start_first
    summary = f"{replicas(wanted)} to release {target.release}, {batch} at a time"
    return Plan(tuple(steps(fleet, new, old, wanted, batch, pace)), target, summary)


def divide(fleet: Fleet, target: Target, replace: Collection[str]) -> tuple[list[Member], list[Member]]:
    """The running members that already have the target release, and those that a deploy replaces."""
    new = [
        member
        for member in fleet.alive
        if member.replica.release == target.release and member.ready and member.name not in replace
    ]
    staying = set(names(new))
    return new, [member for member in fleet.alive if member.name not in staying]


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
    all_run = "1 replica already runs" if wanted == 1 else f"all {replicas(wanted)} already run"
    return Plan((), target, f"{all_run} release {target.release}")


def _start_first(
    fleet: Fleet, new: list[Member], old: list[Member], wanted: int, surge: int, pace: Pace
) -> Iterator[Step]:
    order = list(victims(old, len(old), release=""))
    staying = names(new)
    started = 0
    yield from _own_list(fleet)
    if fleet.dead:
        yield Remove(names(fleet.dead))
    while len(new) + started < wanted:
        if started and pace.delay:
            yield Delay(pace.delay)
        batch = min(surge, wanted - len(new) - started)
        started += batch
        last = len(new) + started >= wanted
        leaving = order if last else order[:batch]
        order = order[len(leaving) :]
        yield Start(batch)
        yield AwaitReady()
        yield Route(staying + _serving(order), started=True)
        yield from _observed(pace)
        if leaving:
            yield Drain()
            yield Remove(names(leaving))
    if order or not started:
        yield from _without_surplus(new, order, wanted, started > 0)
    yield Remember(wanted)


def _stop_first(
    fleet: Fleet, new: list[Member], old: list[Member], wanted: int, surge: int, pace: Pace
) -> Iterator[Step]:
    """The stopped replicas are removed after their successors serve: until then, a start brings them back.

    Exited replicas are removed last, so that no new replica gets the name of an earlier one.
    """
    order = list(victims(old, len(old), release=""))
    staying = names(new)
    started = 0
    yield from _own_list(fleet)
    while len(new) + started < wanted:
        if started and pace.delay:
            yield Delay(pace.delay)
        batch = min(surge, wanted - len(new) - started)
        excess = len(new) + started + len(order) + batch - wanted
        leaving = order[: min(batch, max(0, excess))]
        order = order[len(leaving) :]
        if leaving:
            yield Route(staying + _serving(order), started=started > 0)
            yield Drain()
            yield Stop(names(leaving))
        started += batch
        yield Start(batch)
        yield AwaitReady()
        yield Route(staying + _serving(order), started=True)
        yield from _observed(pace)
        if leaving:
            yield Remove(names(leaving))
    if order or not started:
        yield from _without_surplus(new, order, wanted, started > 0)
    if fleet.dead:
        yield Remove(names(fleet.dead))
    yield Remember(wanted)


def _own_list(fleet: Fleet) -> Iterator[Step]:
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))


def _serving(members: Collection[Member]) -> tuple[str, ...]:
    return names(member for member in members if member.listed or member.ready)


def _observed(pace: Pace) -> Iterator[Step]:
    if pace.monitor:
        yield Observe(pace.monitor)


def _without_surplus(new: list[Member], old: list[Member], wanted: int, started: bool) -> Iterator[Step]:
    """Removes the remaining old replicas, and the new ones beyond ``wanted``."""
    surplus = names(victims(new, max(0, len(new) - wanted), release=""))
    yield Route(tuple(name for name in names(new) if name not in surplus), started=started)
    if old or surplus:
        yield Drain()
        yield Remove(names(old) + surplus)
