"""The decision of a round: the desired number of replicas, and what limited it. Pure.

The semantics are those of Kubernetes: documentation "Horizontal Pod Autoscaling", "Algorithm details" and
"Configurable scaling behavior" (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/), in this
order:

1. Each metric asks for ceil(replicas x value / target), or for the current number if within the tolerance (``asks``).
2. The largest number wins. If a metric could not be measured, the service is not scaled down.
3. It is scaled up at most to the smallest number in the ``up`` window, and down at most to the largest in the ``down``
   window.
4. Policies limit the change per period.
5. The number stays between min and max, and never rises beyond what connections, memory and cores allow. Kubernetes has
   no such limit: there, a pod that does not fit stays pending.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ops.autoscale.asks import PROPORTIONAL, Ask, asks
from ops.autoscale.bounds import Bounds
from ops.autoscale.past import Past
from ops.autoscale.samples import Samples
from ops.project.policy import Policy
from ops.project.settings import Autoscale, ScaleDown, ScaleUp, Select

MISSING, WINDOW, POLICY, LEAST, MOST = "missing", "stabilization", "policy", "min", "max"


@dataclass(frozen=True, slots=True)
class Limit:
    """What limited the number: MISSING, WINDOW, POLICY, LEAST, MOST, or the name of a limit of the machine.

    ``change``: what would have to change to lift the limit.
    """

    name: str
    before: int
    after: int
    why: str
    change: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``now``: current replicas; ``asked``: replicas that the metrics ask for; ``desired``: after all limits."""

    time: float
    now: int
    asked: int
    desired: int
    asks: tuple[Ask, ...]
    limits: tuple[Limit, ...]

    @property
    def stopped_by(self) -> Limit | None:
        """The last limit that changed the number."""
        return self.limits[-1] if self.limits else None

    @property
    def leading(self) -> Ask | None:
        """The metric that asks for the most."""
        known = [ask for ask in self.asks if ask.replicas is not None]
        return max(known, key=lambda ask: ask.replicas or 0, default=None)


def decide(samples: Samples, bounds: Bounds, rules: Autoscale, past: Past) -> Decision:
    """``past``: as returned by ``Past.known`` for the same time. As in Kubernetes, 0 replicas stay 0."""
    now = samples.now
    if now == 0:
        return Decision(samples.time, 0, 0, 0, (), ())
    wanted = asks(samples, rules)
    steps = _Steps(now, _largest(wanted, now))
    missing = [ask.metric for ask in wanted if ask.replicas is None]
    if missing and steps.number < now:
        steps.to(now, MISSING, f"{', '.join(missing)} could not be measured", f"see why: {_reasons(wanted)}")
    asked = steps.number
    if now > bounds.most:
        return _decided(samples, asked, wanted, _Steps(now, now).to(bounds.most, MOST, *_beyond(bounds.most)))
    _stabilize(steps, samples, rules, past)
    _limit_rate(steps, samples, rules, past)
    if steps.number < bounds.least:
        steps.to(bounds.least, LEAST, f"x-videa.autoscale.min is {bounds.least}", "lower x-videa.autoscale.min")
    if steps.number > bounds.most:
        steps.to(bounds.most, MOST, *_beyond(bounds.most))
    tightest = bounds.tightest
    if tightest and steps.number > max(now, tightest.most):
        steps.to(max(now, tightest.most), tightest.name, tightest.why, tightest.change)
    return _decided(samples, asked, wanted, steps)


class _Steps:
    """The number as it passes through the steps of the decision."""

    def __init__(self, now: int, number: int) -> None:
        self.now, self.number = now, number
        self.limits: list[Limit] = []

    def to(self, number: int, name: str, why: str, change: str) -> _Steps:
        if number != self.number:
            self.limits.append(Limit(name, self.number, number, why, change))
            self.number = number
        return self


def _decided(samples: Samples, asked: int, wanted: tuple[Ask, ...], steps: _Steps) -> Decision:
    return Decision(samples.time, samples.now, asked, steps.number, wanted, tuple(steps.limits))


def _largest(wanted: tuple[Ask, ...], now: int) -> int:
    """The largest number asked for. If only non-proportional metrics are known and ask for nothing: ``now`` - 1."""
    known = [ask for ask in wanted if ask.replicas is not None]
    largest = max((ask.replicas or 0 for ask in known), default=now)
    return largest if largest or any(ask.metric in PROPORTIONAL for ask in known) else max(now - 1, 1)


def _reasons(wanted: tuple[Ask, ...]) -> str:
    return "; ".join(f"{ask.metric}: {ask.note or 'no sample'}" for ask in wanted if ask.replicas is None)


def _beyond(most: int) -> tuple[str, str]:
    return f"x-videa.autoscale.max is {most}", "raise x-videa.autoscale.max"


def _stabilize(steps: _Steps, samples: Samples, rules: Autoscale, past: Past) -> None:
    now, up, down = samples.now, float(rules.up.stabilization), float(rules.down.stabilization)
    smallest, _ = past.extremes(samples.time - up, steps.number)
    _, largest = past.extremes(samples.time - down, steps.number)
    if steps.number > now and smallest < steps.number:
        steps.to(
            max(now, smallest),
            WINDOW,
            f"the smallest number asked for in the last {up:g} s is {smallest}",
            "wait, or shorten x-videa.autoscale.up.stabilization",
        )
    elif steps.number < now and largest > steps.number:
        steps.to(
            min(now, largest),
            WINDOW,
            f"the largest number asked for in the last {down:g} s is {largest}",
            "wait, or shorten x-videa.autoscale.down.stabilization",
        )


def _limit_rate(steps: _Steps, samples: Samples, rules: Autoscale, past: Past) -> None:
    now = samples.now
    if steps.number > now:
        most = max(now, _allowed(rules.up, samples, past, max, _more))
        if steps.number > most:
            steps.to(most, POLICY, *_slow("up", rules.up))
    elif steps.number < now:
        least = min(now, _allowed(rules.down, samples, past, min, _fewer))
        if steps.number < least:
            steps.to(least, POLICY, *_slow("down", rules.down))


def _allowed(
    rules: ScaleUp | ScaleDown,
    samples: Samples,
    past: Past,
    furthest: Callable[[list[int]], int],
    step: Callable[[int, Policy], int],
) -> int:
    """The number that the policies allow. ``furthest``: of several numbers, picks the one with the largest change."""
    if rules.select is Select.DISABLED:
        return samples.now
    numbers = [
        step(past.start_of_period(samples.time - policy.period, samples.now), policy) for policy in rules.policies
    ]
    nearest = min if furthest is max else max
    return furthest(numbers) if rules.select is Select.MAX else nearest(numbers)


def _more(start: int, policy: Policy) -> int:
    return start + (math.ceil(start * policy.amount / 100) if policy.relative else policy.amount)


def _fewer(start: int, policy: Policy) -> int:
    return math.floor(start * (1 - policy.amount / 100)) if policy.relative else start - policy.amount


def _slow(key: str, rules: ScaleUp | ScaleDown) -> tuple[str, str]:
    if rules.select is Select.DISABLED:
        return f"x-videa.autoscale.{key}.select is disabled", f"remove x-videa.autoscale.{key}.select"
    listed = ", ".join(rules.policies)
    return f"x-videa.autoscale.{key}.policies allow {listed}", f"wait, or raise x-videa.autoscale.{key}.policies"
