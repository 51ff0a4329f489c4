"""A flash crowd: `python -m bench.flash_crowd` sends 100, 1,500 and 100 requests/s while `videa autoscale run` scales.

Half of the requests are POSTs. Prints when the autoscaler decided and when the replicas served, p99 and the failures of
each phase, and who used the machine's cores. Writes bench/results/flash_crowd.json, and the plot next to it. With
`--cpus 0.2` each replica that has started has only this share of a core, and the results are flash_crowd_capped.
Two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.client import GETS, POSTS
from bench.cores import cpu_seconds, used
from bench.curve_plot import Curve, draw
from bench.load import message
from bench.loadgen.driver import Driver, Load
from bench.results import write_results
from bench.temporary_stack import PROJECT, ROOT, BenchStack, bench_stack

OVERLAY = ROOT / "bench" / "crowd"
CALM, CROWD = 100.0, 1500.0
CONNECTIONS = 64
CALM_SECONDS, CROWD_SECONDS, AFTER_SECONDS = 10.0, 45.0, 35.0

_CHANGE = re.compile(r"(\d+) -> (\d+) replicas?;")
SERVES = "update the balancer"
"""The step after which new replicas get requests."""


@dataclass
class Watched:
    """The lines of `videa autoscale run`, each with the Unix time at which it came."""

    lines: list[tuple[float, str]] = field(default_factory=list)

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append((time.time(), line.strip()))

    def changes(self) -> Iterator[dict[str, Any]]:
        """Each change: when it was decided, when the balancer had it, and the steps until then."""
        current: dict[str, Any] | None = None
        for at, line in self.lines:
            if found := _CHANGE.search(line):
                current = {"decided": at, "from": int(found[1]), "to": int(found[2]), "steps": []}
            elif current is not None and line.startswith("✓"):
                current["steps"].append(f"{line.removeprefix('✓ ')}, ended after {at - current['decided']:.1f} s")
                if SERVES in line:
                    yield {**current, "served": at}
                    current = None


@contextmanager
def autoscaling(stack: BenchStack) -> Iterator[Watched]:
    """Runs the autoscaler of this environment; the stack's own job would need the image of the agent."""
    process = stack.start_read("autoscale", "run")
    assert process.stdout is not None
    watched = Watched()
    reader = threading.Thread(target=watched.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield watched
    finally:
        process.terminate()
        process.wait(60)
        reader.join(5)


async def crowd(port: int, rate: float, ended: threading.Event) -> list[dict[str, Any]]:
    """The reports of the three phases, with the CPU seconds by kind of process.

    A phase begins on time, also if requests of the last one still wait.
    """
    running, cores = list[asyncio.Task[dict[str, Any]]](), list[dict[str, float]]()
    for each, seconds in ((CALM, CALM_SECONDS), (rate, CROWD_SECONDS), (CALM, AFTER_SECONDS)):
        before = cpu_seconds()
        running.append(asyncio.create_task(_phase(port, each, seconds)))
        await asyncio.sleep(seconds)
        cores.append(used(before, cpu_seconds()))
    reports = [await task for task in running]
    ended.set()
    return [{**report, "cpu_seconds": seconds} for report, seconds in zip(reports, cores, strict=True)]


async def _phase(port: int, rate: float, seconds: float) -> dict[str, Any]:
    host = f"127.0.0.1:{port}"
    gets = tuple(message("GET", path, host, []) for path in GETS)
    posts = tuple(message("POST", path, host, [], b'{"probe": "bench"}') for path in POSTS)
    driver = Driver(Load("127.0.0.1", port, gets, posts, 0.5, CONNECTIONS, rate, 20.0))
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    seconds = await driver.run(stop)
    return {"asked": rate, **driver.tally.report(seconds)}


def count_replicas(began: float, ended: threading.Event, into: list[tuple[float, float]], cpus: str) -> None:
    """The running replicas each second, until ``ended``.

    ``cpus``: cores of each that is healthy, "" to leave them as they are. They start at full speed:
    Python's imports would take long.
    """
    capped: set[str] = set()
    which = [f"label=com.docker.compose.{key}" for key in (f"project={PROJECT}", "service=backend")]
    while not ended.wait(1.0):
        found = subprocess.run(
            ["docker", "ps", "--format", "{{.ID}} {{.Status}}", "--filter", which[0], "--filter", which[1]],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = found.stdout.splitlines()
        into.append((time.time() - began, float(len(lines))))
        new = {line.split()[0] for line in lines if "(healthy)" in line} - capped
        if cpus and new:
            subprocess.run(["docker", "update", "--cpus", cpus, *new], capture_output=True, check=False)
            capped |= new


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes. Exit code 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.flash_crowd", description=__doc__)
    parser.add_argument("--rate", type=float, default=CROWD, help="of the crowd, requests/s (default 1500)")
    parser.add_argument("--cpus", default="", help="cores of each replica (default: those of the Compose file)")
    options = parser.parse_args(arguments)
    with bench_stack(replicas=1, overlays=(OVERLAY,)) as stack:
        stack.videa("up")
        with autoscaling(stack) as watched:
            time.sleep(10)  # its first rounds: it remembers what it has seen
            began, ended, replicas = time.time(), threading.Event(), list[tuple[float, float]]()
            counter = threading.Thread(target=count_replicas, args=(began, ended, replicas, options.cpus), daemon=True)
            counter.start()
            phases = asyncio.run(crowd(stack.port, options.rate, ended))
            counter.join()
    changes = list(watched.changes())
    for change in changes:
        change.update({key: round(change[key] - began, 1) for key in ("decided", "served")})
        took = change["served"] - change["decided"]
        print(f"{change['decided']:6.1f} s: {change['from']} -> {change['to']}, served after {took:.1f} s")
        print("\n".join(f"           {step}" for step in change["steps"]))
    for phase in phases:
        since_due, since_sent = (phase[key].get("p99", 0.0) for key in ("latency_ms", "service_ms"))
        counts = f"{phase['sent']} sent, {phase['failed']} failed, {phase['not_sent']} not sent"
        print(f"{phase['asked']:6.0f}/s: {counts}, p99 {since_due} ms since due, {since_sent} ms since sent")
        print("          CPU seconds: " + ", ".join(f"{kind} {each}" for kind, each in phase["cpu_seconds"].items()))
    path = write_results(
        "flash_crowd_capped" if options.cpus else "flash_crowd",
        {"crowd_from": CALM_SECONDS, "changes": changes, "replicas": replicas, "phases": phases},
    )
    print(f"written to {path.relative_to(ROOT)} and {plot(path, phases, replicas).name}")
    return 1 if any(phase["failed"] for phase in phases) else 0


def plot(results: Path, phases: list[dict[str, Any]], replicas: list[tuple[float, float]]) -> Path:
    """Draws answers each second, the slowest of them, and the replicas."""
    seconds = [
        (phase["started"] - phases[0]["started"] + each["second"], each)
        for phase in phases
        for each in phase["timeline"]
    ]
    curves = [
        Curve("answers each second", [(at, float(each["ok"])) for at, each in seconds]),
        Curve("slowest answer of each second, ms", [(at, each["slowest_ms"]) for at, each in seconds]),
        Curve("running replicas", replicas, steps=True),
    ]
    return draw(results.with_suffix(".svg"), curves)


if __name__ == "__main__":
    sys.exit(main())
