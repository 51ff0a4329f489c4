"""The cost of the doctor: `python -m bench.doctor` times `videa doctor`, and measures its effect on clients.

With 10 replicas it alternates with `docker stats`. Then every process of PostgreSQL, Redis and nginx is stopped
(SIGSTOP), one service after the other, and doctor is timed again. Finally keep-alive clients send requests in
alternating windows: while doctor runs without a pause, while `doctor --watch` runs every ten seconds, and without
doctor. The connections that doctor holds are counted on the server.
Prints the medians and writes bench/results/doctor.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

from bench.client import under_load
from bench.results import write_results
from bench.temporary_stack import PROJECT, ROOT, BenchStack, bench_stack

SERVICES = ("postgres", "redis", "nginx")
SHARE = 0.01
"""The slowest requests in the windows without doctor: their fastest time is the bound for the windows with doctor."""

WATCH_INTERVAL = 10.0
"""Default pause of `videa doctor --watch`, in seconds."""

Doctor: TypeAlias = Callable[[BenchStack], AbstractContextManager[None]]

_MOST_CONNECTIONS = """
DO $$
DECLARE most int := 0; now_open int;
BEGIN
  FOR turn IN 1..600 LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT count(*) INTO now_open FROM pg_stat_activity WHERE application_name = 'videa-doctor';
    most := greatest(most, now_open);
    PERFORM pg_sleep(0.005);
  END LOOP;
  RAISE NOTICE 'most %', most;
END $$
"""
"""Samples every 5 ms for at least three seconds."""


def by_doctor(stack: BenchStack) -> tuple[float, dict[str, Any]]:
    """The duration of the command in seconds, and its report."""
    ran = stack.videa("doctor", "--json", check=False)
    report: dict[str, Any] = json.loads(ran.output)
    return ran.seconds, report


def by_docker_stats() -> float:
    """The duration of one `docker stats` of all containers, in seconds."""
    began = time.monotonic()
    subprocess.run(["docker", "stats", "--no-stream"], check=True, capture_output=True)
    return time.monotonic() - began


@contextmanager
def standing_still(service: str) -> Iterator[None]:
    """Sends SIGSTOP to every process of the service's container, and SIGCONT at the end."""
    listed = subprocess.run(
        ["docker", "top", f"{PROJECT}-{service}-1", "-eo", "pid"], check=True, capture_output=True, text=True
    )
    processes = [int(line) for line in listed.stdout.split()[1:]]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def stopped(stack: BenchStack, service: str) -> dict[str, Any]:
    """Runs doctor while the service is stopped by SIGSTOP."""
    with standing_still(service):
        seconds, report = by_doctor(stack)
    named = [item["id"] for item in report["findings"] if item["severity"] == "fail"]
    return {
        "seconds": round(seconds, 2),
        "failures": named,
        "checked": len(report["checked"]),
        "skipped": len(report["skipped"]),
    }


