"""The current operation of a project, from its journal and locks: running, waiting or interrupted."""

from __future__ import annotations

from enum import Enum

import msgspec

from ops.events import Standing
from ops.platform.ports import Store
from ops.rollout.entries import JournalState
from ops.rollout.holder import Holder
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock


class Phase(Enum):
    """WAITING: between two steps, any process may continue it; INTERRUPTED: its process has exited during a step."""

    RUNNING = "running"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"


class UnderWay(msgspec.Struct, frozen=True):
    """An operation that has not ended. ``attended``: a process is carrying it out."""

    standing: Standing
    phase: Phase
    attended: bool


def under_way(store: Store, project: str) -> UnderWay | None:
    """The operation that has not ended; None if there is none. Raises EngineError."""
    state, holder = observe(store, project)
    if state is None:
        return None
    phase = Phase.WAITING if state.waiting else Phase.RUNNING if holder else Phase.INTERRUPTED
    return UnderWay(state.standing, phase, holder is not None)


def observe(store: Store, project: str) -> tuple[JournalState | None, Holder | None]:
    """The journal, and the holder of its operation. Raises EngineError."""
    journal = Journal(store, project)
    state = journal.read()
    holder = Lock(store, project).operation_holder()
    if state is None or holder is not None:
        return state, holder
    again = journal.read()  # an operation that ended between the two reads has removed its journal
    return (again if again and again.header == state.header else None), None
