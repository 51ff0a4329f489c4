"""Watches new replicas that already get requests: a replica counts as good only after some time under traffic."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from ops.errors import ReplicaNotReady
from ops.redaction.typed import shown
from ops.rollout.ready import refuse_ended
from ops.stack import Stack


def observe_replicas(stack: Stack, names: Collection[str], seconds: float, poll: Callable[[], None]) -> None:
    """Returns when the replicas have stayed ready for ``seconds``.

    ``poll``: called between two rounds of probes; raises if the operation was aborted. Raises ReplicaNotReady for a
    replica that has exited, was restarted, or has failed ``health.failure_threshold`` probes in a row.
    """
    health = stack.project.settings.health
    until = time.monotonic() + seconds
    failed = dict.fromkeys(names, 0)
    restarts: dict[str, int] = {}
    while True:
        replicas = stack.replicas(failed.__contains__)
        refuse_ended(stack, names, replicas)
        results = stack.probe(replicas)
        for replica in replicas:
            if replica.restarts > restarts.setdefault(replica.name, replica.restarts):
                raise _failed(stack, replica.name, "exited and was restarted")
            result = results.get(replica.name)
            failed[replica.name] = 0 if result and result.ok else failed[replica.name] + 1
            if failed[replica.name] >= health.failure_threshold:
                reason = f"{result.asked}: {result.reason}" if result else "it was not running"
                raise _failed(stack, replica.name, f"was no longer ready: {reason}")
        poll()
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(health.interval, left))


def _failed(stack: Stack, name: str, what: str) -> ReplicaNotReady:
    source = stack.project.service.get("environment")
    words = shown(stack.platform.last_words(name), source=source)
    return ReplicaNotReady(f"{name} {shown(what, source)} while it was watched with requests", "see its log", words)
