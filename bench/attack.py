"""The effect of an attack on clients: `python -m bench.attack [KIND ...]`.

A client sends 200 requests/s through nginx, half GETs and half POSTs, while an attacker attacks from another address.
Prints p99 with and without the attack and all failures, writes bench/results/attack.json, and exits with 1 if a request
of the client failed. Goal: 0 failed, and p99 at most doubled. Times are not checked.
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
from bench.temporary_stack import PROJECT, ROOT, BenchError, BenchStack, backend_image, bench_stack

RATE = 200
SECONDS = 15


@dataclass(frozen=True)
class Attack:
    """count: connections or attempts within SECONDS; network, target: the attacker's network, and its target."""

    what: str
    count: int
    network: str = "edge"
    target: tuple[str, int] = ("nginx", 8080)


ATTACKS = {
    "bomb": Attack("gzip bodies of 1.75 MB that inflate to 1.8 GB", 15),
    "slow": Attack("connections that never end their header", 4200),
    "stalled": Attack("uploads of 2 MB that stop half way", 400),
    # Directly to a replica, which trusts the client address that a balancer sends.
    "login": Attack("wrong passwords for one account from as many addresses", 500, "app", ("backend", 3001)),
}


@contextmanager
def attacking(kind: str, attack: Attack) -> Iterator[subprocess.Popen[str]]:
    """A running attacker."""
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
    """Measures the client alone, then during the attack."""
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
    """Container name -> start time, for the containers of the stack."""
    names = stack.compose("ps", "--quiet").output.split()
    form = "{{.Name}} {{.State.StartedAt}} {{.State.OOMKilled}}"
    inspected = subprocess.run(
        ["docker", "inspect", "--format", form, *names], capture_output=True, text=True, check=True
    )
    return dict(line.lstrip("/").split(" ", 1) for line in inspected.stdout.splitlines())


def row(kind: str, result: dict[str, Any]) -> str:
    """One line of the table."""
    quiet, busy = result["p99_ms"]["without"], result["p99_ms"]["with"]
    ended = ", ".join(f"{how} {count}" for how, count in sorted(result["ended"].items()))
    restarted = f"; RESTARTED: {', '.join(result['restarted'])}" if result["restarted"] else ""
    figures = f"{result['sent']:6} {result['failed']:7} {quiet:8.1f} {busy:9.1f} {result['ratio']:6}"
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
    return 1 if any(result["failed"] or result["restarted"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
