"""Ten faults that can be injected into a running stack and undone in a second or two, each as a context manager.

They use only the docker command, the project's name and its folder, so they work with any stack of these Compose files.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.temporary_stack import BenchError, clean_environment

TIMEOUT = 30
"""Time-out in seconds for a fault to take effect, and for the recovery."""

_UPSTREAMS = "/etc/nginx/videa/upstreams.conf"
_LISTED = r"0,/least_conn;/s//least_conn;\n        server %s-backend-99:3001 resolve max_fails=1 fail_timeout=2s;/"
_HOLD = "import os, psycopg2, time; u = os.environ['DATABASE_URL'].split('?')[0]; h = [psycopg2.connect(u, application_name='fault') for _ in range(80)]; time.sleep(300)"  # noqa: E501
_LIMITER = "for name in %s; do curl -s -m 2 http://$name:3001/health; echo; done"


@dataclass(frozen=True)
class Place:
    """The location of the stack."""

    project: str
    directory: Path

    def container(self, service: str) -> str:
        """The name of the service's first container. The numbers of replicas go up with each deploy."""
        return self.replicas()[0] if service == "backend" else f"{self.project}-{service}-1"

    def docker(self, *arguments: str, **variables: str) -> str:
        """Runs docker in the stack's folder. Raises BenchError if it fails."""
        done = subprocess.run(
            ["docker", *arguments],
            cwd=self.directory,
            env={**clean_environment(), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"docker {' '.join(arguments[:6])}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def exec(self, service: str, script: str, detach: bool = False) -> str:
        """Runs a shell script in the service's first container."""
        return self.docker("exec", *(("--detach",) if detach else ()), self.container(service), "sh", "-c", script)

    def sql(self, statement: str) -> str:
        """Runs one statement as the superuser."""
        return self.exec("postgres", f'psql -XAtq -v ON_ERROR_STOP=1 -U videa -c "{statement}"').strip()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for a condition. Raises BenchError at the time-out."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                raise BenchError(f"not within {TIMEOUT} s: {what}")
            time.sleep(0.05)

    def replicas(self) -> list[str]:
        """Names of the containers of the scaled service."""
        listed = self.docker("compose", "--ansi", "never", "ps", "--all", "--format", "{{.Name}}", "backend")
        return sorted(listed.split())


Fault: TypeAlias = Callable[[Place], AbstractContextManager[None]]


@contextmanager
def sessions(place: Place, name: str, script: str, count: str) -> Iterator[None]:
    """Holds a session of PostgreSQL that runs ``script``. Yields when ``count`` sessions match its condition."""
    held = f'(echo "{script}"; sleep 300) | PGAPPNAME={name} psql -Xq -U videa'
    place.exec("postgres", held, detach=True)
    try:
        where = f"application_name = '{name}' AND {count}"
        place.until(lambda: place.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {where}") == "1", name)
        yield
    finally:
        place.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


def open_transaction(place: Place) -> AbstractContextManager[None]:
    return sessions(place, "left-open", "BEGIN; SELECT 1;", "state = 'idle in transaction'")


@contextmanager
def queue(place: Place) -> Iterator[None]:
    holder = "SELECT pg_advisory_lock(77), pg_sleep(300);"
    with (
        sessions(place, "holder", holder, "wait_event = 'PgSleep'"),
        sessions(place, "waiter", "SELECT pg_advisory_lock(77);", "wait_event_type = 'Lock'"),
    ):
        yield


@contextmanager
def many_connections(place: Place) -> Iterator[None]:
    place.exec("backend", f'python -c "{_HOLD}"', detach=True)
    fault = "application_name = 'fault'"
    try:
        place.until(lambda: place.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {fault}") == "80", "80 connections")
        yield
    finally:
        place.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {fault}")


@contextmanager
def unread_slot(place: Place) -> Iterator[None]:
    place.sql("SELECT pg_create_physical_replication_slot('fault', true)")
    try:
        yield
    finally:
        place.sql("SELECT pg_drop_replication_slot('fault')")


@contextmanager
def redis_killed(place: Place) -> Iterator[None]:
    redis, names = place.container("redis"), " ".join(place.replicas())
    place.docker("kill", redis)
    try:
        yield
    finally:
        place.docker("start", redis)
        count = len(names.split())

        def shared() -> bool:
            return place.exec("nginx", _LIMITER % names).count('"limiter":"shared"') == count

        place.until(shared, "limits shared again")


@contextmanager
def stranger(
    place: Place, name: str, oneoff: bool, options: tuple[str, ...], command: tuple[str, ...]
) -> Iterator[str]:
    """A container with the replicas' image that belongs to the project only by its labels; yields its name."""
    image = place.docker("inspect", "--format", "{{.Config.Image}}", place.container("backend")).strip()
    labels = {"project": place.project, "service": name, "container-number": "1", "oneoff": str(oneoff)}
    marks = [item for key, value in labels.items() for item in ("--label", f"com.docker.compose.{key}={value}")]
    full = place.container(name)
    limited = options if "--memory" in options else (*options, "--memory", "64m")
    place.docker("run", "--detach", "--name", full, *marks, *limited, image, *command)
    try:
        yield full
    finally:
        place.docker("rm", "--force", full)


@contextmanager
def killed_for_memory(place: Place) -> Iterator[None]:
    limits, code = ("--memory", "32m", "--memory-swap", "32m"), "x = 'x' * 10**9"
    with stranger(place, "greedy", False, limits, ("python", "-c", code)) as name:
        place.until(lambda: known_as_killed_for_memory(place, name), "killed for memory")
        yield


def known_as_killed_for_memory(place: Place, name: str) -> bool:
    """Whether the engine knows it; starts the container again if the engine has only seen its end.

    The kernel's notification may come after the end, and is then lost.
    """
    state = place.docker("inspect", "--format", "{{.State.Status}} {{.State.OOMKilled}}", name).split()
    if state == ["exited", "false"]:
        place.docker("start", name)
    return state[-1] == "true"


@contextmanager
def near_its_memory(place: Place) -> Iterator[None]:
    limits, code = ("--memory", "40m", "--memory-swap", "40m"), "x = b'x' * (33 << 20); print('held', flush=True)"
    command = ("python", "-c", f"{code}; import time; time.sleep(300)")
    with stranger(place, "large", True, limits, command) as name:
        place.until(lambda: "held" in place.docker("logs", name), "memory held")
        yield


@contextmanager
def unhealthy(place: Place) -> Iterator[None]:
    check = ("--health-cmd", "echo it hurts; exit 1", "--health-interval", "1s", "--health-retries", "1")
    with stranger(place, "sick", True, check, ("sleep", "300")) as name:
        state = ("inspect", "--format", "{{.State.Health.Status}}", name)
        place.until(lambda: place.docker(*state).strip() == "unhealthy", "unhealthy")
        yield


@contextmanager
def other_secret(place: Place) -> Iterator[None]:
    """One more replica, started by hand: it has a different key, and nginx does not list it."""
    before = set(place.replicas())
    up = ("compose", "--ansi", "never", "up", "--detach", "--no-deps", "--no-recreate")
    scaled = f"backend={len(before) + 1}"
    place.docker(*up, "--scale", scaled, "backend", JWT_ACCESS_SECRET="0123456789abcdef" * 4)
    (name,) = set(place.replicas()) - before
    try:
        ready = f"curl -s -m 2 -o /dev/null -w '%{{http_code}}' http://{name}:3001/health/ready || true"
        place.until(lambda: place.exec("nginx", ready) == "200", "the other replica is ready")
        yield
    finally:
        place.docker("rm", "--force", name)


@contextmanager
def listed_by_hand(place: Place) -> Iterator[None]:
    """nginx lists a replica that does not exist."""
    edit = f"sed '{_LISTED % place.project}' /tmp/kept > {_UPSTREAMS}"
    place.exec("nginx", f"cp {_UPSTREAMS} /tmp/kept && {edit} && nginx -e stderr -s reload")
    try:
        yield
    finally:
        place.exec("nginx", f"cp /tmp/kept {_UPSTREAMS} && nginx -e stderr -s reload")


FAULTS: dict[str, Fault] = {
    "pg.idle_in_tx": open_transaction,
    "pg.blocked": queue,
    "pg.conn_high": many_connections,
    "pg.slot_inactive": unread_slot,
    "redis.down": redis_killed,
    "ctr.oom": killed_for_memory,
    "ctr.mem": near_its_memory,
    "ctr.unhealthy": unhealthy,
    "app.jwt_skew": other_secret,
    "lb.stale": listed_by_hand,
}
"""The check that must report it -> the fault."""
