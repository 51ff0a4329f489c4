"""Operations without a terminal, which are not possible on a swarm yet."""

from __future__ import annotations

from dataclasses import dataclass

from ops.engine.jobs import EngineJobs


@dataclass(frozen=True)
class SwarmJobs(EngineJobs):
    """The jobs on this manager's engine: they would look for the journal there, and not in the swarm."""

    def obstacle(self) -> str:
        return "an operation on a swarm needs this terminal until it has ended"
