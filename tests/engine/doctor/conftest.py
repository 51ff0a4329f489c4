"""The doctor on the stack of the test run, as a library (with bounds of the test's own) and by its command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from bench.stack import clean_environment
from ops.config import Project, load
from ops.doctor import diagnose
from ops.doctor.limits import Limits
from ops.doctor.report import Report
from ops.doctor.ring import Ring
from ops.engine.client import Engine
from tests.engine.conftest import LiveStack


@dataclass(frozen=True)
class Patient:
    """A running stack that can be made ill and examined."""

    stack: LiveStack
    project: Project

    def examine(self, **limits: float) -> Report:
        """What doctor says, with these bounds instead of its own; tests restart PostgreSQL, which is no fault here."""
        return diagnose(self.project, Engine, limits=Limits(**{"pg_restarted": 0.0, **limits}))  # type: ignore[arg-type]

    def prove(self) -> Report:
        """The same, with tokens replayed among the replicas."""
        return diagnose(self.project, Engine, limits=Limits(pg_restarted=0.0), prove=True)

    def exec(self, service: str, script: str, detach: bool = False) -> str:
        """Runs a shell script in a service's container."""
        options = ("--detach",) if detach else ("-T",)
        return self.stack.compose("exec", *options, service, "sh", "-c", script)

    def sql(self, statement: str) -> str:
        """Runs one statement as the superuser."""
        return self.exec("postgres", f'psql -XAtq -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -c "{statement}"').strip()

    def redis(self, command: str) -> str:
        """Runs one command of redis-cli."""
        return self.exec("redis", f"redis-cli {command}").strip()

    def remember(self, age: float) -> None:
        """Lets doctor look once, and makes that look ``age`` seconds old: the next one takes its rates since then."""
        self.examine()
        ring = Ring(self.project.directory, self.project.name)
        *others, last = ring.read()
        ring.append(others, replace(last, taken=last.taken - age))

    @contextmanager
    def stranger(self, *options: str, service: str = "stranger") -> Iterator[str]:
        """A container that belongs to the project by its labels alone; yields its name."""
        name = f"{self.stack.project}-{service}-1"
        labels = {"project": self.stack.project, "service": service, "container-number": "1", "oneoff": "False"}
        marks = [item for key, value in labels.items() for item in ("--label", f"com.docker.compose.{key}={value}")]
        self.stack.docker("run", "--detach", "--name", name, *marks, *options)
        try:
            yield name
        finally:
            if self.stack.docker("ps", "--all", "--quiet", "--filter", f"name=^{name}$").strip():
                self.stack.docker("rm", "--force", name)

    def state(self, container: str, field: str) -> str:
        """A field of `docker inspect`."""
        return self.stack.docker("inspect", "--format", f"{{{{{field}}}}}", container).strip()

    @contextmanager
    def session(self, script: str, condition: str) -> Iterator[None]:
        """Holds a session of PostgreSQL that runs ``script``, from when ``condition`` (on pg_stat_activity) is true."""
        held = f'(echo "{script}"; sleep 60) | PGAPPNAME=fault psql -Xq -U "$POSTGRES_USER"'
        self.exec("postgres", held, detach=True)
        where = f"application_name = 'fault' AND {condition}"
        try:
            self.stack.until(lambda: self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {where}") == "1")
            yield
        finally:
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fault'")


OF_THE_LAST_MINUTE = {"app.errors", "lb.5xx", "lb.ejecting"}
"""Rates over a window that reaches back into the test before, which may have stopped a database."""


def failures(report: Report) -> set[str]:
    """The ids of the failures in a report."""
    return {finding.id for finding in report.findings if finding.severity == "fail"} - OF_THE_LAST_MINUTE


def roots(report: Report) -> set[str]:
    """The ids of the failures that do not follow from another finding."""
    found = {finding.id for finding in report.findings if finding.severity == "fail" and not finding.cause}
    return found - OF_THE_LAST_MINUTE


def warnings(report: Report) -> set[str]:
    """The ids of the warnings in a report."""
    return {finding.id for finding in report.findings if finding.severity == "warn"} - OF_THE_LAST_MINUTE


@pytest.fixture
def patient(stack: LiveStack) -> Iterator[Patient]:
    """The healthy stack, and after the test a stack that is healthy again."""
    files = tuple(str(stack.directory / name) for name in compose_files(stack))
    project = load(files, stack.project, clean_environment())
    Ring(project.directory, project.name).path.unlink(missing_ok=True)
    yield Patient(stack, project)
    stack.compose("up", "--detach", "--no-recreate", "--wait")


def compose_files(stack: LiveStack) -> list[str]:
    """The Compose files that the stack's .env names."""
    lines = (stack.directory / ".env").read_text().splitlines()
    (value,) = [line.partition("=")[2] for line in lines if line.startswith("COMPOSE_FILE=")]
    return value.split(":")


@pytest.fixture
def becomes(patient: Patient) -> Callable[[str], None]:
    """Waits until readiness through nginx is as given, "ready" or "unready"."""

    def wait(status: str) -> None:
        script = "curl -s -m 2 http://127.0.0.1:8080/health/ready || true"
        patient.stack.until(lambda: f'"{status}"' in patient.exec("nginx", script))

    return wait
