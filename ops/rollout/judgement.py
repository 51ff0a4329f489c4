"""Compares the canary with stable. Pure: facts and the requests of both in the same window in, a verdict out.

Exact tests, one-sided, at LEVEL: binomial for "it fails more often than the bound allows" and for "over 1% of its
requests are slower than the limit of the 99th percentile"; Fisher's for "it fails more often than stable", and for each
class of status and for answers without a body, in total and by route (``ops.rollout.mix``). Exact, because a canary has
few requests, and the usual normal approximation treats one failure in a hundred as significant. A bound that is
exceeded, but not significantly, gives an inconclusive verdict: judging continues until there are enough requests. An
early test for a clearly bad canary also runs every second, at EARLY_LEVEL, because so many tests at LEVEL would find a
difference by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import StatisticsError, correlation, linear_regression

from ops.balancer.tally import Latencies, Mix, total
from ops.events import Kind, VerdictGiven
from ops.project.settings import Canary
from ops.rollout.exact import fisher, tail
from ops.rollout.mix import CLIENT_ERROR, SUCCESS, difference

LEVEL = 0.01
"""The probability that one test at one step fails a canary that is as good as stable."""

EARLY_LEVEL = 0.00001
"""The same for an early test: lower, because each step has many of them."""

STABLE_ENOUGH = 100
"""Minimum of requests to stable before its 99th percentile is used."""

REFUSING = 0.95
"""From this share of 4xx on, answers that cannot be compared with stable's do not show that the release works."""

LEAK_SAMPLES, LEAK_FIT, LEAK_HORIZON, LEAK_FILL = 10, 0.9, 300.0, 0.5
"""A leak: minimum of samples, minimum fit to a line (R^2), maximum of seconds until full, minimum share in use."""

LEAK_END, LEAK_LATE_GROWTH = 3, 0.5
"""For a leak, memory must still grow in the last third of the samples, at this share of its overall rate."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason``: text; ``numbers``: the figures of both samples; ``canary``, ``stable``: their histograms."""

    kind: Kind
    reason: str
    numbers: str
    canary: tuple[int, ...] = ()
    stable: tuple[int, ...] = ()

    def given(self, percent: float) -> VerdictGiven:
        """The event for this verdict, with the canary at ``percent`` of the traffic."""
        return VerdictGiven(percent, self.kind, self.reason, self.numbers, self.canary, self.stable)


@dataclass(frozen=True)
class Sample:
    """The requests to the canary or to stable in the window. ``failed``: status 500 and above, or no answer.

    ``latencies``: of the answers; ``waiting``: waiting time of each unanswered request, seconds; ``cold``: answers
    during the warm-up of a replica, whose latency does not count; ``routes``: the mix of answers by route.
    """

    failed: int
    latencies: Latencies
    unanswered: int = 0
    waiting: Sequence[float] = ()
    cold: int = 0
    routes: Mapping[str, Mix] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return self.latencies.count + self.cold + self.unanswered

    @property
    def success(self) -> float:
        """Percent of the requests; 100 if there are none."""
        return 100.0 * (1 - self.failed / self.requests) if self.requests else 100.0

    @cached_property
    def p99(self) -> float:
        """The 99th percentile of the latencies, in seconds."""
        return self.latencies.percentile(99)

    def slower_than(self, limit: float) -> int:
        """Requests that took, or have been waiting for, longer than ``limit`` seconds."""
        return self.latencies.above(limit) + self.overdue(limit)

    def overdue(self, limit: float) -> int:
        """Unanswered requests that have been waiting for longer than ``limit`` seconds."""
        return sum(1 for seconds in self.waiting if seconds > limit)

    def __str__(self) -> str:
        if not self.requests:
            return "no requests"
        cold = f", {self.cold} while warming up" if self.cold else ""
        return f"{self.requests} requests{cold}, {self.success:.2f}% ok, p99 {self.p99 * 1000:.0f} ms"


@dataclass(frozen=True, slots=True)
class Fact:
    """A replica of the canary. ``memory``: (seconds, bytes) over time; ``limit``: bytes or None."""

    name: str
    running: bool
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    memory: tuple[tuple[float, int], ...] = ()
    limit: int | None = None


def judge(
    canary: Sample,
    stable: Sample,
    facts: Sequence[Fact],
    bounds: Canary,
    early: bool = False,
    faults: Sequence[str] = (),
    compared: bool = False,
) -> Verdict:
    """The verdict on a window. ``early``: an early test, in which only a clearly bad canary gets a FAIL.

    ``faults``: complaints of the canary's replicas, as text; ``compared``: the canary has passed a step at which stable
    had requests too, so its mix of answers is known to match that of stable.
    """
    numbers = f"canary: {canary}; stable: {stable}"
    for fact in facts:
        if reason := ended(fact) or leak(fact):
            return Verdict(Kind.FAIL, reason, numbers)
    if faults:
        return Verdict(Kind.FAIL, "; ".join(faults), numbers)
    if canary.requests + canary.overdue(p99_limit(stable, bounds)) < bounds.min_requests:
        seen = f"{canary.requests} of {bounds.min_requests} requests are too few to judge"
        return Verdict(Kind.INCONCLUSIVE, seen, numbers)
    level = EARLY_LEVEL if early else LEVEL
    failing = _failures(canary, stable, bounds, level, numbers)
    if failing and failing.kind is Kind.FAIL:
        return failing
    unlike = _unlike(canary, stable, level, compared, numbers)
    return unlike or failing or _slowness(canary, stable, bounds, level, numbers)


