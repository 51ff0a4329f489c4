"""Whether a scale or deploy is under way, or was broken off: the project's lock and journal on the engine."""

from __future__ import annotations

from ops.doctor.facts import OperationFacts
from ops.engine.client import Engine
from ops.rollout.journal import Journal, Story
from ops.rollout.lock import Holder, Lock


def operation_facts(engine: Engine, project: str) -> OperationFacts:
    """Who holds the lock, and what an operation without a living holder has left undone. Raises EngineError."""
    journal = Journal(engine, project)
    story = journal.read()
    holder = Lock(engine, project).status()
    # An operation that ended between these two looks has taken its journal away.
    again = journal.read() if story and not (holder and holder.alive) else None
    return read(holder, story if story and again and again.opening == story.opening else None)


def read(holder: Holder | None, story: Story | None) -> OperationFacts:
    """The facts in what was found."""
    alive = holder is not None and holder.alive
    return OperationFacts(
        holder=holder.who if holder else "",
        command=holder.command if holder else "",
        since=holder.since.timestamp() if holder else 0,
        alive=alive,
        broken_off=str(story) if story and not alive else "",
        returning=story.returning if story else False,
    )
