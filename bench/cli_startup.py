"""The start time of the command: `python -m bench.cli_startup` times `videa --help` and `videa status` with 5 replicas.

Prints the medians together with those of `python -c pass` and `docker compose ps` in the same run, and writes
bench/results/cli_startup.json.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from bench.results import write_results
from bench.temporary_stack import ROOT, BenchStack, bench_stack, videa_command


def timed(command: list[str]) -> float:
    """Seconds that a command takes. Raises CalledProcessError if it fails."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measures(stack: BenchStack) -> dict[str, Callable[[], float]]:
    """The measured times, in seconds."""
    return {
        "python -c pass": lambda: timed([sys.executable, "-c", "pass"]),
        "videa --help": lambda: timed([videa_command(), "--help"]),
        "docker compose ps": lambda: stack.compose("ps").seconds,
        "videa status": lambda: stack.videa("status").seconds,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.cli_startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="measurements of each (default 11)")
    rounds = parser.parse_args(arguments).rounds
    with bench_stack(replicas=2) as stack:
        stack.videa("scale", "5")
        ways = measures(stack)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, measure in ways.items():
                seconds[name].append(round(measure(), 3))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:20} {median:6.3f} s")
    path = write_results("cli_startup", {"replicas": 5, "seconds": seconds, "median": medians})
    print(f"written to {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
