"""The plan of ``videa scale``. Pure: a fleet and a number in, steps out."""

from __future__ import annotations

from collections.abc import Iterator

from ops.rollout.fleet import Fleet, names, victims
from ops.rollout.steps import AwaitReady, Drain, Plan, Remember, Remove, Route, Start, Step, Target, replicas


def plan_scale(fleet: Fleet, wanted: int, target: Target) -> Plan:
    """Brings the service to ``wanted`` replicas: first more, then less; what has ended is cleared away first."""
    alive = len(fleet.alive)
    summary = f"{alive} -> {replicas(wanted)}" if alive != wanted else f"keep {replicas(wanted)}"
    return Plan(tuple(_steps(fleet, wanted, target)), target, summary)


def _steps(fleet: Fleet, wanted: int, target: Target) -> Iterator[Step]:
    leaving = victims(fleet.alive, max(0, len(fleet.alive) - wanted), target.release)
    staying = [member for member in fleet.alive if member not in leaving]
    missing = wanted - len(staying)
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
