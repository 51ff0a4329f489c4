"""The throughput of one core: `python -m bench.backend` compares the backend with its peers.

All servers have the same endpoint and do the same work (token check, rate limit in Redis, cached read by id). Each in
turn is pinned to the first core; the client, PostgreSQL and Redis share the second. Prints a table, writes
bench/results/backend.json and its plot. Compare figures only within one run. Requests per second of the server's CPU
time show what one core can do, even on a busy machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from typing import Any

import redis

from bench.closed_loop import CONNECTIONS, client_name, flood
from bench.environments import python_environment
from bench.footprint import cpu_seconds, footprint
from bench.results import write_results
from bench.services import DataServices, data_services
from bench.targets import TARGETS, Started, Target, started
from bench.temporary_stack import ROOT, BenchError

SERVER_CORE, CLIENT_CORE = 0, 1
TITLES = 100_000
"""Enough titles for a run of uncached reads to request each only once: every read is a cache miss."""


def measure(target: Target, services: DataServices, seconds: int) -> dict[str, Any]:
    """Start one server, warm it up and take all its measurements. Raises BenchError."""
    with redis.Redis.from_url(services.redis) as cache:
        cache.flushall()
        with started(target, services, SERVER_CORE) as server:
            before = asdict(footprint(server.pid, services.postgres_port))
            figures: dict[str, Any] = {}
            for name, path in target.paths.items():
                check(server, path)
                if name == "uncached":
                    cache.flushall()
                else:
                    flood(server.port, path, server.token, 2, CLIENT_CORE, TITLES)
                spent = cpu_seconds(server.pid)
                answers = flood(server.port, path, server.token, seconds, CLIENT_CORE, TITLES)
                spent = cpu_seconds(server.pid) - spent
                figures[name] = {"per_cpu_second": round(answers.requests / spent, 1)} | asdict(answers)
            return {"answers": figures, "idle": before, "loaded": asdict(footprint(server.pid, services.postgres_port))}


def check(server: Started, path: str) -> None:
    """Check that the path answers 200, and without a token only if it is public. Raises BenchError."""
    url = f"http://127.0.0.1:{server.port}{path.replace('{n}', '1')}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {server.token}"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            answer.read()
    except OSError as error:
        raise BenchError(f"{url}: {error}") from error


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The median of each figure over the rounds, and the sum of failures."""
    medians = {}
    for name in rounds[0]["answers"]:
        taken = [figures["answers"][name] for figures in rounds]
        medians[name] = {key: round(statistics.median(figures[key] for figures in taken), 3) for key in taken[0]}
        medians[name]["failed"] = sum(figures["failed"] for figures in taken)
    return medians


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 1 if a server could not be measured or failed a request."""
    parser = argparse.ArgumentParser(prog="python -m bench.backend", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times each server has its turn (default 3)")
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement (default 6)")
    parser.add_argument("--only", action="append", choices=[target.name for target in TARGETS])
    options = parser.parse_args(arguments)
    chosen = [target for target in TARGETS if not options.only or target.name in options.only]
    rounds: dict[str, list[dict[str, Any]]] = {target.name: [] for target in chosen}
    with data_services(CLIENT_CORE, TITLES) as services:
        for _ in range(options.rounds):
            for target in chosen:
                try:
                    rounds[target.name].append(measure(target, services, options.seconds))
                except BenchError as error:
                    print(f"{target.name} not measured: {error}", file=sys.stderr)
    medians = {name: summary(taken) for name, taken in rounds.items() if taken}
    print(table(medians))
    asked = {"connections": CONNECTIONS, "client": client_name(), "seconds": options.seconds, "rounds": options.rounds}
    path = write_results("backend", {"asked": asked, "median": medians, "rounds": rounds})
    print(f"written to {path.relative_to(ROOT)}")
    plot = [str(python_environment(ROOT / "bench")), str(ROOT / "bench" / "plot.py"), str(path)]
    subprocess.run(plot, check=True)
    failed = sum(figures["failed"] for answers in medians.values() for figures in answers.values())
    return 1 if failed or len(medians) < len(chosen) else 0


def table(medians: dict[str, dict[str, dict[str, float]]]) -> str:
    """The medians for people."""
    lines = [f"{'':14} {'measure':9} {'requests/s':>10} {'per CPU s':>10} {'p50 ms':>7} {'p99 ms':>7} {'failed':>6}"]
    for name, measures in medians.items():
        lines += [
            f"{name:14} {key:9} {figures['rate']:10.0f} {figures['per_cpu_second']:10.0f} "
            f"{figures['p50_ms']:7.2f} {figures['p99_ms']:7.2f} {figures['failed']:6.0f}"
            for key, figures in measures.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
