"""A separate stack for measurements: a copy of the Compose files in a temporary folder, removed at the end.

Needs what `make up` prepares (engine, images, `.env`); does not touch the user's running stack.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "videa-bench"
RELEASES = ("videa-bench-backend:a", "videa-bench-backend:b")
"""Two images with the same code and different labels, so that a deploy replaces every replica."""

HIGH_LIMITS = ROOT / "bench" / "limits"

_SECRETS = (
    *("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD", "REDIS_ADMIN_PASSWORD"),
    *("JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET", "TESTER_KEY"),
)
_OWN = (*_SECRETS, "HTTP_PORT", "COMPOSE_FILE")
_OWN_STATE = ("COMPOSE_PROJECT_NAME", "BACKEND_REPLICAS", "BACKEND_IMAGE", "VIDEA_RELEASE")


class BenchError(Exception):
    """A measurement is not possible; the message has the reason."""


@dataclass(frozen=True)
class Ran:
    """A finished command. `began`: Unix time; `seconds`: its duration."""

    command: str
    began: float
    seconds: float
    exit_code: int
    output: str

    @property
    def last_line(self) -> str:
        """The last line of its output."""
        return next((line.strip() for line in reversed(self.output.splitlines()) if line.strip()), "")


class BenchStack:
    """The running stack: its folder, its port, and commands for it."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def compose(self, *arguments: str, check: bool = True, **variables: str) -> Ran:
        """Run `docker compose` with variables that override `.env`. Raises BenchError if it fails."""
        return self._run(["docker", "compose", "--ansi", "never", *arguments], check, variables)

    def videa(self, *arguments: str, check: bool = True) -> Ran:
        """Run the installed `videa`. Raises BenchError if it fails."""
        return self._run([videa_command(), *arguments], check, {})

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the installed `videa` without waiting for it; its output is discarded."""
        return subprocess.Popen(
            [videa_command(), *arguments],
            cwd=self.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start_read(self, *arguments: str, own_session: bool = False) -> subprocess.Popen[str]:
        """Start the installed `videa` without waiting for it; its output and errors are one pipe, to be read.

        ``own_session``: a signal to its process group reaches nobody else.
        """
        return subprocess.Popen(
            [videa_command(), *arguments],
            cwd=self.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=own_session,
        )

    def replicas(self) -> list[str]:
        """Ids of the running backend containers."""
        return self.compose("ps", "--quiet", "backend").output.split()

    def reset(self, replicas: int, image: str = RELEASES[0]) -> None:
        """Restore the state before any operation of videa: fresh replicas of one release, default balancer."""
        self.compose("down", "--remove-orphans")
        volume = f"{PROJECT}_balancer"
        subprocess.run(["docker", "volume", "rm", "--force", volume], check=True, capture_output=True)
        _write_env(self.directory, self.port, replicas, image)
        self.compose("up", "--detach", "--wait", "--no-build")

    def _run(self, command: Sequence[str], check: bool, variables: dict[str, str]) -> Ran:
        began, clock = time.time(), time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**clean_environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown = " ".join([Path(command[0]).name, *(part for part in command[1:] if part not in ("--ansi", "never"))])
        ran = Ran(shown, began, time.monotonic() - clock, done.returncode, done.stdout)
        if check and ran.exit_code:
            raise BenchError(f"{shown} ended with {ran.exit_code}:\n{ran.output}")
        return ran


@contextmanager
def bench_stack(replicas: int = 2, overlays: Sequence[Path] = ()) -> Iterator[BenchStack]:
    """Start the stack with seed data, and remove it with its volumes at the end. Raises BenchError.

    `overlays`: further Compose files, given after the stack's own.
    """
    # If it is terminated, for example by `timeout`, it still removes its stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with _alone(), tempfile.TemporaryDirectory(prefix="videa-bench-") as name:
        make_releases()
        directory = Path(name)
        shutil.copy(ROOT / "docker-compose.yml", directory)
        shutil.copytree(ROOT / "compose", directory / "compose")
        for overlay in (HIGH_LIMITS, *overlays):
            shutil.copytree(overlay, directory / "overlays" / overlay.name)
        stack = BenchStack(directory, free_port())
        _write_env(directory, stack.port, replicas, RELEASES[0])
        stack.compose("down", "--volumes", "--remove-orphans")  # leftovers of a run that was killed
        try:
            stack.compose("up", "--detach", "--wait", "--no-build")
            stack.compose("exec", "-T", "backend", "python", "-m", "server", "seed")
            yield stack
        finally:
            stack.compose("down", "--volumes", "--remove-orphans")
            _forget()


def _forget() -> None:
    """Removes videa's data on the engine for this project: markers of a killed operation, retained images."""
    kept = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"videa-kept/{PROJECT}-backend"]
    images = subprocess.run(kept, capture_output=True, text=True, check=False).stdout.split()
    markers = [f"videa.{kind}.{PROJECT}" for kind in ("lock", "journal", "command", "watch")]
    fences = ["docker", "ps", "--all", "--quiet", "--filter", f"label=videa.fence={PROJECT}"]
    markers += subprocess.run(fences, capture_output=True, text=True, check=False).stdout.split()
    subprocess.run(["docker", "rm", "--force", *markers], capture_output=True, check=False)
    if images:
        subprocess.run(["docker", "rmi", *images], capture_output=True, check=False)


