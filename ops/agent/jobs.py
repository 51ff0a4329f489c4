"""The duty that restarts killed jobs: the engine does not apply a restart policy after a manual `docker kill`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ops.events import Emit
from ops.notices import JobRevived
from ops.platform.job_ports import Jobs

EVERY = 5.0
"""Seconds between rounds."""


@dataclass
class RevivedJobs:
    """Keeps every job running until its operation has ended: the job reads from the journal what is left to do.

    ``check``: raises PlanRefused if the agent must do nothing.
    """

    jobs: Jobs
    project: str
    check: Callable[[], object] = lambda: None
    every: float = EVERY
    name: str = field(default="jobs", init=False)
    on_change: bool = field(default=False, init=False)

    def run(self, emit: Emit) -> None:
        """One round. Raises EngineError, and the errors of ``check`` if there is something to do."""
        for job in self.jobs.all(self.project):
            if job.exited and not job.over:
                self.check()
                self.jobs.wake(job.id)
                emit(JobRevived(job.name, job.command))