@contextmanager
def looking(stack: BenchStack) -> Iterator[None]:
    """Runs doctor again and again during the block."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            by_doctor(stack)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


@contextmanager
def watching(stack: BenchStack) -> Iterator[None]:
    """Runs `videa doctor --watch` with its defaults during the block."""
    with stack.start("doctor", "--watch", "--json") as process:
        try:
            yield
        finally:
            process.terminate()


def window(stack: BenchStack, rate: int, seconds: float) -> dict[str, Any]:
    """The report of keep-alive clients over ``seconds``."""
    with under_load(stack.url, rate=rate, lead=seconds, tail=0, more=("--latencies",)) as watched:
        pass
    return watched.report


def felt(stack: BenchStack, doctor: Doctor, rate: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Alternating windows with and without doctor: p99 of each, and the share of requests above the p99 without it."""
    quiet, beside = list[dict[str, Any]](), list[dict[str, Any]]()
    window(stack, rate, 2)  # connections, caches and prepared statements
    for _ in range(rounds):
        quiet.append(window(stack, rate, seconds))
        with doctor(stack):
            beside.append(window(stack, rate, seconds))
    calm = sorted(latency for item in quiet for latency in item["latencies_ms"])
    bound = calm[int(len(calm) * (1 - SHARE))]
    others = [latency for item in beside for latency in item["latencies_ms"]]
    return {
        "asked": {"rate": rate, "seconds": seconds, "rounds": rounds},
        "failed": sum(item["failed"] for item in [*quiet, *beside]),
        "not_sent": sum(item["not_sent"] for item in [*quiet, *beside]),
        "failures": [failure for item in [*quiet, *beside] for failure in item["failures"]][:10],
        "p50_ms": {"without": _median(quiet, "p50"), "with": _median(beside, "p50")},
        "p99_ms": {"without": _median(quiet, "p99"), "with": _median(beside, "p99")},
        "slower_than_quiet_p99": round(sum(latency > bound for latency in others) / len(others), 4),
    }


def _median(windows: list[dict[str, Any]], percentile: str) -> float:
    return round(statistics.median(float(item["latency_ms"][percentile]) for item in windows), 2)


def connections(stack: BenchStack) -> int:
    """The maximum of connections to PostgreSQL that one run held, as seen by the server."""
    command = ["docker", "exec", f"{PROJECT}-postgres-1", "psql", "-X", "-U", "videa", "-c", _MOST_CONNECTIONS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watching:
        by_doctor(stack)
        output, _ = watching.communicate()
    return int(output.partition("most ")[2].split()[0])


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.doctor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--replicas", type=int, default=10, help="replicas of the stack (default 10)")
    parser.add_argument("--rate", type=int, default=500, help="requests/s of the clients (default 500)")
    parser.add_argument("--seconds", type=float, default=8, help="of each window with clients (default 8)")
    options = parser.parse_args(arguments)
    seconds: dict[str, list[float]] = {"doctor": [], "docker stats": []}
    with bench_stack(replicas=options.replicas) as stack:
        stack.videa("up")  # as users start it: from then on, what Compose says of unchanged files is remembered
        for _ in range(options.rounds):
            seconds["docker stats"].append(round(by_docker_stats(), 2))
            took, report = by_doctor(stack)
            seconds["doctor"].append(round(took, 2))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        ratio = round(medians["doctor"] / medians["docker stats"], 2)
        inside = report["seconds"]
        print(f"doctor {medians['doctor']:.2f} s ({inside:.2f} s of it looking), {len(report['skipped'])} skipped")
        print(f"docker stats {medians['docker stats']:.2f} s, ratio {ratio}", flush=True)
        held = connections(stack)
        print(f"connections to PostgreSQL: {held}", flush=True)
        clients = {
            "without a pause": felt(stack, looking, options.rate, options.seconds, options.rounds),
            "--watch": felt(stack, watching, options.rate, 2 * WATCH_INTERVAL, options.rounds),
        }
        hanging = {service: stopped(stack, service) for service in SERVICES}
    for way, load in clients.items():
        p99, share = load["p99_ms"], load["slower_than_quiet_p99"]
        print(
            f"doctor {way}: p99 {p99['with']:.1f} ms, {p99['without']:.1f} ms without it; {share:.1%} slower", end=" "
        )
        print(f"than the slowest {SHARE:.0%} without, {load['failed']} failed, {load['not_sent']} not sent")
    for service, figures in hanging.items():
        print(f"{service} stopped: {figures['seconds']:.2f} s, {', '.join(figures['failures'])}", end="; ")
        print(f"{figures['checked']} checks ran")
    figures = {
        **{"replicas": options.replicas, "seconds": seconds, "median": medians, "ratio": ratio},
        **{"connections": held, "clients": clients, "hanging": hanging},
    }
    print(f"written to {write_results('doctor', figures).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
