"""What a request costs the whole stack: `python -m bench.stack` measures the CPU of each component per request.

Two replicas behind nginx, and in the same run HAProxy and Caddy in nginx's place, and in the backend's Express and an
earlier backend that logs each request. For each: CPU per request at a fixed rate, without the client and without what
the idle stack uses; then as many requests as it answers, and its p99 at 70% of that. Prints a table and writes
bench/results/stack.json. The client uses the published port on loopback, so Docker's proxy process takes part; it is
shown on its own, because clients of other machines reach the container without it. `whole` is the sum of the named
components; `rest` is what else the machine did, which should be little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.cpu_accounts import LOGGING, PROXY, REST, Accounts
from bench.environments import node_modules
from bench.results import write_results
from bench.targets import COLUMNS, LIVE, PEERS, TITLE, access_token
from bench.temporary_stack import PROJECT, ROOT, BenchError, BenchStack, backend_image, bench_stack
from ops.engine.client import Engine

CONNECTIONS = 32
LOAD_OF_MOST = 0.7
WARM_UP, IDLE = 2.0, 6.0
"""Seconds of load that do not count, and of none."""

PEERS_IMAGE = "videa-bench-peers"
BASES = ("videa/debian-forky", "debian:forky-slim")
"""The image of Debian that `make up` builds without a registry, and the official one."""


@dataclass(frozen=True)
class Place:
    """What is measured: the service that is asked, and for which path."""

    name: str
    service: str
    path: str


PLACES = (
    Place("before live", "before-nginx", LIVE),
    Place("videa live", "nginx", LIVE),
    Place("before cached", "before-nginx", TITLE),
    Place("videa cached", "nginx", TITLE),
    Place("haproxy cached", "haproxy", TITLE),
    Place("caddy cached", "caddy", TITLE),
    Place("express cached", "express-nginx", TITLE),
)
ROLES = {
    "nginx": "balancer",
    "haproxy": "balancer",
    "caddy": "balancer",
    "express-nginx": "balancer",
    "before-nginx": "balancer",
    "backend": "replicas",
    "before": "replicas",
    "express": "replicas",
    "redis": "redis",
    "postgres": "postgres",
    LOGGING: LOGGING,
    PROXY: PROXY,
}
SHOWN = ("balancer", "replicas", "redis", "postgres", LOGGING, PROXY)

Spent = Mapping[str, float]
"""CPU seconds of each component."""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.stack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (default 6)")
    parser.add_argument("--rounds", type=int, default=2, help="times each has its turn (default 2)")
    parser.add_argument("--rate", type=int, default=1000, help="requests/s for the cost (default 1000)")
    parser.add_argument("--only", action="append", choices=[place.name for place in PLACES])
    parser.add_argument(
        "--before", metavar="IMAGE", help="the earlier backend (default: this one, logging each request)"
    )
    options = parser.parse_args(arguments)
    places = [place for place in PLACES if place.name in (options.only or [place.name])]
    rounds: dict[str, list[dict[str, Any]]] = {place.name: [] for place in places}
    make_peers_image()
    node_modules(PEERS / "express")
    os.environ |= {"BENCH_EXPRESS": str(PEERS / "express"), "BENCH_COLUMNS": COLUMNS}
    os.environ["BENCH_BEFORE"] = options.before or backend_image()
    with bench_stack(replicas=2, overlays=[PEERS / "stack"]) as stack:
        token = access_token(stack.url)  # Express accepts it too: it has the same secret
        accounts = Accounts(Engine(), PROJECT)
        idle = idle_use(accounts)
        for _ in range(options.rounds):
            for place in places:
                taken = measured(stack, accounts, idle, place, token, options.rate, options.seconds)
                rounds[place.name].append(taken)
                print(line(place.name, taken), flush=True)
    medians = {name: summary(taken) for name, taken in rounds.items()}
    print("\n" + table(medians))
    asked = {"connections": CONNECTIONS, "rate": options.rate, "seconds": options.seconds, "rounds": options.rounds}
    path = write_results("stack", {"asked": asked, "median": medians, "rounds": rounds})
    print(f"written to {path.relative_to(ROOT)}")
    return 1 if any(figures["failed"] for figures in medians.values()) else 0


def measured(
    stack: BenchStack, accounts: Accounts, idle: Spent, place: Place, token: str, rate: int, seconds: float
) -> dict[str, Any]:
    """The figures of one place, after a warm-up. Raises BenchError."""
    url = f"http://{stack.compose('port', place.service, '8080').output.split()[0].replace('0.0.0.0', '127.0.0.1')}"
    load = partial(loaded, accounts, idle, url, place.path, token)
    load(WARM_UP)
    opened = accounts.accepted()
    paced = load(seconds, rate)
    opened = accounts.accepted() - opened
    most = load(seconds)
    calm = load(seconds, most["rate"] * LOAD_OF_MOST)
    return {
        "microseconds": paced["microseconds"],
        "held": paced["rate"],
        "connections": {role: sum(opened.get(name, 0) for name in ROLES if ROLES[name] == role) for role in SHOWN[:3]},
        "most": most["rate"],
        "microseconds_at_most": most["microseconds"],
        "p99_ms": calm["p99_ms"],
        "failed": paced["failed"] + most["failed"] + calm["failed"],
    }


def loaded(
    accounts: Accounts, idle: Spent, url: str, path: str, token: str, seconds: float, rate: float = 0.0
) -> dict[str, Any]:
    """One run of the client. ``rate``: 0 for as many requests as possible. Raises BenchError if the client fails."""
    command = [sys.executable, "-m", "bench.load", "--url", url, "--get", path, "--json"]
    command += ["--header", f"Authorization: Bearer {token}"] if path != LIVE else []
    command += ["--connections", str(CONNECTIONS), "--seconds", str(seconds), "--rate", str(rate)]
    before, began = accounts.read(), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise BenchError(f"bench.load failed: {done.stderr.strip()}")
    spent, passed = accounts.read().since(before), time.monotonic() - began
    report = json.loads(done.stdout.splitlines()[-1])
    return {
        "microseconds": per_request(spent, idle, passed, report["ok"]),
        "rate": report["rate"],
        "p99_ms": round(report["latency_ms"].get("p99", 0.0), 1),
        "failed": report["failed"],
    }


def idle_use(accounts: Accounts) -> Spent:
    """What the stack and the machine use without requests, in CPU seconds per second: health checks, for example."""
    before, began = accounts.read(), time.monotonic()
    time.sleep(IDLE)
    spent, passed = accounts.read().since(before), time.monotonic() - began
    return {component: seconds / passed for component, seconds in spent.items()}


def per_request(spent: Spent, idle: Spent, seconds: float, requests: int) -> dict[str, float]:
    """Microseconds of CPU per request by role, and their sum, of what was spent above the idle use of ``seconds``."""
    costs = dict.fromkeys((*SHOWN, REST), 0.0)
    for component, used in spent.items():
        costs[ROLES.get(component, REST)] += 1e6 * (used - idle.get(component, 0.0) * seconds) / max(requests, 1)
    costs["whole"] = sum(costs[role] for role in SHOWN)
    return {role: round(cost, 1) for role, cost in costs.items()}


def make_peers_image() -> None:
    """Builds the image of the peers. Raises BenchError."""
    bases = (
        base
        for base in BASES
        if not subprocess.run(["docker", "image", "inspect", base], capture_output=True, check=False).returncode
    )
    base = next(bases, BASES[-1])
    command = [
        "docker",
        "build",
        "--quiet",
        "--build-arg",
        f"DEBIAN={base}",
        "--tag",
        PEERS_IMAGE,
        str(PEERS / "stack"),
    ]
    done = subprocess.run(
        command, env=os.environ | {"DOCKER_BUILDKIT": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"no image with HAProxy, Caddy and Node.js: {done.stderr.strip()[-500:]}")


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure over the rounds, and the sum of failures."""

    def middle(values: Sequence[Any]) -> Any:
        if isinstance(values[0], dict):
            return {name: middle([value[name] for value in values]) for name in values[0]}
        return round(statistics.median(values), 1)

    return {**middle(rounds), "failed": sum(taken["failed"] for taken in rounds)}


def table(medians: dict[str, dict[str, Any]]) -> str:
    """The medians for people."""
    head = f"{'us of CPU per request':22}" + "".join(f"{role:>10}" for role in (*SHOWN, "whole", REST))
    lines = [f"{head} {'most/s':>8} {'us then':>8} {'p99 ms':>7} {'failed':>6}"]
    return "\n".join([*lines, *(line(name, figures) for name, figures in medians.items())])


def line(name: str, figures: dict[str, Any]) -> str:
    """A row of the table."""
    costs = "".join(f"{figures['microseconds'][role]:10.0f}" for role in (*SHOWN, "whole", REST))
    return (
        f"{name:22}{costs} {figures['most']:8.0f} {figures['microseconds_at_most']['whole']:8.0f} "
        f"{figures['p99_ms']:7.1f} {figures['failed']:6.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
