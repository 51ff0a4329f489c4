"""The status of the agent, or of another process that watches the project."""

from __future__ import annotations

from dataclasses import dataclass

from ops.agent.watcher import Watching, watching
from ops.ejected import Ejected
from ops.stack import Stack

AGENT = "videa agent"
"""The agent's command, in the record of the watching process."""


@dataclass(frozen=True)
class AgentStatus:
    """``watching``: the last watching process, None if there was none or it has ended; ``runs``: its record is valid.

    ``round_age``: seconds since its last round; ``ejected``: replicas removed from the balancer; ``memory``: bytes that
    its container uses, and the limit; None if it does not run in a container.
    """

    watching: Watching | None
    runs: bool
    round_age: float | None
    ejected: tuple[str, ...]
    memory: tuple[int, int | None] | None


def observe(stack: Stack) -> AgentStatus:
    """The current status. Raises EngineError."""
    name = stack.project.name
    seen, now = watching(stack.store, name), stack.store.now()
    runs = seen is not None and seen.alive(now)
    age = max(0.0, now - seen.last_round) if seen else None
    ejected = tuple(sorted(Ejected(stack.store, name).read()))
    return AgentStatus(seen, runs, age, ejected, _memory(stack, seen) if seen and runs else None)


def agent_runs(stack: Stack) -> bool:
    """Whether the watcher is `videa agent`, not `videa watch`, which has no other duties. Raises EngineError."""
    seen = watching(stack.store, stack.project.name)
    return seen is not None and seen.command == AGENT and seen.alive(stack.store.now())


def _memory(stack: Stack, seen: Watching) -> tuple[int, int | None] | None:
    inside = [each.name for each in stack.containers() if seen.host and each.id.startswith(seen.host)]
    return next(iter(stack.platform.memory(inside).values()), None) if inside else None
