"""Real PostgreSQL and Redis for the tests that want them: the images and commands of docker-compose.yml."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Started in the background by a shell, the suite inherits an ignored Ctrl-C, and so would every videa that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The docker commands of tests are short: without garbage collection below this limit, each needs a quarter less CPU.
os.environ.setdefault("GOGC", "off")
os.environ.setdefault("GOMEMLIMIT", "128MiB")

# Some machines set this for all processes. Each worker then rewrites every test at each run, and each process that a
# test starts compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

PROJECT = Path(__file__).parent.parent
LABEL = "videa.test"
ROOMS = ("engine", "contract", "server", "browser", "unit")
"""In which order tests are begun: what takes long first, so that workers beside each other end at one time.

Chromium breaks off what it loads when a container comes or goes, so no engine test may be left when its tests begin.
"""

READY_WITHIN = 60.0  # seconds; a cold disk under two busy cores needs a few


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the tests, and tells which ones stay in one worker when there are several.

    Tests on a worker's whole stack go to whoever is free, one by one; all others share what their file has made. Those
    that are free come last in their room, so that no worker waits for another one's file.
    """
    rooms = {item: item.path.relative_to(PROJECT / "tests") for item in items}
    free = {item: "live" in getattr(item, "fixturenames", ()) for item in items}
    items.sort(key=lambda item: (ROOMS.index(rooms[item].parts[0]), free[item]))
    for item in items:
        if not free[item]:
            item.add_marker(pytest.mark.xdist_group(str(rooms[item])))


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays until the end: it is not looked through again and again for garbage."""
    gc.collect()
    gc.freeze()


def docker(*arguments: str, check: bool = True) -> str:
    """Run the docker command, which knows the user's context, and return what it printed."""
    done = subprocess.run(["docker", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"docker {' '.join(arguments[:3])}: {done.stderr.strip()}", pytrace=False)
    return done.stdout.strip()


def is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def remove_leftovers() -> None:
    """Remove containers of test runs that were killed; those of runs still going on are left alone."""
    listed = docker("ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}')
    for line in listed.splitlines():
        container, owner = line.split()
        if not is_running(owner):
            docker("rm", "--force", "--volumes", container, check=False)


@pytest.fixture(scope="session")
def compose_services() -> dict[str, Any]:
    """The services of docker-compose.yml, merged and interpolated by Compose."""
    services: dict[str, Any] = json.loads(docker("compose", "config", "--format", "json"))["services"]
    remove_leftovers()
    return services


@contextmanager
def running(service: dict[str, Any], *options: str, command: tuple[str, ...] = ()) -> Iterator[str]:
    """A container of the service's image and command, by its id; removed at the end whatever happened."""
    owner = ("--label", f"{LABEL}={os.getpid()}")
    container = docker("run", "--detach", *owner, *options, service["image"], *service["command"], *command)
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container, check=False)


def wait_until_ready(container: str, *probe: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while subprocess.run(["docker", "exec", container, *probe], capture_output=True, check=False).returncode != 0:
        if time.monotonic() > deadline or docker("inspect", "--format", "{{.State.Running}}", container) != "true":
            pytest.fail(f"{' '.join(probe)} never succeeded:\n{docker('logs', container)}", pytrace=False)
        time.sleep(0.05)


def published(container: str, port: int) -> str:
    """The loopback address and port that lead to the container's `port`."""
    return docker("port", container, f"{port}/tcp")


@pytest.fixture(scope="session")
def postgres_url(compose_services: dict[str, Any]) -> Iterator[str]:
    """Address of an empty PostgreSQL that lives as long as the test run; its role may create databases."""
    service = compose_services["postgres"]
    with running(
        service,
        *("--publish", "127.0.0.1::5432", "--user", "999:999", "--shm-size", "128m"),
        *("--tmpfs", "/var/lib/postgresql/data:uid=999,gid=999,mode=0700"),
        *("--env", "POSTGRES_USER=videa", "--env", "POSTGRES_DB=videa", "--env", "POSTGRES_PASSWORD=test"),
        *("--env", f"POSTGRES_INITDB_ARGS={service['environment']['POSTGRES_INITDB_ARGS']}"),
        command=("-c", "fsync=off"),
    ) as container:
        wait_until_ready(container, "pg_isready", "--host=127.0.0.1", "--username=videa", "--dbname=videa")
        yield f"postgresql://videa:test@{published(container, 5432)}/videa"


@pytest.fixture(scope="session")
def redis_url(compose_services: dict[str, Any]) -> Iterator[str]:
    """Address of an empty Redis that lives as long as the test run."""
    with running(compose_services["redis"], "--publish", "127.0.0.1::6379", "--user", "999:999") as container:
        wait_until_ready(container, "redis-cli", "ping")
        yield f"redis://{published(container, 6379)}/0"
