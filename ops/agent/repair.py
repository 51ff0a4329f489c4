"""Repairs the balancer's list and configuration after somebody changed the stack without videa.

For example with `docker compose up --scale`, `docker rm`, `docker container prune` or an editor. Nothing is repaired
until an operation has ended, because the list belongs to the operation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ops.balancer.drift import differences, in_words
from ops.errors import BalancerError
from ops.events import Emit
from ops.models import Replica
from ops.notices import DriftRepaired, ReplicaLeftOut
from ops.rollout.journal import Journal
from ops.watch import Seen, apply_briefly

SHOWN = 4
"""Maximum differing lines of the configuration in an event."""

_SOMEBODY = "find out who writes it, or x-videa of which folder it is: videa doctor"


@dataclass
class Repair:
    """``passes``: unlisted replica -> its consecutive good probes; ``clean``: the last configuration without drift.

    ``undone``: the drift that the last repair removed; ``told``: containers of other releases already reported.
    """

    passes: dict[str, int] = field(default_factory=dict)
    clean: str | None = None
    undone: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    @property
    def undecided(self) -> bool:
        """Whether an unlisted replica has passed a probe, but not often enough yet."""
        return any(self.passes.values())

    def repair(self, seen: Seen, emit: Emit, command: str, probing: bool = True) -> None:
        """Compares the observed state with the expected one, and repairs it. Raises EngineError, BalancerError.

        Without ``probing``, only replicas that no longer exist are removed from the list. BalancerError also if
        somebody keeps making the same change: the agent does not fight over it.
        """
        membership, current = seen.membership, seen.stack
        if membership.everything or membership.canary or Journal(current.store, current.project.name).exists():
            self.passes.clear()
            return
        listed = [name for name in membership.servers if name in seen.replicas]
        gone = [name for name in membership.servers if name not in seen.replicas]
        joining = self._joining(seen, listed, emit) if probing else []
        found = [f"{name} was listed, and does not exist" for name in gone if listed or joining]
        found += [f"{name} is ready, and was not listed" for name in joining]
        if not found and probing:
            found = self._drift(seen)
            if found and found == self.undone:
                raise BalancerError(
                    "the configuration was changed again in the same way as before the last repair", _SOMEBODY
                )
            self.undone = found
        if not found:
            return
        names = sorted({*listed, *joining}, key=lambda name: seen.replicas[name].number)
        upstream = current.upstream(names or membership.servers)
        if apply_briefly(current, command, membership, upstream):
            emit(DriftRepaired(tuple(found)))

    def _joining(self, seen: Seen, listed: Collection[str], emit: Emit) -> list[str]:
        """The unlisted replicas of the same release that are ready."""
        releases = {seen.replicas[name].release for name in listed}
        others = [
            replica
            for replica in seen.replicas.values()
            if replica.running and replica.name not in listed and replica.name not in seen.ejected
        ]
        candidates = [replica for replica in others if not releases or replica.release in releases]
        self._report([replica for replica in others if replica not in candidates], emit)
        results = seen.stack.probe(candidates) if candidates else {}
        self.passes = {
            replica.name: self.passes.get(replica.name, 0) + 1
            for replica in candidates
            if replica.name in results and results[replica.name].ok
        }
        needed = seen.stack.project.settings.health.success_threshold
        joining = [name for name, passes in self.passes.items() if passes >= needed]
        for name in joining:
            del self.passes[name]
        return joining

    def _report(self, others: Collection[Replica], emit: Emit) -> None:
        for replica in others:
            if replica.id not in self.told:
                emit(ReplicaLeftOut(replica.name, replica.release))
        self.told = {replica.id for replica in others}

    def _drift(self, seen: Seen) -> list[str]:
        """The lines that differ from the configuration that videa would write for the same list."""
        membership = seen.membership
        if not membership.text or membership.text == self.clean:
            return []
        lines = differences(membership, seen.stack.upstream(membership.servers, listed=membership))
        if not lines:
            self.clean = membership.text
        return in_words(lines, SHOWN)
