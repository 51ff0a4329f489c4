"""How often the judgement of a canary is wrong: simulated traffic, statistics only, no timings.

    python -m bench.judgement [--seeds 300]

Prints the table of docs/canary.md. Times are lognormal, as service times usually are; errors are independent.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from dataclasses import dataclass

from ops.rollout.judgement import Kind, Side, judge
from ops.settings import Canary

MEDIAN, SPREAD = 0.05, 0.6
"""Seconds, and sigma of the logarithm: a 99th percentile of 0.2 s."""

SHARE = 0.05
TRAFFIC = (100, 300, 1500)
"""Requests that the canary has in one window, with 19 times as many on stable: 5% of 67, 200 and 1,000 a second."""


@dataclass(frozen=True)
class Scenario:
    """A release. ``errors`` and ``stable_errors``: shares of requests; ``slower``: factor of every answer's time."""

    name: str
    good: bool
    errors: float = 0.0005
    slower: float = 1.0
    stable_errors: float = 0.0005


SCENARIOS = (
    Scenario("as stable", True),
    Scenario("as stable, which fails 0.5%", True, errors=0.005, stable_errors=0.005),
    Scenario("1.2 times slower", True, slower=1.2),
    Scenario("errors on 1%", False, errors=0.01),
    Scenario("errors on 2%", False, errors=0.02),
    Scenario("errors on 5%", False, errors=0.05),
    Scenario("3 times slower", False, slower=3.0),
    Scenario("5 times slower", False, slower=5.0),
)


def main() -> None:
    """Simulates every scenario at every traffic and prints one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    seeds = parser.parse_args().seeds
    print("| release | canary's requests | pass | fail | inconclusive | wrong |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for scenario in SCENARIOS:
        for requests in TRAFFIC:
            found = Counter(verdict(scenario, requests, seed) for seed in range(seeds))
            shares = {kind: 100 * found[kind] / seeds for kind in Kind}
            wrong = f"{shares[Kind.FAIL]:.1f}% aborted" if scenario.good else f"{shares[Kind.PASS]:.1f}% missed"
            print(
                f"| {scenario.name} | {requests:,} | {shares[Kind.PASS]:.1f}% | {shares[Kind.FAIL]:.1f}% "
                f"| {shares[Kind.INCONCLUSIVE]:.1f}% | {wrong} |"
            )


def verdict(scenario: Scenario, requests: int, seed: int) -> Kind:
    """The verdict at the end of one window."""
    source = random.Random(f"{scenario.name} {requests} {seed}")
    canary = simulate(source, requests, scenario.errors, scenario.slower)
    stable = simulate(source, int(requests / SHARE) - requests, scenario.stable_errors, 1.0)
    return judge(canary, stable, [], Canary()).kind


def simulate(source: random.Random, requests: int, errors: float, slower: float) -> Side:
    """One side's requests of a window."""
    location = math.log(MEDIAN * slower)
    seconds = [math.exp(source.gauss(location, SPREAD)) for _ in range(requests)]
    return Side(failures(source, requests, errors), seconds)


def failures(source: random.Random, requests: int, share: float) -> int:
    """A binomial number, by the gaps between failures."""
    count = place = 0
    while True:
        place += 1 + int(math.log(1.0 - source.random()) / math.log1p(-share))
        if place > requests:
            return count
        count += 1


if __name__ == "__main__":
    main()
