"""What clients feel of an attack: `python -m bench.attack [KIND ...]`.

A client sends 200 requests/s through nginx, half GETs and half POSTs, while an attacker with an address of its own does
its worst. Prints p99 with and without the attack and all failures, writes bench/results/attack.json, and exits with 1
when a request of the client failed. Goal: 0 failed, and p99 at most twice. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.client import under_load
from bench.results import write_results
from bench.stack import PROJECT, ROOT, BenchError, BenchStack, backend_image, bench_stack

RATE = 200
SECONDS = 15


@dataclass(frozen=True)
class Attack:
    """count: connections or tries within the seconds; network, target: where it comes from and goes to."""

    what: str
    count: int
    network: str = "edge"
    target: tuple[str, int] = ("nginx", 8080)


ATTACKS = {
    "bomb": Attack("gzip bodies of 1.75 MB that inflate to 1.8 GB", 15),
    "slow": Attack("connections that never end their header", 4200),
    "stalled": Attack("uploads of 2 MB that stop half way", 400),
    # Straight to a replica, which believes what a balancer says of the client's address.
    "login": Attack("wrong passwords for one account from as many addresses", 500, "app", ("backend", 3001)),
}


@contextmanager
def attacking(kind: str, attack: Attack) -> Iterator[subprocess.Popen[str]]:
    """An attacker that has begun."""
    name = f"{PROJECT}-attacker"
    script = ROOT / "bench" / "attackers" / "attacker.py"
    command = ["docker", "run", "--rm", "--name", name, "--network", f"{PROJECT}_{attack.network}"]
    command += ["--ulimit", "nofile=20000", "--volume", f"{script}:/attacker.py:ro", backend_image()]
    command += ["python", "/attacker.py", kind, *map(str, (*attack.target, SECONDS, attack.count))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if process.stderr is None or process.stderr.readline() != "ready\n":
            raise BenchError(f"the attacker did not start: {process.communicate()[1]}")
        yield process
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
        process.wait()


def measure(stack: BenchStack, kind: str, attack: Attack) -> dict[str, Any]:
    """The client alone, then beside the attacker."""
    with under_load(stack.url, rate=RATE, tail=SECONDS) as alone:
        pass
    before = _containers(stack)
    with attacking(kind, attack) as attacker, under_load(stack.url, rate=RATE, lead=0.0) as beside:
        said, errors = attacker.communicate(timeout=8 * SECONDS)
    if attacker.returncode:
        raise BenchError(f"the attacker failed: {errors}")
    quiet, busy = (seen.report["latency_ms"].get("p99", 0.0) for seen in (alone, beside))
    return {
        "attack": f"{attack.count} {attack.what}",
        "ended": json.loads(said),
        "failed": beside.report["failed"],
        "failed_by_kind": beside.report["failed_by_kind"],
        "sent": beside.report["sent"],
        "not_sent": beside.report["not_sent"],
        "p99_ms": {"without": quiet, "with": busy},
        "ratio": round(busy / quiet, 2) if quiet else None,
        "restarted": sorted(name for name, state in _containers(stack).items() if before.get(name) != state),
    }


def _containers(stack: BenchStack) -> dict[str, str]:
    """When each container of the stack started, by its name."""
    names = stack.compose("ps", "--quiet").output.split()
    form = "{{.Name}} {{.State.StartedAt}} {{.State.OOMKilled}}"
    told = subprocess.run(["docker", "inspect", "--format", form, *names], capture_output=True, text=True, check=True)
    return dict(line.lstrip("/").split(" ", 1) for line in told.stdout.splitlines())


def row(kind: str, found: dict[str, Any]) -> str:
    """One line of the table."""
    quiet, busy = found["p99_ms"]["without"], found["p99_ms"]["with"]
    ended = ", ".join(f"{how} {count}" for how, count in sorted(found["ended"].items()))
    restarted = f"; RESTARTED: {', '.join(found['restarted'])}" if found["restarted"] else ""
    figures = f"{found['sent']:6} {found['failed']:7} {quiet:8.1f} {busy:9.1f} {found['ratio']:6}"
    return f"{kind:8} {figures}  {ended}{restarted}"


def main(arguments: list[str] | None = None) -> int:
    """Run the attacks and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(ATTACKS)} (all)")
    chosen = parser.parse_args(arguments).kinds or list(ATTACKS)
    if unknown := [kind for kind in chosen if kind not in ATTACKS]:
        parser.error(f"no such attack: {', '.join(unknown)}")
    results: dict[str, Any] = {}
    try:
        with bench_stack(replicas=2) as stack:
            print(f"{'':8} {'sent':>6} {'failed':>7} {'p99 ms':>8} {'attacked':>9} {'ratio':>6}  the tries ended")
            for kind in chosen:
                results[kind] = measure(stack, kind, ATTACKS[kind])
                print(row(kind, results[kind]), flush=True)
    except BenchError as error:
        print(f"attack: {error}", file=sys.stderr)
        return 2
    print(f"written: {write_results('attack', {'rate': RATE, 'seconds': SECONDS, 'attacks': results})}")
    return 1 if any(found["failed"] or found["restarted"] for found in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
