"""Adopts projects of tests/projects, operates them under a client that counts every request, and leaves them again.

`python -m bench.projects [SHAPE ...]`: each shape, and for each step SENT/FAILED requests. Exit code: 0 if every step
succeeded, and no request failed outside of the two moments in which Docker hands over a published port.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.companion import companion
from bench.project_shapes import SHAPES, Shape
from bench.temporary_stack import ROOT, BenchError, clean_environment, free_port, videa_command

RATE = 100
READY_WITHIN = 60.0
CANARY = "  canary: {steps: [50, 100], interval: 4s, min_requests: 20}\n"
"""Short, and judged by what the client sends."""

HANDED_OVER = ("up", "remove")
"""The steps in which a published port may change hands."""


WITHOUT_PORT = ("init", "up", "remove")
"""The steps before or after which a project that publishes no port itself cannot be reached."""


@dataclass(frozen=True)
class Step:
    """What happened in a step. ``output``: of the command if it failed; ``kinds``: of the failures."""

    name: str
    exit_code: int
    sent: int
    failed: int
    seconds: float
    output: str = ""
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """ "scale 358/0"."""
        return f"{self.name} {self.sent}/{self.failed}{f' exit {self.exit_code}!' if self.exit_code else ''}"


@dataclass
class Adopted:
    """A copy of a shape's folder. ``environment``: of every command in it."""

    shape: Shape
    folder: Path
    port: int
    environment: Mapping[str, str]
    steps: list[Step] = field(default_factory=list)

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Plain docker compose, with the options of the shape."""
        return self._run("docker", "compose", "--ansi", "never", *self.shape.options, *arguments)

    def videa(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The videa of this environment, with the options of the shape."""
        return self._run(videa_command(), *self.shape.options, *arguments)

    def step(self, name: str, *arguments: str, options: tuple[str, ...] | None = None) -> None:
        """Runs videa under the client, and notes what both say."""
        words = self.shape.later if options is None else options
        unheard = self.shape.silent and name in WITHOUT_PORT
        with nullcontext(_nothing) if unheard else self._client() as report:
            began = time.monotonic()
            done = self._run(videa_command(), *words, *arguments)
            seconds = time.monotonic() - began
            counted = report()
        output = done.stdout + done.stderr if done.returncode or counted["failed"] else ""
        kinds = counted.get("failed_by_kind", {})
        self.steps.append(Step(name, done.returncode, counted["sent"], counted["failed"], seconds, output, kinds))
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        print(f"{self.shape.name}: {self.steps[-1].shown} {shown}".rstrip(), file=sys.stderr, flush=True)

    @contextmanager
    def _client(self) -> Iterator[Callable[[], dict[str, Any]]]:
        paths = [word for path in self.shape.paths for word in ("--get", path)]
        headers = [word for header in self.shape.headers for word in ("--header", header)]
        address = ("--url", f"http://127.0.0.1:{self.port}", "--json")
        pace = ("--rate", str(RATE), "--connections", "8")
        with companion("bench.load", *address, *pace, *paths, *headers, ready="load: first answer") as end:
            yield end

    def await_answer(self) -> None:
        """Raises BenchError."""
        deadline = time.monotonic() + READY_WITHIN
        host = [word for header in self.shape.headers for word in ("--header", header)]
        for path in self.shape.paths:
            url = f"http://127.0.0.1:{self.port}{path}"
            while self._run("curl", "-fsS", "-o", os.devnull, "--max-time", "2", *host, url).returncode:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self.shape.name}: {url} does not answer\n{self.compose('logs').stdout[-2000:]}")
                time.sleep(0.1)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder / self.shape.inside,
            env={**clean_environment(), **self.environment, **self.shape.shell},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _nothing() -> dict[str, Any]:
    return {"sent": 0, "failed": 0}


