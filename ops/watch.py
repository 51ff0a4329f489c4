"""Active health checks, which open-source nginx does not have: videa probes each replica and updates the upstream.

nginx itself notices only replicas that refuse connections. A replica that accepts connections but never answers, or
answers with errors, is ejected here, and returned when it answers again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ops.ejected import Ejected
from ops.errors import EngineUnreachable, LockHeld, VideaError
from ops.events import Emit
from ops.models import Replica
from ops.notices import ReplicaEjected, ReplicaReturned, RoundSkipped
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.traffic import Membership, Upstream


@dataclass
class Judge:
    """Ejects a replica after ``failure_threshold`` consecutive failures; ``success_threshold`` successes return it."""

    failure_threshold: int
    success_threshold: int
    ejected: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    successes: dict[str, int] = field(default_factory=dict)

    def judge(self, answers: Mapping[str, bool], listed: set[str]) -> set[str]:
        """The new list of names, from the ``answers`` of the ``listed`` and the ejected replicas.

        Other replicas, such as one that an operation drains, are not added. If all listed replicas fail, the list stays
        the same: a service with some errors is better than no service.
        """
        self.ejected &= answers.keys()
        for name, ok in answers.items():
            self.successes[name] = self.successes.get(name, 0) + 1 if ok else 0
            self.failures[name] = 0 if ok else self.failures.get(name, 0) + 1
        recovered = {name for name in self.ejected if self.successes[name] >= self.success_threshold}
        failed = {name for name in listed & answers.keys() if self.failures[name] >= self.failure_threshold}
        wanted = (listed | recovered) - failed
        if not wanted & answers.keys():
            return listed
        self.ejected = (self.ejected - recovered) | failed
        return wanted


def watch(stack: Stack, interval: float, emit: Emit, stop: threading.Event) -> None:
    """Probes the liveness path of all replicas of each service every ``interval`` seconds until ``stop`` is set.

    An error skips a round of its service and is emitted. Raises EngineUnreachable if the first round has this error.
    """
    watched = [(each, _judge(each)) for each in map(stack.of, stack.project.served)]
    first = True
    while first or not stop.wait(interval):
        for each, judge in watched:
            try:
                check_once(each, judge, emit)
            except EngineUnreachable as error:
                if first:
                    raise
                emit(RoundSkipped(error.message))
            except VideaError as error:
                emit(RoundSkipped(error.message))
        first = False


def _judge(stack: Stack) -> Judge:
    health = stack.project.settings.health
    return Judge(health.failure_threshold, health.success_threshold)


def check_once(stack: Stack, judge: Judge, emit: Emit) -> None:
    """One round: probes, judges, and updates the balancer if necessary. Raises EngineError, BalancerError.

    Does nothing while an operation makes changes, because the operation itself checks its replicas. While an operation
    waits, its canary is not ejected and keeps its share. Ejected replicas are stored before they are removed from the
    balancer, so that the next `videa watch` can return them. A replica that an operation has listed again or removed no
    longer counts as ejected.
    """
    lock, ejected = Lock(stack.store, stack.project.name), Ejected(stack.store, stack.project.name)
    if lock.change_holder():
        return
    current = replace(stack)  # nginx may run in a new container
    replicas = {replica.name: replica for replica in current.replicas()}
    names = ejected.names(replicas.values())
    _store(current, ejected, names, replicas)
    membership = current.gateway.membership()
    if membership.canary and membership.split is None:
        return  # not written by videa: the share would be lost
    if membership.everything:
        listed = {name for name, replica in replicas.items() if replica.attached}
    else:
        listed = set(membership.servers) & replicas.keys()
    judge.ejected = names - listed - set(membership.canary)
    probed = (listed | judge.ejected) & replicas.keys()
    results = current.probe([replicas[name] for name in probed], live=True)
    answers = {name: name in results and results[name].ok for name in probed}
    wanted = judge.judge(answers, listed)
    if wanted != listed:
        upstream = current.upstream(sorted(wanted, key=lambda name: replicas[name].number), membership.split)
        _store(current, ejected, names | judge.ejected, replicas)
        if not _apply(current, lock, membership, upstream):
            return
        for name in sorted(listed - wanted):
            reason = results[name].reason if name in results else "its container is not running"
            emit(ReplicaEjected(name, reason))
        for name in sorted(wanted - listed):
            emit(ReplicaReturned(name))
    _store(current, ejected, judge.ejected, replicas)


def _store(current: Stack, ejected: Ejected, names: set[str], replicas: Mapping[str, Replica]) -> None:
    """Stores the ejected replicas of this service; those of others stay while they exist."""
    recorded = ejected.read()
    others = {name: id for name, id in recorded.items() if name not in replicas}
    present = {container.id for container in current.containers()} if others else set()
    ids = {name: id for name, id in others.items() if id in present}
    ids |= {name: replicas[name].id for name in sorted(names)}
    if ids != recorded:
        ejected.write(ids)


def _apply(current: Stack, lock: Lock, membership: Membership, upstream: Upstream) -> bool:
    """Updates the balancer and holds the lock of operations. Returns False if an operation has changed it meanwhile."""
    try:
        with lock.hold_briefly("videa watch") as lease:
            current.gateway.guard(lease.permit)
            if current.gateway.membership() != membership:
                return False
            current.gateway.apply(upstream)
    except LockHeld:
        return False
    return True
