"""Waits until replicas are ready: enough successful probes in a row, sent directly to each replica (invariant 1)."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ops.errors import ReplicaNotReady
from ops.events import Emit, announced
from ops.fleet import Fleet
from ops.models import ProbeResult, Replica
from ops.platform.ports import Named
from ops.redaction.typed import shown
from ops.stack import Stack

STARTING_INTERVAL = 0.2
"""Seconds between the probes of a starting replica: it has no traffic yet, so frequent probes do no harm."""


def await_ready(stack: Stack, names: Iterable[str], starting: bool = True) -> None:
    """Waits like ``await_passes``, then records the probe of the replicas' release."""
    stack.declare(await_passes(stack, names, starting))


def await_passes(stack: Stack, names: Iterable[str], starting: bool = True) -> list[Replica]:
    """Returns the replicas ``names`` when each has passed ``health.success_threshold`` probes in a row.

    ``starting``: the replicas are new. One that exits and is restarted by
    the engine, for example while it waits for its database, has time until the deadline, like all others. Raises
    ReplicaNotReady at ``health.deadline``, later if a container's own health check cannot have a result by then, and at
    once for a replica that can no longer become ready.
    """
    health = stack.project.settings.health
    pause = min(STARTING_INTERVAL, health.interval)
    waiting = dict.fromkeys(names, 0)
    restarts: dict[str, int] = {}
    passing: dict[str, Replica] = {}
    deadline = time.monotonic() + health.deadline
    while waiting:
        replicas = stack.replicas(Named(waiting))
        refuse_ended(stack, waiting, replicas)
        results = stack.probe(replicas, starting=starting, passes=health.success_threshold)
        for replica in replicas:
            result, again = results.get(replica.name), replica.restarts != restarts.get(replica.name)
            passed = 0 if again else waiting[replica.name]
            waiting[replica.name] = passed + result.row if result and result.ok else 0
            restarts[replica.name] = replica.restarts
            passing[replica.name] = replica
        waiting = {name: passed for name, passed in waiting.items() if passed < health.success_threshold}
        delay = max((result.delay for name, result in results.items() if name in waiting), default=0.0)
        if waiting and time.monotonic() > deadline + delay:
            late = next(replica for replica in replicas if replica.name in waiting)
            raise _too_late(stack, late, results.get(late.name))
        if waiting:
            time.sleep(pause)
    return list(passing.values())


def fleet_with_started(stack: Stack, release: str, emit: Emit) -> Fleet:
    """The fleet once it is known which replicas of ``release`` are ready: those that are starting are awaited.

    One that becomes ready need not be replaced. The wait ends like that of ``await_passes``, but raises nothing for a
    replica that is not ready. Raises EngineError, BalancerError.
    """
    fleet = stack.fleet()
    starting = _starting(fleet, release)
    if not starting:
        return fleet
    deadline = time.monotonic() + stack.project.settings.health.deadline + max(starting.values())
    with announced(f"wait until it is known whether {', '.join(starting)} can stay", emit):
        while _starting(fleet, release) and time.monotonic() < deadline:
            time.sleep(STARTING_INTERVAL)
            fleet = stack.fleet()
    return fleet


def _starting(fleet: Fleet, release: str) -> dict[str, float]:
    """Name -> delay of the running replicas of ``release`` that neither are ready nor have failed."""
    return {each.name: each.delay for each in fleet.alive if each.delay and each.replica.release == release}


def refuse_ended(stack: Stack, waiting: Iterable[str], replicas: Iterable[Replica]) -> None:
    """Raises ReplicaNotReady for one of the replicas ``waiting`` that has ended. ``replicas``: the present ones."""
    by_name = {replica.name: replica for replica in replicas}
    for name in waiting:
        replica = by_name.get(name)
        if replica is None:
            raise ReplicaNotReady(f"{name} is gone", "another process removed it; see `docker events`")
        if replica.oom_killed:
            raise _failed(stack, replica, "was killed for lack of memory", "raise its memory limit in the Compose file")
        if replica.state == "paused":
            raise ReplicaNotReady(f"{name} is paused and does not answer", f"resume it: docker unpause {name}")
        if not replica.running and replica.state != "restarting":
            code = f" with exit code {replica.exit_code}" if replica.exit_code else ""
            raise _failed(stack, replica, f"exited{code}", "see its log")


def _failed(stack: Stack, replica: Replica, what: str, hint: str) -> ReplicaNotReady:
    words = _last_words(stack, replica.id)
    last = words.splitlines()[-1] if words else "it printed nothing"
    return ReplicaNotReady(f"{replica.name} {what} before it was ready: {last[:300]}", hint, words)


def _too_late(stack: Stack, replica: Replica, result: ProbeResult | None) -> ReplicaNotReady:
    deadline, words = stack.project.settings.health.deadline, _last_words(stack, replica.name)
    if replica.restarts and not (result and result.status):
        code = f", last with exit code {replica.exit_code}" if replica.exit_code else ""
        last = words.splitlines()[-1] if words else "it printed nothing"
        again = f"it exited and was restarted {replica.restarts} times{code}: {last[:300]}"
    elif result is None:
        again = "it was not running"
    else:
        source = stack.project.service.get("environment")
        body = shown(stack.readiness_body(replica), source) if result.status else ""
        again = f"{result.asked}: {shown(result.reason, source)}" + (f": {body}" if body else "")
    return ReplicaNotReady(
        f"{replica.name} was not ready after {deadline}: {again}",
        "see its log, or increase x-videa.health.deadline if it needs more time",
        words,
    )


def _last_words(stack: Stack, container: str) -> str:
    """The end of a replica's log, without secrets, because it becomes part of errors and of the history."""
    return shown(stack.platform.last_words(container), source=stack.project.service.get("environment"))
