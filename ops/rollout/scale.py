"""The plan of ``videa scale``. Pure: a fleet and a number in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ops.fleet import Fleet, names, victims
from ops.steps import AwaitReady, Drain, Plan, Remember, Remove, Route, Start, Step, Target, replicas


def plan_scale(fleet: Fleet, wanted: int, target: Target, ejected: Collection[str] = ()) -> Plan:
    """Scales the service to ``wanted`` replicas. Exited replicas are removed first; starts come before stops.

    ``ejected``: replicas that `videa watch` has ejected. The plan does not wait for them, and they get no traffic until
    they are ready again.
    """
    alive = len(fleet.alive)
    summary = f"{alive} -> {replicas(wanted)}" if alive != wanted else f"{replicas(wanted)}, as before"
    return Plan(tuple(_steps(fleet, wanted, target, ejected)), target, summary)


def _steps(fleet: Fleet, wanted: int, target: Target, ejected: Collection[str]) -> Iterator[Step]:
    leaving = victims(fleet.alive, max(0, len(fleet.alive) - wanted), target.release)
    gone = set(names(leaving))
    staying = [member for member in fleet.alive if member.name not in gone]
    missing = wanted - len(staying)
    out = [member for member in staying if member.name in ejected and not member.ready and not member.listed]
    if missing or any(member.listed for member in staying):
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
    # Also if no leaving replica is listed: an interrupted operation may not have drained them.
    if missing or leaving or fleet.split or fleet.stale or not all(member.listed for member in staying):
        yield Route(names(staying), started=bool(missing))
    if leaving:
        yield Drain()
        yield Remove(names(leaving))
    yield Remember(wanted)
