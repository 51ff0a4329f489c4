"""Whether a scale or deploy is under way, or was broken off: the project's lock and journal in the store."""

from __future__ import annotations

from ops.doctor.facts import OperationFacts
from ops.platform.ports import Store
from ops.rollout.journal import Journal, JournalState
from ops.rollout.lock import Holder, Lock


def operation_facts(store: Store, project: str) -> OperationFacts:
    """Who holds the lock, and what an operation without a living holder has left undone. Raises EngineError."""
    journal = Journal(store, project)
    state = journal.read()
    holder = Lock(store, project).status()
    # An operation that ended between these two looks has taken its journal away.
    again = journal.read() if state and not (holder and holder.alive) else None
    return read(holder, state if state and again and again.header == state.header else None)


def read(holder: Holder | None, state: JournalState | None) -> OperationFacts:
    """The facts in what was found."""
    alive = holder is not None and holder.alive
    return OperationFacts(
        holder=holder.who if holder else "",
        command=holder.command if holder else "",
        since=holder.since.timestamp() if holder else 0,
        alive=alive,
        broken_off=str(state) if state and not alive else "",
        returning=state.returning if state else False,
    )
