"""A flash crowd: `python -m bench.flash_crowd` sends 100, 1,500 and 100 requests/s while `videa autoscale run` scales.

Prints when the autoscaler decided and when the replicas served, p99 and the failures of each phase. Writes
bench/results/flash_crowd.json, and the plot next to it. Two minutes.
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

from bench.curve_plot import Curve, draw
from bench.load import message
from bench.loadgen.driver import Driver, Load
from bench.results import write_results
from bench.temporary_stack import PROJECT, ROOT, BenchStack, bench_stack

OVERLAY = ROOT / "bench" / "crowd"
PATH = "/health/live"
CALM, CROWD = 100.0, 1500.0
CONNECTIONS = 64
CALM_SECONDS, CROWD_SECONDS, AFTER_SECONDS = 15.0, 60.0, 45.0

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


async def crowd(port: int, ended: threading.Event) -> list[dict[str, Any]]:
    """The reports of the three phases. A phase begins on time, also if requests of the last one still wait."""
    running: list[asyncio.Task[dict[str, Any]]] = []
    for rate, seconds in ((CALM, CALM_SECONDS), (CROWD, CROWD_SECONDS), (CALM, AFTER_SECONDS)):
        running.append(asyncio.create_task(_phase(port, rate, seconds)))
        await asyncio.sleep(seconds)
    reports = [await each for each in running]
    ended.set()
    return reports


async def _phase(port: int, rate: float, seconds: float) -> dict[str, Any]:
    get = message("GET", PATH, f"127.0.0.1:{port}", [])
    driver = Driver(Load("127.0.0.1", port, (get,), (), 0.0, CONNECTIONS, rate, 20.0))
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    seconds = await driver.run(stop)
    return {"asked": rate, **driver.tally.report(seconds)}


def count_replicas(began: float, ended: threading.Event, into: list[tuple[float, float]]) -> None:
    """The running replicas each second, until ``ended``."""
    which = [f"label=com.docker.compose.{key}" for key in (f"project={PROJECT}", "service=backend")]
    while not ended.wait(1.0):
        found = subprocess.run(
            ["docker", "ps", "--quiet", "--filter", which[0], "--filter", which[1]], capture_output=True, check=False
        )
        into.append((time.time() - began, float(len(found.stdout.split()))))


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes. Exit code 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.flash_crowd", description=__doc__)
    parser.parse_args(arguments)
    with bench_stack(replicas=1, overlays=(OVERLAY,)) as stack:
        stack.videa("up")
        with autoscaling(stack) as watched:
            time.sleep(10)  # its first rounds: it remembers what it has seen
            began, ended, replicas = time.time(), threading.Event(), list[tuple[float, float]]()
            counter = threading.Thread(target=count_replicas, args=(began, ended, replicas), daemon=True)
            counter.start()
            phases = asyncio.run(crowd(stack.port, ended))
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
    path = write_results(
        "flash_crowd", {"crowd_from": CALM_SECONDS, "changes": changes, "replicas": replicas, "phases": phases}
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
