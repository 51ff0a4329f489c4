"""The doctor on the stack of the test run, as a library (with bounds of the test's own) and by its command."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import pytest
from msgspec.structs import replace

from bench.temporary_stack import clean_environment
from ops import documents
from ops.doctor import diagnose
from ops.doctor.check import Finding
from ops.doctor.collect import collect
from ops.doctor.collectors import containers
from ops.doctor.limits import Limits
from ops.doctor.report import Report, examine, selection
from ops.doctor.ring import Ring
from ops.doctor.sources import BALANCER, INSTANCES
from ops.factory import open_stack, open_store
from ops.project.config import Project
from ops.project.loading import load
from tests.engine.conftest import LiveStack

NOT_OF_THE_TEST = (
    *(
        "ctr.cpu",
        "ctr.throttled",
        "host.disk",
        "host.inodes",
        "host.mem",
        "lb.p99",
        "app.capacity",
        "doctor.broken_off",
    ),
    *("pg.slow_stmt", "pg.outlier", "redis.slowlog", "redis.fork"),
    *("app.errors", "app.ratelimit_all", "lb.5xx", "lb.ejecting", "pg.checkpoints", "pg.restarted"),
)
"""What a busy machine shows by itself, and what reaches back into an earlier test that has stopped a database.

A test that makes one of these faults asks for its check by name.
"""


@dataclass(frozen=True)
class Patient:
    """A running stack that can be made ill and examined."""

    stack: LiveStack
    project: Project

    def examine(self, *also: str, prove: bool = False, **limits: object) -> Report:
        """What doctor says, with these bounds instead of its own.

        Left out is what the machine of the test run or the test before may cause, but not the checks in ``also``.
        With ``prove`` tokens are replayed among the replicas.
        """
        return examined(self.project, Limits(**limits), also, prove)  # type: ignore[arg-type]

    def heal(self) -> None:
        """Makes it well again, which costs little when it is. Two replicas are ready and listed afterwards."""
        if not self.is_well():
            self.stack.compose("up", "--detach", "--no-recreate")
            self.stack.done("scale", "2")
            self.stack.until(self.is_well)

    def is_well(self) -> bool:
        """Whether two replicas are ready and the checks of containers, nginx and the replicas find nothing."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(containers, "SAMPLE_GAP", 0.1)  # their usage is not asked for here
            facts = collect(self.project, partial(open_stack, self.project), only=(BALANCER, INSTANCES))
        report = examine(facts, Limits(), selection(skip=NOT_OF_THE_TEST))
        return [one.ready for one in facts.instances or []] == [200, 200] and not report.findings

    def settle(self) -> None:
        """Waits until the engine has checked each replica: the doctor does not judge those that are starting."""
        self.stack.until(
            lambda: "starting" not in [self.state(name, ".State.Health.Status") for name in self.stack.replicas()]
        )

    @contextmanager
    def by_hand(self, **variables: str) -> Iterator[str]:
        """The name of a third replica that `docker compose` alone has started, with other values in ``.env``."""
        before = set(self.stack.replicas())
        up = ("up", "--detach", "--no-deps", "--no-recreate")
        with self.stack.env(**variables):
            self.stack.compose(*up, "--scale", "backend=3", "backend")
        (name,) = set(self.stack.replicas()) - before
        try:
            ask = f"curl -s -o /dev/null -w '%{{http_code}}' -m 2 http://{name}:3001/health/ready || true"
            self.stack.until(lambda: self.exec("nginx", ask) == "200")
            yield name
        finally:
            # Not by scaling down: while the others are unready, it would be the one that stays.
            heartbeat = f"videa:fleet:{self.state(name, '.Config.Hostname')}"
            self.stack.docker("rm", "--force", name)
            self.redis(f"del {heartbeat}")

    def exec(self, service: str, script: str, detach: bool = False) -> str:
        """Runs a shell script in a service's container; of the replicas, in the first one."""
        container = self.stack.replicas()[0] if service == "backend" else f"{self.stack.project}-{service}-1"
        options = ("--detach",) if detach else ()
        return self.stack.docker("exec", *options, container, "sh", "-c", script)

    def ask(self, count: int) -> list[int]:
        """The statuses of so many requests at once through nginx that no cache can answer."""
        script = (
            f"curl -s -Z --parallel-max {count} --parallel-immediate"
            " -o /dev/null -w '%{http_code}\\n' -m 10"
            f" 'http://127.0.0.1:8080/api/v1/titles?q=none[1-{count}]x{time.monotonic_ns()}'"
        )
        return [int(line) for line in self.exec("nginx", script).split()]

    def sql(self, statement: str) -> str:
        """Runs one statement as the superuser."""
        return self.exec("postgres", f'psql -XAtq -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -c "{statement}"').strip()

    def redis(self, command: str) -> str:
        """Runs one command of redis-cli."""
        return self.exec("redis", f"redis-cli {command}").strip()

    def remember(self, age: float = 60) -> None:
        """Lets doctor look once, and makes that look ``age`` seconds old: the next one takes its rates since then."""
        self.examine()
        store, project = open_store(), self.project
        *_, last = Ring(store, project).read()
        self.forget()
        Ring(store, project).append(replace(last, taken=last.taken - age))

    def forget(self) -> None:
        """Removes what doctor remembers of earlier looks."""
        documents.update(open_store(), documents.Kind.DOCTOR, self.project.name, lambda content: b"")

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

    def mend(self, finding: Finding, line: int = 0) -> str:
        """Runs the command in this line of the finding's fix, as it is printed; returns what it prints."""
        text = finding.fix.splitlines()[line]
        command = text[text.index("docker ") :]
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.stack.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def session(self, script: str, condition: str, role: str = "$POSTGRES_USER") -> Iterator[None]:
        """Holds a session of PostgreSQL that runs ``script``, from when ``condition`` (on pg_stat_activity) is true."""
        held = f'(echo "{script}"; sleep 60) | PGAPPNAME=fault psql -Xq -U "{role}" "$POSTGRES_DB"'
        self.exec("postgres", held, detach=True)
        where = f"application_name = 'fault' AND {condition}"
        try:
            self.stack.until(lambda: self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {where}") == "1")
            yield
        finally:
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fault'")


def examined(project: Project, limits: Limits, also: Collection[str] = (), prove: bool = False) -> Report:
    """What doctor says of the project, as in ``Patient.examine``."""
    checks = selection(skip=[each for each in NOT_OF_THE_TEST if each not in also])
    report = diagnose(project, partial(open_stack, project), checks=checks, limits=limits, prove=prove)
    print(*report.findings, sep="\n")  # noqa: T201 - shown by pytest when the test fails
    return report


def found(report: Report, *severities: str) -> set[str]:
    """The ids of the findings of these severities (of all, without any) that do not follow from another finding."""
    return {one.id for one in report.findings if not one.cause and (not severities or one.severity in severities)}


def finding(report: Report, check_id: str) -> Finding:
    (one,) = [each for each in report.findings if each.id == check_id]
    return one


@pytest.fixture
def patient(live: LiveStack) -> Patient:
    """The healthy stack, without a memory of earlier looks."""
    patient = Patient(live, project_of(live, (live.directory / ".env").read_text()))
    patient.forget()
    patient.heal()
    return patient


@cache
def project_of(stack: LiveStack, env: str) -> Project:
    """The project with this .env, as Compose reads it, which takes longer than to look at a healthy stack."""
    files = tuple(str(stack.directory / name) for name in compose_files(stack))
    return load(files, stack.project, clean_environment())


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
