"""How long a look takes: `python -m bench.doctor` times `videa doctor` with 10 replicas against `docker stats`.

The two take turns in one run. Then PostgreSQL, Redis and nginx are stopped where they stand (SIGSTOP), one after the
other, and doctor is timed again. Prints the medians and their ratio, writes bench/results/doctor.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.results import write_results
from bench.stack import PROJECT, ROOT, BenchStack, bench_stack

SERVICES = ("postgres", "redis", "nginx")


def by_doctor(stack: BenchStack) -> tuple[float, dict[str, Any]]:
    """Seconds that the command took, and its report."""
    ran = stack.videa("doctor", "--json", check=False)
    report: dict[str, Any] = json.loads(ran.output)
    return ran.seconds, report


def by_docker_stats() -> float:
    """Seconds that one `docker stats` of every container of the machine took."""
    began = time.monotonic()
    subprocess.run(["docker", "stats", "--no-stream"], check=True, capture_output=True)
    return time.monotonic() - began


def stopped(stack: BenchStack, service: str) -> dict[str, Any]:
    """Doctor while every process of the service's container stands still."""
    container = f"{PROJECT}-{service}-1"
    subprocess.run(["docker", "pause", container], check=True, capture_output=True)
    try:
        seconds, report = by_doctor(stack)
    finally:
        subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    named = [one["id"] for one in report["findings"] if one["severity"] == "fail"]
    return {"seconds": round(seconds, 2), "failures": named, "skipped": len(report["skipped"])}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.doctor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--replicas", type=int, default=10, help="replicas of the stack (default 10)")
    options = parser.parse_args(arguments)
    seconds: dict[str, list[float]] = {"doctor": [], "docker stats": []}
    with bench_stack(replicas=options.replicas) as stack:
        for _ in range(options.rounds):
            seconds["docker stats"].append(round(by_docker_stats(), 2))
            took, report = by_doctor(stack)
            seconds["doctor"].append(round(took, 2))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        ratio = round(medians["doctor"] / medians["docker stats"], 2)
        inside = report["seconds"]
        print(f"doctor {medians['doctor']:.2f} s ({inside:.2f} s of it looking), {len(report['skipped'])} skipped")
        print(f"docker stats {medians['docker stats']:.2f} s, ratio {ratio}", flush=True)
        hanging = {service: stopped(stack, service) for service in SERVICES}
    for service, figures in hanging.items():
        print(f"{service} stopped: {figures['seconds']:.2f} s, {', '.join(figures['failures'])}")
    figures = {"replicas": options.replicas, "seconds": seconds, "median": medians, "ratio": ratio, "hanging": hanging}
    print(f"written to {write_results('doctor', figures).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
