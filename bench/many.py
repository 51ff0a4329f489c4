"""Many replicas: `python -m bench.many` adopts 5 services with 60 tiny replicas, and measures what is done with them.

Prints the time of `status` and `doctor`, of a deploy of all services against the sum of its waits, and of a scale-down
of replicas that ignore SIGTERM. Writes bench/results/many.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.results import write_results
from bench.temporary_stack import ROOT, BenchError, clean_environment, free_port, videa_command

PROJECT = "videa-bench-many"
SERVICES = 5
OF_EACH = 12
RUNS = 5
WAITS = ("await_ready", "drain", "observe", "delay")
"""The types of the steps in which a deploy waits; a worded one says so."""

PARALLELISM = 4

STUBBORN = 36
"""Replicas that ignore SIGTERM when the services are scaled down."""

GRACE = 10
"""Seconds that Docker gives each of them."""


@dataclass(frozen=True)
class Project:
    """The adopted project, in a folder of its own."""

    folder: Path

    def videa(self, *arguments: str) -> tuple[float, str]:
        """Runs videa; returns its seconds and its output. Raises BenchError if it fails."""
        began = time.monotonic()
        done = self._run(videa_command(), *arguments)
        seconds = time.monotonic() - began
        if done.returncode:
            raise BenchError(f"videa {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
        return seconds, done.stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.many", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of status and of doctor (default {RUNS})")
    parser.add_argument("--skip-deploy", action="store_true", help="only status, doctor and the scale-down")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the project is removed then, too
    figures: dict[str, object] = {"services": SERVICES, "replicas": SERVICES * OF_EACH}
    with _adopted() as project:
        for command in ("status", "doctor"):
            seconds = [round(project.videa(command)[0], 2) for _ in range(options.runs)]
            figures[command] = seconds
            print(f"{command}: median {statistics.median(seconds):.2f} s of {seconds}", flush=True)
        if not options.skip_deploy:
            took, text = project.videa("deploy", "--force", "--json=events")
            waited, worked = spans(text)
            figures["deploy"] = {"seconds": round(took, 1), "waits": round(waited, 1), "steps": round(worked, 1)}
            print(f"deploy: {took:.1f} s, waits {waited:.1f} s, other steps {worked:.1f} s", flush=True)
        left = OF_EACH - STUBBORN // 4
        fewer = [f"{name}={left}" for name in _names()[1:]]
        took, _ = project.videa("scale", *fewer)
        figures["scale_down"] = {"seconds": round(took, 1), "replicas": STUBBORN, "grace": GRACE}
        print(f"scale-down of {STUBBORN} that ignore SIGTERM: {took:.1f} s, one grace period is {GRACE} s")
    print(f"written to {write_results('many', figures).relative_to(ROOT)}")
    return 0


def spans(text: str) -> tuple[float, float]:
    """Seconds of the waits, and of the other steps, by the events of a deploy."""
    waited = worked = 0.0
    for line in text.splitlines():
        event = json.loads(line)
        if event["type"] != "step_ended":
            continue
        if event["step"]["type"] in WAITS or "wait" in event["step"].get("text", ""):
            waited += event["seconds"]
        else:
            worked += event["seconds"]
    return waited, worked


def _names() -> list[str]:
    return ["web", *(f"s{number}" for number in range(2, SERVICES + 1))]


@contextmanager
def _adopted() -> Iterator[Project]:
    debian = "COMPOSE_FILE" in (ROOT / ".env").read_text() if (ROOT / ".env").exists() else False
    image = "videa/python" if debian else "python:3.13-slim"
    with tempfile.TemporaryDirectory(prefix="videa-many-") as name:
        folder = Path(name)
        shutil.copy(ROOT / "tests" / "projects" / "app.py", folder)
        lines = [f"name: {PROJECT}", "services:"]
        for service in _names():
            # A shell that is the container's first process ignores SIGTERM.
            lines += [
                f"  {service}:",
                f"    image: {image}",
                "    command: [sh, -c, \"trap '' TERM; python3 /app.py 8000 & while :; do wait; done\"]",
                f"    stop_grace_period: {GRACE}s",
                f"    deploy: {{update_config: {{parallelism: {PARALLELISM}}}}}",
                "    volumes: [./app.py:/app.py:ro]",
                *([f'    ports: ["127.0.0.1:{free_port()}:8000"]'] if service == "web" else ['    expose: ["8000"]']),
            ]
        (folder / "compose.yaml").write_text("\n".join(lines) + "\n")
        project = Project(folder)
        named = [word for service in _names() for word in ("--service", service)]
        routes = [word for service in _names()[1:] for word in ("--route", f"{service}=/{service},strip")]
        _clear_away()  # of a run that was killed
        try:
            project.videa("init", "--yes", "--health", "/healthz", *named, *routes)
            project.videa("up")
            project.videa("scale", *(f"{service}={OF_EACH}" for service in _names()))
            yield project
        finally:
            _clear_away()


def _clear_away() -> None:
    """Removes everything of the project from the engine, also after a deploy that was broken off."""
    for kind, remove in (
        ("ps --all", "rm --force --volumes"),
        ("network ls", "network rm"),
        ("volume ls", "volume rm --force"),
    ):
        for which in (f"label=com.docker.compose.project={PROJECT}", rf"name=videa\..*\.{PROJECT}"):
            found = _output("docker", *kind.split(), "--quiet", "--filter", which).split()
            if found:
                _output("docker", *remove.split(), *found)
    kept = _output("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"videa-kept/{PROJECT}-*").split()
    if kept:
        _output("docker", "rmi", *kept)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
