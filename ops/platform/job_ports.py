"""The protocol for jobs: containers in which operations run, so that they need no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ops.models import Job, NewJob


class Jobs(Protocol):
    """The jobs on the platform. Every method may raise EngineError."""

    def obstacle(self) -> str:
        """Why no job of this machine's files can run on the platform, in one line; "" if one can."""

    def all(self, project: str) -> list[Job]:
        """The jobs of a project, also those that have ended."""

    def start(self, job: NewJob) -> str | None:
        """Creates and starts a job, and returns its id; None if the name is in use."""

    def wake(self, job: str) -> None:
        """Starts a job again that has exited."""

    def settle(self, job: str) -> None:
        """From now on, the job is over and is not restarted."""

    def output(self, job: str) -> Iterator[str]:
        """The lines of its standard output from its beginning on, until it has exited."""

    def last_words(self, job: str) -> str:
        """The last line of what it has printed, also on standard error; "" without one."""

    def remove(self, job: str) -> None:
        """Asks the job to exit, waits, and removes it; a missing one is not an error."""
