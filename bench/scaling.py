"""Linear scaling: `python -m bench.scaling` measures 1, 2, 4 and 6 replicas of 0.1 or 0.2 CPU behind nginx.

With each number of replicas, first as many requests as they answer (connections that always have one in flight), then
70% of that at a fixed rate, for the latency. Prints the table, writes bench/results/scaling.json. With `--check`, the
exit code is 1 if the efficiency is below 0.95 although the machine was not full.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

import psutil

from bench.results import write_results
from bench.temporary_stack import ROOT, BenchError, BenchStack, bench_stack

REPLICAS = (1, 2, 4, 6)
PAGE, TITLE = "/api/v1/titles?limit=100", "/api/v1/titles/1"
SERIES = {
    "page of 100 titles, 0.1 CPU": (PAGE, 0.1),
    "page of 100 titles, 0.2 CPU": (PAGE, 0.2),
    "one title, 0.2 CPU": (TITLE, 0.2),
}
"""Path, and cores of each replica. Both paths come from the cache in Redis. A page, compressed, is work for a replica.
One title is so little that the way to the replica costs the machine more: nginx, Docker's proxy, the logs, the client.
"""

CONNECTIONS = 8
"""For each replica. A replica that has used up its share of 100 ms waits: the others must not wait with it."""

LOAD_OF_MOST = 0.7
WARM_UP, IDLE = 2.0, 2.0
"""Seconds of load that do not count, and of none, to see what else the machine does."""

FULL = 0.95
"""Share of all cores in use from which the machine is full."""

GOAL = 0.95
"""The least efficiency until then."""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default 5)")
    parser.add_argument("--rounds", type=int, default=1, help="measurements of each number (default 1)")
    parser.add_argument("--check", action="store_true", help="fail if the goal is missed")
    options = parser.parse_args(arguments)
    series: dict[str, list[dict[str, Any]]] = {name: [] for name in SERIES}
    with bench_stack(replicas=max(REPLICAS)) as stack:
        for replicas in sorted(REPLICAS, reverse=True):  # to stop some takes less time than to start some
            stack.videa("scale", str(replicas))
            for name, (path, cores) in SERIES.items():
                cap(stack, cores)
                row = row_of(stack, path, replicas, options.seconds, options.rounds)
                series[name].insert(0, row)
                print(f"{name}, {replicas} replicas: {row['rate']:,.0f} requests/s", flush=True)
    for name, rows in series.items():
        print(f"\n{name}")
        for row in rows:
            row["efficiency"] = round(row["rate"] / row["replicas"] / rows[0]["rate"], 3)
            print(line(row))
    results = write_results("scaling", {"series": series})
    print(f"\nwritten to {results.relative_to(ROOT)}")
    every = [row for rows in series.values() for row in rows]
    missed = [row for row in every if row["efficiency"] < GOAL and row["busy"] < FULL]
    return 1 if options.check and missed else 0


def cap(stack: BenchStack, cores: float) -> None:
    """Limits each running replica. Before this they start at full speed: Python's imports would take long."""
    command = ["docker", "update", "--cpus", str(cores), *stack.replicas()]
    subprocess.run(command, check=True, capture_output=True)


def row_of(stack: BenchStack, path: str, replicas: int, seconds: float, rounds: int) -> dict[str, Any]:
    """The figures of one number of replicas. Raises BenchError."""
    others = psutil.cpu_percent(interval=IDLE) / 100
    measured(stack, path, replicas, WARM_UP)
    most = [measured(stack, path, replicas, seconds) for _ in range(rounds)]
    rate = statistics.median(each["rate"] for each in most)
    calm = measured(stack, path, replicas, seconds, rate=rate * LOAD_OF_MOST)
    return {
        "replicas": replicas,
        "rate": round(rate, 1),
        "p99_ms": calm["p99_ms"],
        "busy": round(statistics.median(each["busy"] for each in most), 3),
        "others": round(others, 3),
        "failed": sum(each["failed"] for each in (*most, calm)),
    }


def measured(stack: BenchStack, path: str, replicas: int, seconds: float, rate: float = 0.0) -> dict[str, Any]:
    """Loads the stack. ``rate``: 0 for as many requests as possible. Raises BenchError if the client fails."""
    command = [sys.executable, "-m", "bench.load", "--url", stack.url, "--get", path, "--json"]
    command += ["--header", "Accept-Encoding: gzip"]
    command += ["--connections", str(replicas * CONNECTIONS), "--seconds", str(seconds), "--rate", str(rate)]
    psutil.cpu_percent()
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    busy = psutil.cpu_percent() / 100
    if not done.stdout.strip():
        raise BenchError(f"bench.load failed: {done.stderr.strip()}")
    report = json.loads(done.stdout.splitlines()[-1])
    return {
        "rate": report["rate"],
        "p99_ms": round(report["latency_ms"].get("p99", 0.0), 1),
        "failed": report["failed"],
        "busy": busy,
    }


def line(row: dict[str, Any]) -> str:
    """A row for people."""
    return (
        f"{row['replicas']} replicas: {row['rate']:8,.0f} requests/s, efficiency {row['efficiency']:.2f}, "
        f"p99 {row['p99_ms']:.0f} ms at {LOAD_OF_MOST:.0%}, machine {row['busy']:.0%} busy, "
        f"{row['others']:.0%} without this load, {row['failed']} failed"
    )


if __name__ == "__main__":
    sys.exit(main())
