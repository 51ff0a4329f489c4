"""PostgreSQL and Redis for measuring a backend: the images of the stack, pinned to one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.temporary_stack import ROOT, BenchError, free_port

LABEL = "videa.bench"
_READY_WITHIN = 60.0


@dataclass(frozen=True)
class DataServices:
    """The addresses of both, and the ids of their containers."""

    postgres: str
    postgres_port: int
    redis: str
    postgres_container: str
    redis_container: str


@contextmanager
def data_services(core: int, titles: int) -> Iterator[DataServices]:
    """Start both, pinned to one core, with ``titles`` seeded titles. Raises BenchError.

    They use the host's network: a published port would add Docker's proxy process to each query.
    """
    model: dict[str, Any] = json.loads(_output("docker", "compose", "config", "--format", "json"))
    _remove_leftovers()
    postgres, redis = model["services"]["postgres"], model["services"]["redis"]
    containers: list[str] = []
    try:
        pinned: tuple[str, ...] = ("--network", "host", "--cpuset-cpus", str(core), "--user", "999:999")
        pinned += ("--label", f"{LABEL}={os.getpid()}")
        ports = free_port(), free_port()
        containers.append(
            _output(
                *("docker", "run", "--detach", *pinned, "--shm-size", "128m"),
                *("--tmpfs", "/var/lib/postgresql/data:uid=999,gid=999,mode=0700"),
                *("--env", "POSTGRES_USER=videa", "--env", "POSTGRES_DB=videa", "--env", "POSTGRES_PASSWORD=bench"),
                *(postgres["image"], *postgres["command"]),
                *("-c", f"port={ports[0]}", "-c", "listen_addresses=127.0.0.1"),
            )
        )
        listen = ("--bind", "127.0.0.1", "--port", str(ports[1]))
        containers.append(_output("docker", "run", "--detach", *pinned, redis["image"], *redis["command"], *listen))
        _wait(containers[0], "pg_isready", "--host=127.0.0.1", f"--port={ports[0]}", "--dbname=videa")
        _wait(containers[1], "redis-cli", "-p", str(ports[1]), "ping")
        services = DataServices(
            postgres=f"postgresql://videa:bench@127.0.0.1:{ports[0]}/videa",
            redis=f"redis://127.0.0.1:{ports[1]}/0",
            postgres_port=ports[0],
            postgres_container=containers[0],
            redis_container=containers[1],
        )
        seed = [sys.executable, "-m", "server", "seed", "--titles", str(titles)]
        subprocess.run(seed, cwd=ROOT, env=os.environ | {"DATABASE_URL": services.postgres}, check=True)
        yield services
    finally:
        for container in containers:
            subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False)


def _remove_leftovers() -> None:
    """Remove leftovers of runs that were killed."""
    shown = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
    for line in _output("docker", "ps", "--all", "--filter", f"label={LABEL}", "--format", shown).splitlines():
        container, owner = line.split()
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            _output("docker", "rm", "--force", "--volumes", container)


def _wait(container: str, *probe: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while subprocess.run(["docker", "exec", container, *probe], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise BenchError(f"{' '.join(probe)} never succeeded:\n{_output('docker', 'logs', container)}")
        time.sleep(0.1)


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    return done.stdout.strip()
