"""Compares `docker service update` and `docker service scale` with `videa deploy` and `videa scale` on one swarm.

`python -m bench.swarm_side_by_side [CASE ...] [--tries N] [--append]`. Two engines in network namespaces, which only
root can make; the same nginx image and the same server for both ways. 3 replicas are replaced (Swarm: --update-order
start-first, one at a time; videa: --rolling), then scaled to 1, while a client sends GETs and POSTs, half and half.
Swarm's nginx asks the engine's DNS for all tasks every second. Prints a table, writes
bench/results/swarm_side_by_side.json, and exits with 1 if videa lost a request.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.client import counted, under_load
from bench.results import read_results, write_results
from bench.temporary_stack import ROOT, BenchError, Ran, backend_image, clean_environment, nginx_image, videa_command
from tests.engine.swarm.machines import Machine, obstacle, swarm

REPLICAS, LEFT = 3, 1
RELEASES = ("videa-bench-swarm:a", "videa-bench-swarm:b")
PORT = 8080
WITHIN = 90.0
"""Seconds until a stack must answer, or must be gone."""
HEALTH = "python3 -S -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000), 1)'"
CLIENTS = {"REQUESTS_PER_CLIENT": "8192"}
"""The load comes from one address."""


@dataclass(frozen=True)
class Case:
    """``rate``: requests/s; ``environment``: of the server; ``checked``: whether its containers have a health check."""

    about: str
    rate: int
    connections: int = 32
    environment: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True


CASES = {
    "quick": Case("answers at once, exits at SIGTERM", 1000),
    "slow": Case("answers after 3 s, exits at SIGTERM", 200, 1200, {"DELAY": "3"}),
    "slow-finishes": Case(
        "answers after 3 s, at SIGTERM first what it has", 200, 1200, {"DELAY": "3", "FINISHES": "1"}
    ),
    "unchecked": Case("no health check, listens after 6 s", 1000, 32, {"STARTS": "6"}, checked=False),
}


@dataclass(frozen=True)
class Way:
    """How a stack is started, replaced and shrunk on the manager of ``machines``. ``name``: a new one for each."""

    machines: list[Machine]
    folder: Path
    name: str
    case: Case

    @property
    def manager(self) -> Machine:
        return self.machines[0]

    def start(self) -> None:
        raise NotImplementedError

    def replace(self, image: str) -> Ran:
        raise NotImplementedError

    def shrink(self) -> Ran:
        raise NotImplementedError

    def remove(self) -> None:
        raise NotImplementedError

    def run(self, *command: str, check: bool = True) -> Ran:
        """Runs a command for the manager's engine. Raises BenchError if it fails."""
        began, clock = time.time(), time.monotonic()
        done = subprocess.run(
            self.manager.inside(*command),
            cwd=self.folder,
            env={**clean_environment(), "DOCKER_HOST": self.manager.host},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown = " ".join([Path(command[0]).name, *command[1:]])
        ran = Ran(shown, began, time.monotonic() - clock, done.returncode, done.stdout)
        if check and ran.exit_code:
            raise BenchError(f"{shown} ended with {ran.exit_code}:\n{ran.output[-2000:]}")
        return ran


class Swarm(Way):
    """docker service"""

    def start(self) -> None:
        network, web = f"{self.name}-net", f"{self.name}-web"
        common = ("--network", network, "--endpoint-mode", "dnsrr", "--no-resolve-image", "--detach")
        checks = ("--health-cmd", HEALTH, "--health-interval", "2s") if self.case.checked else ()
        given = [part for name, value in self.case.environment.items() for part in ("--env", f"{name}={value}")]
        self.run("docker", "network", "create", "--driver", "overlay", network)
        replicas = ("--replicas", str(REPLICAS))
        self.run("docker", "service", "create", "--name", web, *common, *replicas, *checks, *given, RELEASES[0])
        self.run(
            *("docker", "service", "create", "--name", f"{self.name}-nginx", *common),
            *("--publish", f"mode=host,target={PORT},published={PORT}", "--constraint", "node.hostname==node1"),
            *("--env", f"UPSTREAM_SERVICE={web}", "--env", "UPSTREAM_PORT=8000"),
            *(part for name, value in CLIENTS.items() for part in ("--env", f"{name}={value}")),
            *("--mount", f"type=volume,source={self.name}-balancer,target=/etc/nginx/videa"),
            *("--mount", f"type=volume,source={self.name}-spool,target=/var/spool/videa"),
            *("--mount", "type=tmpfs,target=/tmp,tmpfs-size=16777216,tmpfs-mode=1777", nginx_image()),
        )

    def replace(self, image: str) -> Ran:
        order = ("--update-order", "start-first", "--no-resolve-image")
        return self.run("docker", "service", "update", "--quiet", *order, "--image", image, f"{self.name}-web")

    def shrink(self) -> Ran:
        return self.run("docker", "service", "scale", f"{self.name}-web={LEFT}")

    def remove(self) -> None:
        self.run("docker", "service", "rm", f"{self.name}-web", f"{self.name}-nginx", check=False)


class Videa(Way):
    """videa"""

    def start(self) -> None:
        check = {"test": ["CMD-SHELL", HEALTH], "interval": "2s"}
        web = {
            "image": "${WEB_IMAGE}",
            "labels": {"videa.release": "${VIDEA_RELEASE:-}"},
            "environment": self.case.environment,
            "deploy": {"replicas": f"${{WEB_REPLICAS:-{REPLICAS}}}"},
            **({"healthcheck": check} if self.case.checked else {}),
        }
        nginx = {
            "image": nginx_image(),
            "ports": [f"{PORT}:{PORT}"],
            "environment": CLIENTS,
            "volumes": ["balancer:/etc/nginx/videa", "spool:/var/spool/videa"],
            "tmpfs": ["/tmp:size=16m,mode=1777"],
        }
        own = {"service": "web", "engine": "swarm", "port": 8000, "health": {"ready": "/health", "deadline": "60s"}}
        model = {
            "name": self.name,
            "x-videa": own,
            "services": {"nginx": nginx, "web": web},
            "volumes": {"balancer": {}, "spool": {}},
        }
        (self.folder / "compose.yaml").write_text(json.dumps(model))
        (self.folder / ".env").write_text(f"WEB_IMAGE={RELEASES[0]}\n")
        self.run(videa_command(), "up")

    def replace(self, image: str) -> Ran:
        return self.run(videa_command(), "deploy", "--rolling", "--image", image)

    def shrink(self) -> Ran:
        return self.run(videa_command(), "scale", str(LEFT))

    def remove(self) -> None:
        self.run(videa_command(), "down", check=False)


WAYS: dict[str, type[Way]] = {"swarm": Swarm, "videa": Videa}


@contextmanager
def running(way: Way) -> Iterator[Way]:
    """The stack, when all of its replicas run and it answers; removed at the end. Raises BenchError."""
    try:
        way.start()
        _until(lambda: _running(way) == REPLICAS and _answers(way), f"{way.name} to answer")
        yield way
    finally:
        way.remove()
        _until(lambda: not any(each.docker("ps", "--quiet") for each in way.machines), f"{way.name} to be gone")


def one_try(way: Way) -> dict[str, Any]:
    """The figures of both operations on a new stack."""
    with running(way):
        return {
            "replace": _under_load(way, lambda: way.replace(RELEASES[1])),
            "scale down": _under_load(way, way.shrink),
        }


def _under_load(way: Way, operation: Callable[[], Ran]) -> dict[str, Any]:
    case, within = way.case, tuple(way.manager.inside())
    url = f"http://127.0.0.1:{PORT}"
    # Swarm's command may end before its tasks have: the client stays for the longest of their grace period.
    with under_load(url, rate=case.rate, connections=case.connections, lead=2, tail=8, within=within) as seen:
        ran = operation()
    return {
        "command": ran.command,
        "exit_code": ran.exit_code,
        "seconds": round(ran.seconds, 1),
        **counted(seen.report),
    }


def _running(way: Way) -> int:
    chosen = ("ps", "--filter", f"name={way.name}-web", "--format", "{{.Status}}")
    lines = [line for each in way.machines for line in each.docker(*chosen).splitlines()]
    return sum("(health: starting)" not in line for line in lines)


def _answers(way: Way) -> bool:
    """Whether some requests in a row are answered."""
    asked = ("--get", "/", "--rate", "20", "--seconds", "1", "--connections", "4", "--timeout", "5", "--json")
    command = way.manager.inside(sys.executable, "-m", "bench.load", "--url", f"http://127.0.0.1:{PORT}", *asked)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode == 0 and json.loads(done.stdout)["ok"] > 0


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {WITHIN:g} s for {what}")
        time.sleep(0.5)


@contextmanager
def machines() -> Iterator[list[Machine]]:
    """A manager and a worker with the images. Raises BenchError."""
    if reason := obstacle():
        raise BenchError(reason)
    server = (ROOT / "bench/peers/swarm_server.py").read_text()
    for image in RELEASES:
        start = f"ENTRYPOINT {json.dumps(['python3', '-c', server])}\nCMD []\nHEALTHCHECK NONE\n"
        recipe = f"FROM {backend_image()}\nLABEL videa.bench.release={image[-1]}\n{start}"
        _done(["docker", "build", "--quiet", "--tag", image, "-"], recipe)
    with tempfile.TemporaryDirectory(prefix="videa-bench-swarm-") as name:
        folder = Path(name)
        images = folder / "images.tar"
        _done(["docker", "save", "--output", str(images), nginx_image(), *RELEASES])
        with swarm(folder, 2) as made:
            for machine in made:
                machine.load(images)
            images.unlink()
            yield made


def _done(command: list[str], given: str | None = None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}: {done.stderr}")


HEAD = (
    f"{'case':14} {'way':6} {'operation':11} {'requests':>8} {'failed':>7} {'not sent':>8} {'p99 ms':>7} {'seconds':>7}"
)


def rows(case: str, way: str, figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each operation of one try."""
    for operation, each in figures.items():
        kinds = ", ".join(f"{count} {kind}" for kind, count in each["failed_by_kind"].items())
        yield (
            f"{case:14} {way:6} {operation:11} {each['sent']:8} {each['failed']:7} {each['not_sent']:8} "
            f"{each['p99_ms'] or 0:7.0f} {each['seconds']:7.1f}  {kinds}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the tries and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.swarm_side_by_side",
        description=__doc__,
        epilog="\n".join(f"{name:14} {case.about}" for name, case in CASES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("case", nargs="*", choices=[*CASES, []], help="all of them when none is named")
    parser.add_argument("--way", choices=[*WAYS], help="only this one")
    parser.add_argument("--rate", type=int, help="requests/s, in place of the case's own")
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--append", action="store_true", help="keep the tries that the results file has")
    options = parser.parse_args(arguments)
    name = "swarm_side_by_side"
    cases: dict[str, Any] = read_results(name).get("cases", {}) if options.append else {}
    print(HEAD)
    lost = False
    try:
        with machines() as made:
            for _ in range(options.tries):
                for chosen in options.case or CASES:
                    case = CASES[chosen]
                    rate = options.rate or case.rate
                    for way in [options.way] if options.way else WAYS:
                        with tempfile.TemporaryDirectory(prefix="videa-bench-swarm-") as folder:
                            stack = f"b{int(time.time())}"
                            placed = Case(case.about, rate, case.connections, case.environment, case.checked)
                            figures = one_try(WAYS[way](made, Path(folder), stack, placed))
                        print("\n".join(rows(chosen, way, figures)), flush=True)
                        lost = lost or (way == "videa" and any(each["failed"] for each in figures.values()))
                        kept = cases.setdefault(chosen, {"about": case.about, "tries": {}})["tries"]
                        kept.setdefault(way, []).append({"rate": rate, **figures})
                        write_results(name, {"cases": cases})
    except BenchError as error:
        print(f"broken off: {error}", file=sys.stderr)
        return 1
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
