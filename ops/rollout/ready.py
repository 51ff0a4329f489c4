"""Waits until replicas are ready: enough successful probes in a row, sent directly to each replica (invariant 1)."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ops.errors import ReplicaNotReady
from ops.models import ProbeResult, Replica
from ops.redaction.typed import shown
from ops.stack import Stack

STARTING_INTERVAL = 0.2
"""Seconds between the probes of a starting replica: it has no traffic yet, so frequent probes do no harm."""


def await_ready(stack: Stack, names: Iterable[str], starting: bool = True) -> None:
    """Waits like ``await_passes``, then records the probe of the replicas' release."""
    names = tuple(names)
    await_passes(stack, names, starting)
    stack.declare(replica for replica in stack.replicas() if replica.name in names)


def await_passes(stack: Stack, names: Iterable[str], starting: bool = True) -> None:
    """Returns when every replica in ``names`` has passed ``health.success_threshold`` probes in a row.

    Raises ReplicaNotReady at once if a replica has exited or, with ``starting`` (for new replicas), was restarted;
    otherwise at ``health.deadline``.
    """
    health = stack.project.settings.health
    pause = min(STARTING_INTERVAL, health.interval)
    waiting = dict.fromkeys(names, 0)
    deadline = time.monotonic() + health.deadline
    while waiting:
        replicas = [replica for replica in stack.replicas() if replica.name in waiting]
        _refuse_ended(stack, waiting, replicas, starting)
        results = stack.probe(replicas, starting=starting)
        for name, result in results.items():
            waiting[name] = waiting[name] + 1 if result.ok else 0
        waiting = {name: passed for name, passed in waiting.items() if passed < health.success_threshold}
        if waiting and time.monotonic() > deadline:
            raise _too_late(stack, next(iter(waiting)), replicas, results)
        if waiting:
            time.sleep(pause)


def _refuse_ended(stack: Stack, waiting: Iterable[str], replicas: Iterable[Replica], starting: bool) -> None:
    by_name = {replica.name: replica for replica in replicas}
    for name in waiting:
        replica = by_name.get(name)
        if replica is None:
            raise ReplicaNotReady(f"{name} is gone", "another process removed it; see `docker events`")
        if replica.oom_killed:
            raise _failed(stack, replica, "was killed for lack of memory", "raise its memory limit in the Compose file")
        if replica.state == "paused":
            raise ReplicaNotReady(f"{name} is paused and does not answer", f"resume it: docker unpause {name}")
        if not replica.running or (starting and replica.restarts):
            # If Docker has already restarted it, its exit code is no longer known.
            code = f" with exit code {replica.exit_code}" if replica.exit_code else ""
            raise _failed(stack, replica, f"exited{code}", "see its log; --verbose shows the last lines")


def _failed(stack: Stack, replica: Replica, what: str, hint: str) -> ReplicaNotReady:
    words = _last_words(stack, replica.id)
    last = words.splitlines()[-1] if words else "it printed nothing"
    return ReplicaNotReady(f"{replica.name} {what} before it was ready: {last[:300]}", hint, words)


def _too_late(stack: Stack, name: str, replicas: Iterable[Replica], results: dict[str, ProbeResult]) -> ReplicaNotReady:
    health = stack.project.settings.health
    result = results.get(name)
    reason = result.reason if result else "it was not running"
    answering = next((replica for replica in replicas if replica.name == name and result and result.status), None)
    words = shown(stack.readiness_body(answering), stack.project.service.get("environment")) if answering else ""
    body = f": {words}" if words else ""
    return ReplicaNotReady(
        f"{name} was not ready after {health.deadline}: {health.ready} answered {reason}{body}",
        "see its log, or increase x-videa.health.deadline if it needs more time",
        _last_words(stack, name),
    )


def _last_words(stack: Stack, container: str) -> str:
    """The end of a replica's log, without secrets, because it becomes part of errors and of the history."""
    return shown(stack.platform.last_words(container), source=stack.project.service.get("environment"))
