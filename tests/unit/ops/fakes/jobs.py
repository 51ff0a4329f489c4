"""Jobs in memory: they start, and do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from ops.models import NEVER, Job, NewJob


@dataclass
class FakeJobs:
    """``ops.platform.job_ports.Jobs``. ``by_name``: the jobs; ``lines``: the output of each."""

    by_name: dict[str, Job] = field(default_factory=dict)
    new: list[NewJob] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    why: str = ""

    def obstacle(self) -> str:
        return self.why

    def all(self, project: str) -> list[Job]:
        return list(self.by_name.values())

    def start(self, job: NewJob) -> str | None:
        if job.name in self.by_name:
            return None
        self.new.append(job)
        labels = job.labels
        self.by_name[job.name] = Job(
            id=job.name,
            name=job.name,
            kind=labels["videa.job.kind"],
            command=labels["videa.job.command"],
            who=labels["videa.job.who"],
            at=float(labels["videa.job.at"]),
            created=NEVER,
            state="running",
            over=False,
            exit_code=0,
        )
        return job.name

    def become(self, name: str, state: str, over: bool, exit_code: int = 0) -> None:
        self.by_name[name] = replace(self.by_name[name], state=state, over=over, exit_code=exit_code)

    def wake(self, job: str) -> None:
        self.by_name[job] = replace(self.by_name[job], state="running")

    def settle(self, job: str) -> None:
        self.by_name[job] = replace(self.by_name[job], over=True)

    def output(self, job: str) -> Iterator[str]:
        yield from self.lines

    def last_words(self, job: str) -> str:
        return self.lines[-1] if self.lines else ""

    def remove(self, job: str) -> None:
        self.by_name.pop(job, None)
