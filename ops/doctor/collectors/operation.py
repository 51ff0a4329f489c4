"""Running or interrupted operations: the project's lock and journal in the store."""

from __future__ import annotations

from ops.doctor.facts import OperationFacts
from ops.platform.ports import Store
from ops.rollout.entries import JournalState
from ops.rollout.holder import Holder
from ops.rollout.lock import Lock
from ops.rollout.under_way import observe


def operation_facts(store: Store, project: str) -> OperationFacts:
    """The holder of the lock, and the operation that an exited holder has left. Raises EngineError."""
    state, holder = observe(store, project)
    return read(holder or Lock(store, project).status(), state)


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
