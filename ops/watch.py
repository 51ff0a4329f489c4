"""Active health checks, which open-source nginx does not have: videa probes each replica and updates the upstream.

nginx itself notices only replicas that refuse connections. A replica that accepts connections but never answers, or
answers with errors, is ejected here, and returned when it answers again. One that certainly cannot answer, because the
engine says that it is paused, does not run or has left nginx's networks, is ejected without further probes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ops.ejected import Ejected
from ops.errors import LockHeld
from ops.events import Emit
from ops.models import Replica
from ops.notices import EdgeReturned, ReplicaEjected, ReplicaReturned
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.traffic import Membership, Upstream

NOT_RUNNING = "its container is not running"


@dataclass
class Judge:
    """Ejects a replica after ``failure_threshold`` consecutive failures; ``success_threshold`` successes return it."""

    failure_threshold: int
    success_threshold: int
    ejected: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    successes: dict[str, int] = field(default_factory=dict)

    @property
    def undecided(self) -> bool:
        """Whether a replica has failed, or an ejected one succeeded, but not often enough yet."""
        failing = any(0 < count < self.failure_threshold for count in self.failures.values())
        return failing or any(0 < self.successes.get(name, 0) < self.success_threshold for name in self.ejected)

    def eject(self, lost: Collection[str]) -> None:
        """Marks these replicas as ejected, regardless of their earlier answers."""
        self.ejected |= set(lost)
        self.successes |= dict.fromkeys(lost, 0)

    def judge(self, answers: Mapping[str, bool], listed: set[str], lost: Collection[str] = ()) -> set[str]:
        """The new list of names, from the ``answers`` of the ``listed`` and the ejected replicas.

        ``lost``: replicas that certainly cannot answer. Other replicas, such as one that an operation drains, are not
        added. If all listed replicas fail, the list stays the same: a service with some errors is better than no
        service.
        """
        self.ejected &= answers.keys()
        for counts in (self.failures, self.successes):
            for name in counts.keys() - answers.keys():
                del counts[name]
        for name, ok in answers.items():
            self.successes[name] = self.successes.get(name, 0) + 1 if ok else 0
            self.failures[name] = 0 if ok else self.failures.get(name, 0) + 1
        recovered = {name for name in self.ejected if self.successes[name] >= self.success_threshold}
        failed = {name for name in listed & answers.keys() if self.failures[name] >= self.failure_threshold}
        failed |= listed & set(lost)
        wanted = (listed | recovered) - failed
        if not wanted & answers.keys():
            return listed
        self.ejected = (self.ejected - recovered) | failed
        return wanted


@dataclass(frozen=True)
class Seen:
    """The state that a round found and did not change. ``stack``: with the gateway that the round used."""

    stack: Stack
    membership: Membership
    replicas: Mapping[str, Replica]
    ejected: frozenset[str]


def judge_of(stack: Stack) -> Judge:
    """The judge with the limits of the service."""
    health = stack.project.settings.health
    return Judge(health.failure_threshold, health.success_threshold)


def check_once(
    stack: Stack, judge: Judge, emit: Emit, command: str = "videa watch", probing: bool = True
) -> Seen | None:
    """One round: probes, judges, and updates the balancer if necessary. Raises EngineError, BalancerError.

    Does nothing while an operation makes changes, because the operation itself checks its replicas. While an operation
    waits, its canary is not ejected and keeps its share. Ejected replicas are stored before they are removed from the
    balancer, so that the next watching process can return them. A replica that an operation has removed no longer
    counts as ejected; one that an operation has listed again is reported as returned. If there are several nginx
    instances, one with an older configuration gets the current one.

    ``command``: for the lock; without ``probing``, only replicas that certainly cannot answer are ejected. Returns the
    state found, None if the round changed it or could not read it.
    """
    ejected = Ejected(stack.store, stack.project.name)
    if Lock(stack.store, stack.project.name).change_holder():
        return None
    current = replace(stack)  # nginx may run in a new container
    replicas = {replica.name: replica for replica in current.replicas()}
    names = ejected.names(replicas.values())
    _store(current, ejected, names, replicas)
    membership = current.gateway.membership()
    if membership.canary and membership.split is None:
        return None  # not written by videa: the share would be lost
    if membership.everything:
        listed = {name for name, replica in replicas.items() if replica.attached}
    else:
        listed = set(membership.servers) & replicas.keys()
    judge.ejected = names - listed - set(membership.canary)
    for name in sorted(names & listed):
        emit(ReplicaReturned(name))
    reasons = _lost(current, [replicas[name] for name in listed])
    wanted = (listed - reasons.keys()) or listed
    if probing:
        lost, probed = set(reasons), (listed | judge.ejected) & replicas.keys()
        results = current.probe([replicas[name] for name in probed - lost], live=True)
        answers = {name: name in results and results[name].ok for name in probed}
        reasons |= {name: result.reason for name, result in results.items()}
        wanted = judge.judge(answers, listed, lost)
    else:
        judge.eject(listed - wanted)
    behind = [] if membership.everything else [edge.name for edge in membership.edges if edge.behind]
    if wanted != listed or behind:
        upstream = current.upstream(sorted(wanted, key=lambda name: replicas[name].number), membership.split)
        _store(current, ejected, names | judge.ejected, replicas)
        if not apply_briefly(current, command, membership, upstream):
            _store(current, ejected, names, replicas)
            return None
        for name in sorted(listed - wanted):
            emit(ReplicaEjected(name, reasons.get(name, NOT_RUNNING)))
        for name in sorted(wanted - listed):
            emit(ReplicaReturned(name))
        for name in behind:
            emit(EdgeReturned(name))
    _store(current, ejected, judge.ejected, replicas)
    return None if wanted != listed or behind else Seen(current, membership, replicas, frozenset(judge.ejected))


def _lost(current: Stack, listed: Collection[Replica]) -> dict[str, str]:
    """The replicas that certainly cannot answer: name -> why. Raises EngineError."""
    balancer = current.platform.container(current.project.settings.balancer) if listed else None
    networks = balancer.networks.keys() if balancer else set[str]()
    lost = {}
    for replica in listed:
        if replica.state == "paused":
            lost[replica.name] = "its container is paused"
        elif not replica.running:
            lost[replica.name] = NOT_RUNNING
        elif networks and not networks & replica.networks.keys():
            lost[replica.name] = "it is on no network of the balancer"
    return lost


def _store(current: Stack, ejected: Ejected, names: set[str], replicas: Mapping[str, Replica]) -> None:
    """Stores the ejected replicas of this service; the ones of other services are kept while they exist."""
    recorded = ejected.read()
    others = {name: id for name, id in recorded.items() if name not in replicas}
    present = {container.id for container in current.containers()} if others else set()
    ids = {name: id for name, id in others.items() if id in present}
    ids |= {name: replicas[name].id for name in sorted(names)}
    if ids != recorded:
        ejected.write(ids)


def apply_briefly(current: Stack, command: str, membership: Membership, upstream: Upstream) -> bool:
    """Updates the balancer while holding the project's lock. Returns False if an operation changed it meanwhile."""
    lock = Lock(current.store, current.project.name)
    try:
        with lock.hold_briefly(command) as lease:
            current.gateway.guard(lease.permit)
            if current.gateway.membership() != membership:
                return False
            current.gateway.apply(upstream)
    except LockHeld:
        return False
    return True
