"""Running or interrupted operations: the project's lock and journal in the store."""

from __future__ import annotations

from ops.doctor.facts import OperationFacts
from ops.platform.ports import Store
from ops.rollout.journal import Journal, JournalState
from ops.rollout.lock import Holder, Lock


def operation_facts(store: Store, project: str) -> OperationFacts:
    """The holder of the lock, and the operation that an exited holder has left. Raises EngineError."""
    journal = Journal(store, project)
    state = journal.read()
    holder = Lock(store, project).status()
    # An operation that ended between these two reads has removed its journal.
    again = journal.read() if state and not (holder and holder.alive) else None
    return read(holder, state if state and again and again.header == state.header else None)


def read(holder: Holder | None, state: JournalState | None) -> OperationFacts:
    """The facts in a lock holder and a journal."""
    alive = holder is not None and holder.alive
    return OperationFacts(
        holder=holder.who if holder else "",
        command=holder.command if holder else "",
        since=holder.since.timestamp() if holder else 0,
        alive=alive,
        broken_off=str(state) if state and not alive else "",
        returning=state.returning if state else False,
    )