def _failures(canary: Sample, stable: Sample, bounds: Canary, level: float, numbers: str) -> Verdict | None:
    below = tail(canary.requests, canary.failed, 1 - bounds.min_success_rate / 100)
    words = f"{canary.success:.2f}% of its requests succeed, {bounds.min_success_rate:g}% is the bound"
    if canary.success < bounds.min_success_rate and below < level:
        return Verdict(Kind.FAIL, f"{words} (p = {below:.2g}, level {level:g})", numbers)
    chance = fisher(canary.failed, canary.requests, stable.failed, stable.requests)
    if chance < level:
        reason = (
            f"it fails more often than stable, {100 - canary.success:.2f}% against {100 - stable.success:.2f}% "
            f"(p = {chance:.2g}, level {level:g})"
        )
        return Verdict(Kind.FAIL, reason, numbers)
    if canary.success < bounds.min_success_rate:
        few = f"{words}, but {canary.failed} failures of {canary.requests} requests are too few to tell"
        return Verdict(Kind.INCONCLUSIVE, few, numbers)
    return None


def _unlike(canary: Sample, stable: Sample, level: float, compared: bool, numbers: str) -> Verdict | None:
    """A FAIL if its mix of answers differs from stable's; INCONCLUSIVE if stable has too few requests to tell."""
    if changed := difference(canary.routes, stable.routes, level):
        return Verdict(Kind.FAIL, changed, numbers)
    mix, answers = total(canary.routes), total(stable.routes).answers
    refused = mix.classes[CLIENT_ERROR]
    if compared or not refused or refused < REFUSING * mix.answers:
        return None
    good = Mix(Counter({SUCCESS: answers}))
    if difference({"": mix}, {"": good}, level):  # so stable has them too, or they would have been found
        return None
    few = "too few" if answers else "none"
    words = f"{refused} of {mix.answers} answers are client errors (4xx), and stable has {few} to compare with"
    return Verdict(Kind.INCONCLUSIVE, words, numbers)


def _slowness(canary: Sample, stable: Sample, bounds: Canary, level: float, numbers: str) -> Verdict:
    limit = p99_limit(stable, bounds)
    overdue = canary.overdue(limit)
    slow, count = canary.slower_than(limit), canary.latencies.count + overdue
    if 100 * slow > count:  # then the nearest rank of the 99th percentile is a slow request
        chance = tail(count, slow, 0.01)
        words = f"p99 {canary.p99 * 1000:.0f} ms is above {limit * 1000:.0f} ms"
        if canary.p99 <= limit:
            words = f"{overdue} requests have no answer after {limit * 1000:.0f} ms"
        if chance < level:
            reason = f"{words}: {slow} of {count} requests are slower (p = {chance:.2g}, level {level:g})"
            return Verdict(Kind.FAIL, reason, numbers)
        return Verdict(Kind.INCONCLUSIVE, f"{words}, but {slow} of {count} requests are too few to tell", numbers)
    if count < bounds.min_requests and canary.cold:
        seen = f"{count} of {bounds.min_requests} requests since it has warmed up are too few to judge its speed"
        return Verdict(Kind.INCONCLUSIVE, seen, numbers)
    return Verdict(Kind.PASS, "as good as stable" if stable.requests else "within its bounds", numbers)


def p99_limit(stable: Sample, bounds: Canary) -> float:
    """Maximum of the canary's 99th percentile, seconds: the bound, or more if stable itself is slower."""
    if stable.requests < STABLE_ENOUGH:
        return float(bounds.max_p99)
    return max(float(bounds.max_p99), bounds.max_p99_ratio * stable.p99)


def ended(fact: Fact) -> str:
    """Why a replica that exited or was restarted fails the canary; empty if neither happened."""
    if fact.oom_killed:
        return f"{fact.name} was killed for lack of memory"
    if not fact.running:
        return f"{fact.name} exited with exit code {fact.exit_code}"
    if fact.restarts:
        return f"{fact.name} was restarted {fact.restarts} time" + ("s" if fact.restarts > 1 else "")
    return ""


def leak(fact: Fact) -> str:
    """Why the growth of a replica's memory fails the canary; empty if there is no leak.

    A leak grows along a line that reaches the limit within LEAK_HORIZON, already uses LEAK_FILL of the limit, and still
    grows at the end: a process that warms up, or fills a cache up to its size, has no leak.
    """
    if fact.limit is None or len(fact.memory) < LEAK_SAMPLES:
        return ""
    used = fact.memory[-1][1]
    slope, fit = _line(fact.memory)
    lately, _ = _line(fact.memory[-max(LEAK_SAMPLES // 2, len(fact.memory) // LEAK_END) :])
    if used < LEAK_FILL * fact.limit or slope <= 0 or fit < LEAK_FIT or lately < LEAK_LATE_GROWTH * slope:
        return ""
    left = (fact.limit - used) / lately
    if left > LEAK_HORIZON:
        return ""
    mib = 1 << 20
    return (
        f"{fact.name} leaks memory: {used / mib:.0f} of {fact.limit / mib:.0f} MiB, "
        f"{lately / mib:.1f} MiB/s more, full in {left:.0f} s"
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope of the least-squares line through ``points``, and how well it fits (R^2); (0, 0) for constant values."""
    times, values = zip(*points, strict=True)
    try:
        return linear_regression(times, values).slope, correlation(times, values) ** 2
    except StatisticsError:
        return 0.0, 0.0
