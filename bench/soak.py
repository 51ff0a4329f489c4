"""Ten minutes of load with a fault each minute: `python -m bench.soak [--minutes N]`.

One instance of the backend is under a steady load of authenticated reads and writes, while Redis and PostgreSQL in turn
hang, die and lose their connections. Prints the footprint (memory, open files, connections) of each minute and the
failures around each fault, and writes bench/results/soak.json. Exit code 1 if the footprint grew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import psycopg2

from bench.client import Watched, under_load
from bench.footprint import Footprint, footprint
from bench.results import write_results
from bench.services import DataServices, data_services
from bench.targets import TARGETS, Started, started
from bench.temporary_stack import ROOT, Ran

SERVER_CORE, OTHER_CORE = 0, 1
_SAMPLE = 5.0
_HANG = 4.0
_TOLERATED_MB = 3.0
_TOLERATED_FILES = 8
"""Allowed growth of open files: reopened connections of clients come and go."""


def hang(container: str) -> None:
    """The process stops answering for some seconds and keeps its connections."""
    _docker("pause", container)
    time.sleep(_HANG)
    _docker("unpause", container)


def crash(container: str) -> None:
    """The process dies and is restarted."""
    _docker("kill", container)
    time.sleep(1)
    _docker("start", container)


def cut(services: DataServices) -> None:
    """PostgreSQL ends every connection of its clients."""
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'videa' AND pid <> pg_backend_pid()"
    )
    with psycopg2.connect(services.postgres) as connection, connection.cursor() as cursor:
        cursor.execute(others)


def faults(services: DataServices) -> list[tuple[str, Callable[[], None]]]:
    """One fault per minute, in turn."""
    return [
        ("redis hangs", lambda: hang(services.redis_container)),
        ("postgres hangs", lambda: hang(services.postgres_container)),
        ("redis is killed", lambda: crash(services.redis_container)),
        ("postgres cuts its clients", lambda: cut(services)),
    ]


def load(server: Started, rate: int) -> AbstractContextManager[Watched]:
    """Authenticated reads of many titles, and POSTs."""
    header = f"Authorization: Bearer {server.token}"
    more = ("--header", header, "--numbers", "2000", "--get", "/api/v1/titles/{n}")
    return under_load(f"http://127.0.0.1:{server.port}", rate=rate, more=more)


def watch(server: Started, services: DataServices, seconds: float) -> list[Footprint]:
    """Samples of the footprint for that long."""
    end, taken = time.monotonic() + seconds, []
    while time.monotonic() < end:
        taken.append(footprint(server.pid, services.postgres_port))
        time.sleep(min(_SAMPLE, max(0.0, end - time.monotonic())))
    return taken


def highest(samples: list[Footprint]) -> Footprint:
    """The maximum of each figure."""
    return Footprint(
        max(sample.rss_mb for sample in samples),
        max(sample.open_files for sample in samples),
        max(sample.database_connections for sample in samples),
    )


def growth(minutes: list[Footprint]) -> list[str]:
    """The growth between the first and the last minute, as text; empty if there is none."""
    first, last = minutes[0], minutes[-1]
    grown = []
    if last.rss_mb > first.rss_mb + _TOLERATED_MB:
        grown.append(f"memory {first.rss_mb} -> {last.rss_mb} MB")
    if last.open_files > first.open_files + _TOLERATED_FILES:
        grown.append(f"open files {first.open_files} -> {last.open_files}")
    if last.database_connections > max(5, first.database_connections):
        grown.append(f"connections {first.database_connections} -> {last.database_connections}")
    return grown


def failures_by_minute(seen: Watched) -> dict[int, int]:
    """Failed requests in each minute of the client."""
    counts: dict[int, int] = {}
    for second in seen.report["timeline"]:
        counts[second["second"] // 60] = counts.get(second["second"] // 60, 0) + second["failed"]
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Soak, print and write; the exit code is 1 if the footprint grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="the first and the last are calm (default 10)")
    parser.add_argument("--rate", type=int, default=300, help="requests/s (default 300)")
    options = parser.parse_args(arguments)
    minutes: list[Footprint] = []
    names: list[str] = []
    with data_services(OTHER_CORE, 2000) as services, started(TARGETS[0], services, SERVER_CORE) as server:
        planned = faults(services)
        with load(server, options.rate) as seen:
            for minute in range(options.minutes):
                calm = minute in (0, options.minutes - 1)
                name, fault = ("none", None) if calm else planned[(minute - 1) % len(planned)]
                began = time.monotonic()
                if fault is not None:
                    fault()
                seen.operations.append(Ran(name, time.time(), time.monotonic() - began, 0, ""))
                minutes.append(highest(watch(server, services, 60 - (time.monotonic() - began))))
                names.append(name)
                print(f"minute {minute + 1:2}  {name:26} {_words(minutes[-1])}", flush=True)
    grown = growth(minutes)
    print(f"failed by minute: {failures_by_minute(seen)}, by kind: {seen.report['failed_by_kind']}")
    print(f"grew: {'; '.join(grown) or 'nothing'}")
    figures: dict[str, Any] = {
        "minutes": [{"fault": name} | asdict(taken) for name, taken in zip(names, minutes, strict=True)],
        "grew": grown,
        "client": seen.report,
    }
    print(f"written to {write_results('soak', figures).relative_to(ROOT)}")
    return 1 if grown else 0


def _words(taken: Footprint) -> str:
    return f"{taken.rss_mb:6.1f} MB {taken.open_files:4} files {taken.database_connections:2} connections"


def _docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
