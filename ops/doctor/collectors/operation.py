"""Running or interrupted operations: the project's lock and journal in the store; what the autoscaler has written."""

from __future__ import annotations

import msgspec

from ops.doctor.facts import HeldBack, OperationFacts
from ops.documents import Kind, TypedDocument
from ops.platform.ports import Store
from ops.rollout.entries import JournalState
from ops.rollout.holder import Holder
from ops.rollout.lock import Lock
from ops.rollout.under_way import observe

MACHINE = ("connections", "memory", "cores")
"""The limits that somebody can change, see ``ops.autoscale.bounds``; the others are wanted."""


class _Scaled(msgspec.Struct, frozen=True):
    """What counts here of ``ops.autoscale.state.ServiceState``, which is a layer above."""

    off: bool = False
    looked: float = 0.0
    limit: str = ""
    reason: str = ""


_AUTOSCALE = TypedDocument(Kind.AUTOSCALE, dict[str, _Scaled], {})


def operation_facts(store: Store, project: str) -> OperationFacts:
    """The holder of the lock, and the operation that an exited holder has left. Raises EngineError."""
    state, holder = observe(store, project)
    facts = read(holder or Lock(store, project).status(), state)
    return msgspec.structs.replace(facts, held_back=held_back(store, project))


def held_back(store: Store, project: str) -> list[HeldBack]:
    """The services that the autoscaler would scale further if the machine allowed it. Raises EngineError."""
    return [
        HeldBack(service, scaled.limit, scaled.reason, scaled.looked)
        for service, scaled in _AUTOSCALE.read(store, project).items()
        if scaled.limit in MACHINE and not scaled.off
    ]


def read(holder: Holder | None, state: JournalState | None) -> OperationFacts:
    """The facts in a lock holder and a journal."""
    alive = holder is not None and holder.alive
    return OperationFacts(
        holder=holder.who if holder else "",
        command=holder.command if holder else "",
        since=holder.since.timestamp() if holder else 0,
        alive=alive,
        broken_off=str(state) if state and not alive and not state.waiting else "",
        waiting=str(state) if state and not alive and state.waiting else "",
        returning=state.returning if state else False,
    )
