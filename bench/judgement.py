"""The error rates of the canary judgement: simulated traffic, statistics only, no timings.

    python -m bench.judgement [--seeds 300]

Prints the table of docs/canary.md. Times are lognormal, as service times usually are; errors are independent. Requests
go to ROUTES equal routes; unless stated otherwise, 4% of the answers are 4xx and 5% are redirects.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from dataclasses import dataclass
from functools import cache

from ops.balancer.tally import Latencies, Mix, total
from ops.balancer.tries import Tallies, Try, Warmup
from ops.events import Kind
from ops.project.settings import Canary
from ops.rollout.judgement import Sample, judge

MEDIAN, SPREAD = 0.05, 0.6
"""Seconds, and sigma of the logarithm: a 99th percentile of 0.2 s."""

PATHS = tuple(f"/route-{letter}" for letter in "abcdefghijklmnopqrst")
ROUTES = len(PATHS)
USUAL = (0.05, 0.04)
"""Shares of redirects and of client errors."""

SHARE = 0.05
TRAFFIC = (100, 300, 1500)
"""Requests of the canary in one window; stable has 19 times as many: 5% of 67, 200 and 1,000 per second."""


@dataclass(frozen=True)
class Scenario:
    """A release. ``errors`` and ``stable_errors``: shares of requests; ``slower``: factor of every answer's time.

    ``mix``: shares of 3xx and 4xx on all routes, or only on the first one with ``one_route``; ``empty``: share of
    answers without a body; ``cold``: number of first requests that take two more seconds.
    """

    name: str
    good: bool
    errors: float = 0.0005
    slower: float = 1.0
    stable_errors: float = 0.0005
    mix: tuple[float, float] = USUAL
    one_route: bool = False
    empty: float = 0.0
    cold: int = 0


SCENARIOS = (
    Scenario("as stable", True),
    Scenario("as stable, which fails 0.5%", True, errors=0.005, stable_errors=0.005),
    Scenario("1.2 times slower", True, slower=1.2),
    Scenario("errors on 1%", False, errors=0.01),
    Scenario("errors on 2%", False, errors=0.02),
    Scenario("errors on 5%", False, errors=0.05),
    Scenario("3 times slower", False, slower=3.0),
    Scenario("5 times slower", False, slower=5.0),
    Scenario("first 60 requests 2 s slower", True, cold=60),
    Scenario("4xx on 6%, stable on 4%", True, mix=(0.05, 0.06)),
    Scenario("404 to everything", False, mix=(0.0, 1.0)),
    Scenario("redirects everything", False, mix=(1.0, 0.0)),
    Scenario("4xx on 15%, stable on 4%", False, mix=(0.05, 0.15)),
    Scenario("404 on one route of 20", False, mix=(0.0, 1.0), one_route=True),
    Scenario("no bodies", False, empty=1.0),
)


def main() -> None:
    """Simulates every scenario with every number of requests and prints one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    seeds = parser.parse_args().seeds
    print("| release | canary's requests | pass | fail | inconclusive | wrong |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for scenario in SCENARIOS:
        for requests in TRAFFIC:
            verdicts = Counter(verdict(scenario, requests, seed) for seed in range(seeds))
            shares = {kind: 100 * verdicts[kind] / seeds for kind in Kind}
            wrong = f"{shares[Kind.FAIL]:.1f}% aborted" if scenario.good else f"{shares[Kind.PASS]:.1f}% missed"
            print(
                f"| {scenario.name} | {requests:,} | {shares[Kind.PASS]:.1f}% | {shares[Kind.FAIL]:.1f}% "
                f"| {shares[Kind.INCONCLUSIVE]:.1f}% | {wrong} |"
            )


def verdict(scenario: Scenario, requests: int, seed: int) -> Kind:
    """The verdict at the end of one window."""
    source = random.Random(f"{scenario.name} {requests} {seed}")
    canary = simulate(source, scenario, requests)
    return judge(canary, stable(scenario.stable_errors, int(requests / SHARE) - requests, seed), [], Canary()).kind


@cache
def stable(errors: float, requests: int, seed: int) -> Sample:
    """Stable's requests in a window, drawn once for all scenarios."""
    source = random.Random(f"stable {errors} {requests} {seed}")
    latencies = Latencies(math.exp(source.gauss(math.log(MEDIAN), SPREAD)) for _ in range(requests))
    routes = {f"GET {path}": mix(source, requests // ROUTES, errors) for path in PATHS}
    return Sample(total(routes).classes[5], latencies, routes=routes)


def mix(source: random.Random, requests: int, errors: float) -> Mix:
    """The normal answers of one route, and its errors."""
    counts = {5: failures(source, requests, errors)}
    counts |= {kind: failures(source, requests, share) for kind, share in zip((3, 4), USUAL, strict=True)}
    good = requests - sum(counts.values())
    return Mix(Counter({**counts, 2: good}), bodies=good)


def simulate(source: random.Random, scenario: Scenario, requests: int) -> Sample:
    """The canary's requests in a window."""
    location = math.log(MEDIAN * scenario.slower)
    tallies = Tallies(Warmup(limit=Canary().max_p99))
    for number in range(requests):
        path = source.choice(PATHS)
        redirects, client_errors = scenario.mix if not scenario.one_route or path == PATHS[0] else USUAL
        shares = (scenario.errors, redirects, client_errors)
        status = source.choices((500, 302, 404, 200), (*shares, max(0.0, 1 - sum(shares))))[0]
        seconds = math.exp(source.gauss(location, SPREAD)) + (2.0 if number < scenario.cold else 0.0)
        body = 0 if source.random() < scenario.empty else 100
        tallies.add(Try("10.0.0.2:3001", status, seconds, float(number), "GET", path, body))
    tally = tallies.of(["10.0.0.2"])
    return Sample(tally.failed, tally.warm, tally.unanswered, cold=tally.cold.count, routes=tally.routes)


def failures(source: random.Random, requests: int, share: float) -> int:
    """A binomial random number, by the gaps between failures."""
    count = place = 0
    while True:
        place += 1 + int(math.log(1.0 - source.random()) / math.log1p(-share))
        if place > requests:
            return count
        count += 1


if __name__ == "__main__":
    main()
