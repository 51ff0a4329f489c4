"""What a project's journal and locks say together: an operation that runs, waits, or was interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ops.events import Standing
from ops.platform.ports import Store
from ops.rollout.holder import Holder
from ops.rollout.journal import Journal, JournalState
from ops.rollout.lock import Lock


class Phase(Enum):
    """WAITING: it is whole, and anybody may take it up; INTERRUPTED: nobody carries it out, in the middle of a step."""

    RUNNING = "running"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An operation that has not ended. ``attended``: somebody carries it out."""

    standing: Standing
    phase: Phase
    attended: bool


def under_way(store: Store, project: str) -> UnderWay | None:
    """The operation that has not ended; None when there is none. Raises EngineError."""
    state, attendant = look(store, project)
    if state is None:
        return None
    phase = Phase.WAITING if state.waiting else Phase.RUNNING if attendant else Phase.INTERRUPTED
    return UnderWay(state.standing, phase, attendant is not None)


def look(store: Store, project: str) -> tuple[JournalState | None, Holder | None]:
    """The journal, and who carries its operation out. Raises EngineError."""
    journal = Journal(store, project)
    state = journal.read()
    attendant = Lock(store, project).attendant()
    if state is None or attendant is not None:
        return state, attendant
    again = journal.read()  # an operation that ended between these two looks has taken its journal away
    return (again if again and again.header == state.header else None), None