def main(arguments: list[str] | None = None) -> int:
    """Runs the shapes, prints the table, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench.projects", description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="one deploy in place of one of each strategy")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the project is removed then, too
    well, rows = True, []
    for name in options.shapes or SHAPES:
        steps = run(SHAPES[name], options.quick)
        bad = [each for each in steps if each.exit_code or (each.failed and each.name not in HANDED_OVER)]
        well = well and not bad
        print(
            f"{name:<16} {' '.join(each.shown for each in steps)}",
            file=sys.stderr if options.json else sys.stdout,
            flush=True,
        )
        for each in bad:
            print(f"  {each.name}: {each.output.strip()}", file=sys.stderr, flush=True)
        rows += [{"shape": name, "step": each.name, "sent": each.sent, "failed": each.failed} for each in steps]
    if options.json:
        print(json.dumps(rows))
    return 0 if well else 1


def run(shape: Shape, quick: bool) -> list[Step]:
    """Takes a shape through its life. Raises BenchError."""
    with _adopted(shape) as project:
        started = project.compose("up", "--detach")
        if started.returncode:
            raise BenchError(f"{shape.name}: {started.stderr}")
        if not shape.silent:
            project.await_answer()
        project.step("init", "init", "--yes", *shape.init, options=shape.options)
        overlay = next((path for path in project.folder.rglob("compose.videa.yaml")), None)
        if overlay is None:
            return project.steps
        shared = f"  shared_volumes: [{', '.join(shape.shared)}]\n" if shape.shared else ""
        overlay.write_text(overlay.read_text().replace("x-videa: #", f"x-videa:\n{CANARY}{shared}  #", 1))
        project.step("up", "up")
        if shape.own_proxy:
            shape.own_proxy(project.folder, project.compose)
        project.step("rolling", "deploy", "--force")
        project.step("scale", "scale", *shape.scale)
        if not quick:
            project.step("blue-green", "deploy", "--force", "--blue-green", "--keep", "0s", shape.service)
            project.step("canary", "deploy", "--force", "--canary", shape.service)
        project.step("doctor", "doctor")
        if shape.own_proxy_back:
            shape.own_proxy_back(project.folder, project.compose)
        project.step("remove", "init", "--remove", "--yes")
        if not shape.silent:
            try:
                project.await_answer()
            except BenchError as error:
                project.steps.append(Step("after", 1, 0, 0, READY_WITHIN, str(error)))
        return project.steps


@contextmanager
def _adopted(shape: Shape) -> Iterator[Adopted]:
    debian = "COMPOSE_FILE" in (ROOT / ".env").read_text() if (ROOT / ".env").exists() else False
    with tempfile.TemporaryDirectory(prefix="videa-projects-") as name:
        folder = Path(name) / f"My {shape.name}"
        source = ROOT / "tests" / "projects"
        shutil.copytree(source / shape.folder, folder)
        shutil.copy(source / "app.py", folder)
        port = free_port()
        values = {
            "PYTHON": "videa/python" if debian else "python:3.13-slim",
            "NGINX": "videa/nginx" if debian else "nginx:1.30-alpine",
            "REDIS": "videa/redis:8" if debian else "redis:8",
            "POSTGRES": "videa/postgres:17" if debian else "postgres:17",
            "WEB_PORT": str(port),
            "HTTP_PORT": f"127.0.0.1:{port}",
            "API_PORT": str(free_port()),
            "WEB_NAME": f"videa-projects-{shape.name}-web",
            **({} if shape.named else {"COMPOSE_PROJECT_NAME": f"videa-projects-{shape.name}"}),
            **shape.variables,
        }
        (folder / shape.env_file).write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        project = Adopted(shape, folder, port, {})
        listed = json.loads(project.compose("config", "--format", "json").stdout or "{}").get("name", "")
        try:
            yield project
        finally:
            _clear_away(project, listed)


def _clear_away(project: Adopted, name: str) -> None:
    """Removes everything of the project from the engine."""
    if not name:
        return
    named = ("--filter", f"label=com.docker.compose.project={name}")
    for kind, remove in (("ps --all", "rm --force"), ("network ls", "network rm"), ("volume ls", "volume rm --force")):
        found = project._run("docker", *kind.split(), "--quiet", *named).stdout.split()
        records = project._run("docker", *kind.split(), "--quiet", "--filter", f"name=videa\\..*\\.{name}").stdout
        if every := [*found, *records.split()]:
            project._run("docker", *remove.split(), *every)
    kept = project._run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"videa-kept/{name}-*").stdout
    if kept.split():
        project._run("docker", "rmi", *kept.split())


if __name__ == "__main__":
    sys.exit(main())
