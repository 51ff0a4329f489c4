"""Active health checks: nginx of the open-source edition has none, so videa asks each replica and changes its list.

nginx itself only notices a replica that refuses connections. One that accepts them and never answers, or answers with
errors, is taken out here, and comes back when it answers again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ops.ejected import Ejected
from ops.errors import EngineUnreachable, LockHeld, VideaError
from ops.events import Emit, LetBack, RoundSkipped, TakenOut
from ops.models import Replica
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.traffic import Membership, Upstream


@dataclass
class Judge:
    """Counts answers in a row: ``failure_threshold`` bad ones take a replica out, ``success_threshold`` return it."""

    failure_threshold: int
    success_threshold: int
    out: set[str] = field(default_factory=set)
    bad: dict[str, int] = field(default_factory=dict)
    good: dict[str, int] = field(default_factory=dict)

    def judge(self, answers: Mapping[str, bool], listed: set[str]) -> set[str]:
        """The names to be listed after these answers of listed replicas and of those that it has taken out itself.

        Others, such as one that an operation drains, are left alone. When every listed replica is bad the list stays:
        a service that answers now and then is better than one that is switched off.
        """
        self.out &= answers.keys()
        for name, ok in answers.items():
            self.good[name] = self.good.get(name, 0) + 1 if ok else 0
            self.bad[name] = 0 if ok else self.bad.get(name, 0) + 1
        back = {name for name in self.out if self.good[name] >= self.success_threshold}
        failed = {name for name in listed & answers.keys() if self.bad[name] >= self.failure_threshold}
        wanted = (listed | back) - failed
        if not wanted & answers.keys():
            return listed
        self.out = (self.out - back) | failed
        return wanted


def watch(stack: Stack, interval: float, emit: Emit, stop: threading.Event) -> None:
    """Checks every replica at its liveness path each ``interval`` seconds until ``stop`` is set.

    What goes wrong in one round is told to ``emit`` and tried again in the next. Raises EngineUnreachable in the first.
    """
    health = stack.project.settings.health
    judge = Judge(health.failure_threshold, health.success_threshold)
    first = True
    while first or not stop.wait(interval):
        try:
            check_once(stack, judge, emit)
        except EngineUnreachable as error:
            if first:
                raise
            emit(RoundSkipped(error.message))
        except VideaError as error:
            emit(RoundSkipped(error.message))
        first = False


def check_once(stack: Stack, judge: Judge, emit: Emit) -> None:
    """One round: asks, judges, and changes the balancer's list if it must. Raises EngineError, BalancerError.

    Nothing while an operation changes something, which looks after its replicas itself. While it waits, its canary is
    left to whoever judges it, and keeps its share. What was taken out is on the engine before it is out, so that
    whoever watches next lets it back; one that an operation has listed again, or removed, is not out any more.
    """
    lock, ejected = Lock(stack.store, stack.project.name), Ejected(stack.store, stack.project.name)
    if lock.change_holder():
        return
    current = replace(stack)  # nginx's container may be another one by now
    replicas = {replica.name: replica for replica in current.replicas()}
    out = ejected.names(replicas.values())
    _remember(ejected, out, replicas)
    membership = current.gateway.membership()
    if membership.canary and membership.split is None:
        return  # written by another hand: the share could not be kept
    if membership.everything:
        listed = {name for name, replica in replicas.items() if replica.attached}
    else:
        listed = set(membership.servers) & replicas.keys()
    judge.out = out - listed - set(membership.canary)
    asked = (listed | judge.out) & replicas.keys()
    results = current.probe([replicas[name] for name in asked], live=True)
    answers = {name: name in results and results[name].ok for name in asked}
    wanted = judge.judge(answers, listed)
    if wanted != listed:
        upstream = current.upstream(sorted(wanted, key=lambda name: replicas[name].number), membership.split)
        _remember(ejected, out | judge.out, replicas)
        if not _apply(current, lock, membership, upstream):
            return
        for name in sorted(listed - wanted):
            reason = results[name].reason if name in results else "its container does not run"
            emit(TakenOut(name, reason))
        for name in sorted(wanted - listed):
            emit(LetBack(name))
    _remember(ejected, judge.out, replicas)


def _remember(ejected: Ejected, out: set[str], replicas: Mapping[str, Replica]) -> None:
    ids = {name: replicas[name].id for name in sorted(out)}
    if ids != ejected.read():
        ejected.write(ids)


def _apply(current: Stack, lock: Lock, membership: Membership, upstream: Upstream) -> bool:
    """Changes the list under the lock of operations; False when one was quicker: the round stands on old facts."""
    try:
        with lock.hold_briefly("videa watch") as lease:
            if current.gateway.membership() != membership:
                return False
            current.gateway.permit = lease.check
            current.gateway.apply(upstream)
    except LockHeld:
        return False
    return True
