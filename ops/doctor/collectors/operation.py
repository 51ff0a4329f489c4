"""Running or interrupted operations, from the project's lock and journal; and the autoscaler's records."""

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
"""Limits of the machine that can be raised (see ``ops.autoscale.bounds``); the other limits are intended."""


class _Scaled(msgspec.Struct, frozen=True):
    """The relevant part of ``ops.autoscale.state.ServiceState``, which belongs to a higher layer."""

    off: bool = False
    looked: float = 0.0
    limit: str = ""
    reason: str = ""


_AUTOSCALE = TypedDocument(Kind.AUTOSCALE, dict[str, _Scaled], {})


def operation_facts(store: Store, project: str) -> OperationFacts:
    """The holder of the lock, and the operation that an exited holder left behind. Raises EngineError."""
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