@contextmanager
def _alone() -> Iterator[None]:
    """Two measurements at the same time would remove each other's stack and distort each other's figures."""
    with (Path(tempfile.gettempdir()) / f"{PROJECT}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("another measurement is under way on this machine") from None
        yield


def backend_image() -> str:
    """The base image of all releases."""
    return _repository_env().get("BACKEND_IMAGE") or "videa-backend:dev"


def nginx_image() -> str:
    """The image of the balancer."""
    return _repository_env().get("NGINX_IMAGE") or "videa-nginx:dev"


def make_releases() -> None:
    """Tag two releases of the backend's image. Raises BenchError if there is no image."""
    source = backend_image()
    for release in RELEASES:
        recipe = f"FROM {source}\nLABEL videa.bench.release={release[-1]}\n"
        built = subprocess.run(
            ["docker", "build", "--quiet", "--tag", release, "-"],
            input=recipe,
            text=True,
            capture_output=True,
            check=False,
        )
        if built.returncode:
            raise BenchError(f"no image {source}; `make up` makes it\n{built.stderr}")


def videa_command() -> str:
    """The path of the `videa` next to this Python. Raises BenchError."""
    path = Path(sys.executable).parent / "videa"
    if not path.exists():
        raise BenchError("videa is not installed in this Python environment: `make setup` does it")
    return str(path)


def clean_environment() -> dict[str, str]:
    """This process's environment without variables that select another project or state in Compose."""
    hidden = {*_OWN, *_OWN_STATE, "COMPOSE_PROFILES"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def free_port() -> int:
    """A free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _repository_env() -> dict[str, str]:
    path = ROOT / ".env"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _write_env(directory: Path, port: int, replicas: int, image: str) -> None:
    chosen = _repository_env()
    kept = {name: value for name, value in chosen.items() if name not in {*_OWN, *_OWN_STATE}}
    path = directory / ".env"
    before = dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    files = [chosen.get("COMPOSE_FILE", "docker-compose.yml")]
    files += sorted(str(overlay.relative_to(directory)) for overlay in directory.glob("overlays/*/*.yml"))
    values = {
        **kept,
        **{name: before.get(name) or secrets.token_urlsafe(48) for name in _SECRETS},
        "COMPOSE_FILE": ":".join(files),
        "COMPOSE_PROJECT_NAME": PROJECT,
        "HTTP_PORT": str(port),
        "BACKEND_REPLICAS": str(replicas),
        "BACKEND_IMAGE": image,
    }
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
