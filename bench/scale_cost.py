"""The time of a scale: `python -m bench.scale_cost` compares `videa scale 5` from 2 with bare Compose.

The two alternate in one run on the same stack, each from the same fresh state of 2 replicas. Prints both medians and
their ratio, and writes bench/results/scale_cost.json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

from bench.results import write_results
from bench.temporary_stack import ROOT, BenchStack, Ran, bench_stack


def by_videa(stack: BenchStack) -> Ran:
    """videa scale 5"""
    return stack.videa("scale", "5")


def by_compose(stack: BenchStack) -> Ran:
    """docker compose up -d --scale backend=5 --no-recreate --wait"""
    return stack.compose("up", "-d", "--scale", "backend=5", "--no-recreate", "--wait")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    rounds = parser.parse_args(arguments).rounds
    ways: dict[str, Callable[[BenchStack], Ran]] = {"videa": by_videa, "compose": by_compose}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with bench_stack(replicas=2) as stack:
        for number in range(rounds):
            # The order alternates, so that not always the same one has warm caches.
            for name in sorted(ways, reverse=number % 2 == 1):
                stack.reset(replicas=2)
                seconds[name].append(round(ways[name](stack).seconds, 3))
                print(f"round {number + 1}  {name:8} {seconds[name][-1]:6.2f} s", flush=True)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = round(medians["videa"] / medians["compose"], 2)
    print(f"median  videa {medians['videa']:.2f} s, compose {medians['compose']:.2f} s, ratio {ratio}")
    figures = {"seconds": seconds, "median": medians, "ratio": ratio}
    print(f"written to {write_results('scale_cost', figures).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
