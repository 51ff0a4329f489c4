"""The plan of ``videa scale``. Pure: a fleet and a number in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, names, victims
from ops.steps import AwaitReady, Drain, Plan, Remember, Remove, Route, Start, Step, Target, replicas


def plan_scale(fleet: Fleet, wanted: int, target: Target, ejected: Collection[str] = ()) -> Plan:
    """Brings the service to ``wanted`` replicas: first more, then less; what has ended is cleared away first.

    ``ejected``: what `videa watch` has taken out; such a one is not waited for, and out until it is ready again.
    """
    alive = len(fleet.alive)
    summary = f"{alive} -> {replicas(wanted)}" if alive != wanted else f"{replicas(wanted)}, as before"
    return Plan(tuple(_steps(fleet, wanted, target, ejected)), target, summary)


def _steps(fleet: Fleet, wanted: int, target: Target, ejected: Collection[str]) -> Iterator[Step]:
    leaving = victims(fleet.alive, max(0, len(fleet.alive) - wanted), target.release)
    staying = [member for member in fleet.alive if member not in leaving]
    missing = wanted - len(staying)
    out = [each for each in staying if each.name in ejected and not each.ready and not each.listed]
    if missing or any(each.listed for each in staying):
        staying = [member for member in staying if member not in out]
    waiting = tuple(member.name for member in staying if not member.ready and not member.listed)
    if not fleet.managed and fleet.alive:
        yield Route(names(fleet.ready or fleet.alive))
    if fleet.dead:
        yield Remove(names(fleet.dead))
    if missing:
        yield Start(missing)
    if missing or waiting:
        yield AwaitReady(waiting)
    # Also when none of the leaving is listed any more: an operation that was broken off may not have drained them.
    if missing or leaving or fleet.split or fleet.stale or not all(member.listed for member in staying):
        yield Route(names(staying), started=bool(missing))
    if leaving:
        yield Drain()
        yield Remove(names(leaving))
    yield Remember(wanted)
