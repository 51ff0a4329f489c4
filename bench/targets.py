"""The servers that bench.backend compares: how each is started, and the requested paths."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from bench.environments import node_modules, python_environment
from bench.services import DataServices
from bench.temporary_stack import ROOT, BenchError, free_port

PEERS = ROOT / "bench" / "peers"
LIVE = "/health/live"
TITLE = "/api/v1/titles/1"
EVERY_TITLE = "/api/v1/titles/{n}"
COLUMNS = (
    "id, title, original_title, year, runtime_minutes, genres, director, language, age_rating, synopsis, "
    "version, created_at, updated_at"
)
_SECRET = secrets.token_urlsafe(48)
_READY_WITHIN = 30.0
_HIGH_LIMIT = 100_000_000
"""Requests per minute: a limit that is counted for each request and never reached."""


@dataclass(frozen=True)
class Target:
    """One server. `command` is created only when needed, because it may install packages first.

    `paths`: measure -> path. `token`: makes an access token, given the server's port.
    """

    name: str
    command: Callable[[], list[str]]
    folder: Path
    paths: dict[str, str]
    token: Callable[[int], str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """A running server."""

    pid: int
    port: int
    token: str


_ALL = {"cached": TITLE, "uncached": EVERY_TITLE, "live": LIVE}


@contextmanager
def started(target: Target, services: DataServices, core: int) -> Iterator[Started]:
    """The ready server on its own core; stopped at the end. Raises BenchError."""
    port = free_port()
    output = tempfile.TemporaryFile()  # noqa: SIM115 - the server writes to it until it is stopped
    process = subprocess.Popen(
        ["taskset", "--cpu-list", str(core), *target.command()],
        cwd=target.folder,
        env=os.environ | _environment(services, port) | target.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    try:
        if not _answers(process, port):
            output.seek(0)
            raise BenchError(f"{target.name} does not answer:\n{output.read().decode()}")
        yield Started(process.pid, port, target.token(port))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


def _environment(services: DataServices, port: int) -> dict[str, str]:
    return {
        "PORT": str(port),
        "UVICORN_PORT": str(port),
        "HOST": "127.0.0.1",
        "DATABASE_URL": services.postgres,
        "REDIS_URL": services.redis,
        "JWT_ACCESS_SECRET": _SECRET,
        "JWT_REFRESH_SECRET": secrets.token_urlsafe(48),
        "JWT_ISSUER": "videa",
        "JWT_AUDIENCE": "videa",
        "NODE_ENV": "production",
        "RATE_LIMIT": str(_HIGH_LIMIT),
        "COLUMNS": COLUMNS,
    }


def access_token(url: str) -> str:
    """An access token of a new account, from the API of the backend."""
    account = {"email": f"{secrets.token_hex(8)}@bench.example", "password": secrets.token_urlsafe(16)}
    asked = urllib.request.Request(
        f"{url}/api/v1/auth/register",
        data=json.dumps(account).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


def _signed(_: int) -> str:
    """An access token that a peer accepts."""
    now = int(time.time())
    claims = {"sub": "1", "iss": "videa", "aud": "videa", "iat": now, "exp": now + 3600, "role": "user"}
    return jwt.encode(claims, _SECRET, "HS256")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{LIVE}", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    return False


def _node(folder: Path) -> list[str]:
    node_modules(folder)
    return ["node", "server.js"]


def _uvicorn(folder: Path) -> list[str]:
    python = python_environment(folder)
    return [
        str(python),
        "-m",
        "uvicorn",
        "main:app",
        "--host",
        "127.0.0.1",
        "--no-access-log",
        "--log-level",
        "warning",
    ]


TARGETS = (
    Target(
        name="videa",
        command=lambda: [sys.executable, "-m", "server"],
        folder=ROOT,
        paths=_ALL,
        token=lambda port: access_token(f"http://127.0.0.1:{port}"),
        environment={
            "APP_ENV": "production",
            "FRONTEND_URL": "http://localhost",
            "RATE_LIMITS": f"user={_HIGH_LIMIT}/60,address={_HIGH_LIMIT}/60",
        },
    ),
    Target(
        name="express", command=lambda: _node(PEERS / "express"), folder=PEERS / "express", paths=_ALL, token=_signed
    ),
    Target(
        name="fastapi", command=lambda: _uvicorn(PEERS / "fastapi"), folder=PEERS / "fastapi", paths=_ALL, token=_signed
    ),
    Target(
        name="bare aiohttp",
        command=lambda: [sys.executable, "-m", "bench.peers.bare_aiohttp"],
        folder=ROOT,
        paths={"live": LIVE},
        token=_signed,
    ),
)
