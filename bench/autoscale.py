"""Simulates the autoscaler over load curves, without Docker: `python -m bench.autoscale [--json]`.

The model: replicas that serve CAPACITY requests/s each share the load; what they do not serve waits. A replica serves
START_UP seconds after the decision, and no decision is made until then, as an operation holds the lock. The rounds are
those of `videa autoscale run`, every 5 s, with measured values as it would see them: means over the last 5 s.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from ops.autoscale.bounds import Bound, Bounds
from ops.autoscale.decide import decide
from ops.autoscale.duty import INTERVAL
from ops.autoscale.past import Past
from ops.autoscale.requests import WINDOW, at_least
from ops.autoscale.samples import Observed, Samples
from ops.project.settings import Autoscale, Target
from ops.project.units import Rate

Curve = Callable[[float], float]
"""Seconds -> requests/s."""

CAPACITY = 250.0
"""Requests/s that one replica serves at 100% of its CPU."""
SERVICE = 1 / CAPACITY
START_UP = 3.0
"""Seconds from a decision until the new replicas serve."""
RULES = Autoscale(min=2, max=12, target=Target(requests=Rate(0.7 * CAPACITY)))
SECONDS = 1800


def step(seconds: float) -> float:
    """100 requests/s, and 1,000 for ten minutes."""
    return 1000.0 if 300 <= seconds < 900 else 100.0


def sine(seconds: float) -> float:
    """A day in half an hour: from 100 to 1,100 requests/s and back, twice."""
    return 600.0 - 500.0 * math.cos(2 * math.pi * seconds / 900)


def noise(seconds: float) -> float:
    """500 requests/s, give or take a third, another number each second."""
    return 500.0 * (1 + random.Random(int(seconds)).uniform(-0.33, 0.33))


def flash_crowd(seconds: float) -> float:
    """100 requests/s, within ten seconds 1,500 for five minutes, and back."""
    rise = min(1.0, max(0.0, (seconds - 300) / 10)) - min(1.0, max(0.0, (seconds - 600) / 10))
    return 100.0 + 1400.0 * rise


def square(seconds: float) -> float:
    """Between 200 and 900 requests/s every 30 s: it should stay at the number for 900."""
    return 900.0 if int(seconds / 30) % 2 else 200.0


CURVES: dict[str, Curve] = {
    "step": step,
    "sine": sine,
    "noise": noise,
    "flash crowd": flash_crowd,
    "square wave": square,
}


@dataclass(frozen=True)
class Figures:
    """The result of a simulation.

    ``changes``: of the number of replicas; ``reversals``: of its direction; ``least``, ``most``: replicas. ``over``,
    ``under``: replica hours above and below the number that exactly serves the load, relative to it. ``short``: seconds
    with fewer replicas than that; ``slow``: seconds in which requests wait for more than a second; ``first``: seconds
    from the first time that there were too few until there were enough.
    """

    curve: str
    changes: int
    reversals: int
    least: int
    most: int
    over: float
    under: float
    short: float
    slow: float
    first: float


@dataclass
class Model:
    """The replicas of the service. ``backlog``: requests that wait; ``served``, ``arrived``: in the last seconds."""

    replicas: int
    starting: int = 0
    serves_at: float = 0.0
    backlog: float = 0.0

    def tick(self, seconds: float, rate: float) -> None:
        """One second."""
        if self.starting and seconds >= self.serves_at:
            self.replicas, self.starting = self.replicas + self.starting, 0
        self.backlog = max(0.0, self.backlog + rate - self.replicas * CAPACITY)

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self.starting > 0

    def p95(self, rate: float) -> float:
        """Seconds: of a queue with one server for each replica, and of what waits already."""
        idle = 1 - min(0.99, rate / (self.replicas * CAPACITY))
        return 3 * SERVICE / idle + self.backlog / (self.replicas * CAPACITY)

    def scale(self, desired: int, seconds: float) -> None:
        """Starts replicas, or removes them at once."""
        if desired > self.replicas:
            self.starting, self.serves_at = desired - self.replicas, seconds + START_UP
        else:
            self.replicas = desired


def simulate(
    curve: Curve,
    rules: Autoscale = RULES,
    seconds: int = SECONDS,
    machine: Sequence[Bound] = (),
    lost: float = 0.0,
    seed: int = 1,
) -> list[tuple[float, float, int]]:
    """(seconds, requests/s, replicas) of each second. ``lost``: share of rounds without a sample of the log."""
    chance, model, past = random.Random(seed), Model(rules.min), Past()
    recent: list[float] = []
    taken: list[tuple[float, float, int]] = []
    bounds = Bounds(rules.min, rules.max, tuple(machine))
    for now in range(seconds):
        rate = curve(now)
        recent = [*recent, rate][-int(WINDOW) :]
        model.tick(now, rate)
        taken.append((now, rate, model.replicas))
        if now % INTERVAL or model.busy:
            continue
        mean, seen = max(sum(recent) / len(recent), at_least(int(recent[-1]))), chance.random() >= lost
        cpu = min(1.0, mean / (model.replicas * CAPACITY))
        replicas = tuple(Observed(f"app-{number}", cpu=cpu) for number in range(model.replicas))
        samples = Samples(now, replicas, mean if seen else None, model.p95(mean) if seen else None)
        past = past.known(now, samples.now)
        decision = decide(samples, bounds, rules, past)
        past = past.then(now, decision.asked)
        if decision.desired != decision.now:
            past = past.changed(now, decision.desired - decision.now)
            model.scale(decision.desired, now)
    return taken


def figures(name: str, taken: list[tuple[float, float, int]], rules: Autoscale = RULES) -> Figures:
    """What a simulation shows."""
    needed = [min(rules.max, max(rules.min, math.ceil(rate / CAPACITY))) for _, rate, _ in taken]
    numbers = [replicas for _, _, replicas in taken]
    moves = [after - before for before, after in itertools.pairwise(numbers) if after != before]
    short = [have < need for have, need in zip(numbers, needed, strict=True)]
    backlog, slow = 0.0, 0
    for _, rate, replicas in taken:
        backlog = max(0.0, backlog + rate - replicas * CAPACITY)
        slow += backlog > replicas * CAPACITY
    begun = short.index(True) if True in short else 0
    enough = short.index(False, begun)
    pairs = list(zip(numbers, needed, strict=True))
    return Figures(
        curve=name,
        changes=len(moves),
        reversals=sum((before > 0) is not (after > 0) for before, after in itertools.pairwise(moves)),
        least=min(numbers),
        most=max(numbers),
        over=sum(max(0, have - need) for have, need in pairs) / sum(needed),
        under=sum(max(0, need - have) for have, need in pairs) / sum(needed),
        short=sum(short),
        slow=slow,
        first=enough - begun,
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.autoscale", description=__doc__)
    parser.add_argument("--json", action="store_true")
    results = [figures(name, simulate(curve)) for name, curve in CURVES.items()]
    if parser.parse_args(arguments).json:
        print(json.dumps([asdict(each) for each in results]))
        return 0
    print("| curve | changes | reversals | replicas | over | under | too few, s | waits > 1 s | first, s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for each in results:
        print(
            f"| {each.curve} | {each.changes} | {each.reversals} | {each.least} to {each.most} | {each.over:.0%} | "
            f"{each.under:.1%} | {each.short:g} | {each.slow:g} | {each.first:g} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
