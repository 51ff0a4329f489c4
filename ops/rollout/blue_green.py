"""The plan of a blue-green deploy. Pure: a fleet and a release in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, Member, names, victims
from ops.rollout.rolling import divide, nothing_to_do, settled
from ops.rollout.starts import starts
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
    together: int = 1,
) -> Plan:
    """Starts the whole new set beside the old, tries it, switches once, and keeps the old set for ``keep`` seconds.

    Replicas of the release that a broken-off deploy has left are kept, so the same command goes on where it ended.
    ``together``: how many may start at the same time.
    """
    new, old = divide(fleet, target, replace)
    if settled(fleet, new, old, wanted):
        return nothing_to_do(target, wanted)
    summary = f"{replicas(wanted)} to release {target.release}, in one switch"
    return Plan(tuple(_steps(fleet, new, old, wanted, keep, check, together)), target, summary)


def _steps(
    fleet: Fleet,
    new: list[Member],
    old: list[Member],
    wanted: int,
    keep: float,
    check: Check | None,
    together: int,
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
    yield from starts(missing, together)
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
